/// The number of one message of one queue: consecutive from 1, never reused within an epoch, never wrapping.
///
/// Zero is not the number of a message; it stands for "nothing yet" in positions, floors and heads.
/// The bound of 2^53-1 lets every JSON reader hold the number exactly (Protocol.md §3.4).
public struct SequenceNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number itself, 0 through 2^53-1.
    public let rawValue: UInt64

    /// "Nothing yet": the position before the first message.
    public static let zero = SequenceNumber(unchecked: 0)

    /// The number of the first message of a queue.
    public static let first = SequenceNumber(unchecked: 1)

    /// The highest number that a queue can give out, 2^53-1.
    public static let max = SequenceNumber(unchecked: Limits.maxInteger)

    private init(unchecked rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Wraps a number; nil when it is above 2^53-1.
    public init?(exactly rawValue: UInt64) {
        guard rawValue <= Limits.maxInteger else { return nil }
        self.rawValue = rawValue
    }

    /// Wraps a number that is known to be in range.
    ///
    /// - Precondition: `rawValue` is at most 2^53-1.
    public init(_ rawValue: UInt64) {
        precondition(rawValue <= Limits.maxInteger, "a sequence number is at most 2^53-1")
        self.rawValue = rawValue
    }

    /// The number after this one.
    ///
    /// - Precondition: this is not the highest number.
    public var next: SequenceNumber {
        SequenceNumber(self.rawValue + 1)
    }

    /// The number before this one.
    ///
    /// - Precondition: this is not zero.
    public var previous: SequenceNumber {
        precondition(self.rawValue > 0, "nothing comes before zero")
        return SequenceNumber(unchecked: self.rawValue - 1)
    }

    /// The number `count` after this one.
    ///
    /// - Precondition: the result is at most 2^53-1.
    package func advanced(by count: UInt64) -> SequenceNumber {
        SequenceNumber(self.rawValue + count)
    }

    /// Whether the left number was given first.
    public static func < (left: SequenceNumber, right: SequenceNumber) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The number in decimal digits.
    public var description: String { String(self.rawValue) }
}

/// A run of sequence numbers, never empty: `first` through `last`, both included.
public struct SequenceRange: Hashable, Sendable, CustomStringConvertible {
    /// The lowest number of the range.
    public let first: SequenceNumber

    /// The highest number of the range.
    public let last: SequenceNumber

    /// - Precondition: `first` is at least 1 and at most `last`.
    public init(_ first: SequenceNumber, through last: SequenceNumber) {
        precondition(SequenceNumber.zero < first && first <= last, "a sequence range is never empty and starts at 1 or later")
        self.first = first
        self.last = last
    }

    /// How many numbers the range holds; at least 1.
    public var count: UInt64 { self.last.rawValue - self.first.rawValue + 1 }

    /// The two ends with a hyphen between them.
    public var description: String { "\(self.first)-\(self.last)" }
}
