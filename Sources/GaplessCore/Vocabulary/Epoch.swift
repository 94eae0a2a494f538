/// One life of a store: random, new when the store is created, restored, or found to have gone back in time.
public struct Incarnation: Hashable, Sendable, CustomStringConvertible {
    /// The random value.
    public let rawValue: UInt64

    /// Wraps a random value.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Sixteen hexadecimal digits.
    public var description: String { hexadecimal(self.rawValue) }
}

/// One numbering of one queue: the store's incarnation and a random value of the queue's own.
///
/// On the wire it is opaque text (Protocol.md §3.6): a client only ever compares it for equality.
public struct Epoch: Hashable, Sendable, CustomStringConvertible {
    /// The life of the store that gave out the numbers.
    public let incarnation: Incarnation

    /// The queue's own part: random, new when the queue is created or loses its numbering.
    public let queue: UInt64

    /// Joins the two parts.
    public init(incarnation: Incarnation, queue: UInt64) {
        self.incarnation = incarnation
        self.queue = queue
    }

    /// Parses what `description` gives; nil for anything else.
    public init?(_ token: EpochToken) {
        let bytes = Array(token.description.utf8)
        guard bytes.count == 33, bytes[16] == UInt8(ascii: "."),
            let incarnation = parseHexadecimal(bytes[..<16]), let queue = parseHexadecimal(bytes[17...])
        else { return nil }
        self.init(incarnation: Incarnation(rawValue: incarnation), queue: queue)
    }

    /// Two groups of sixteen hexadecimal digits, joined by a full stop.
    public var description: String { "\(self.incarnation).\(hexadecimal(self.queue))" }

    /// The epoch as a client sees it.
    package var token: EpochToken { EpochToken(unchecked: self.description) }
}

/// An epoch as a client sees it: 1 to 64 characters of `A-Z a-z 0-9 . _ ~ -` that mean nothing to it.
public struct EpochToken: Hashable, Sendable, CustomStringConvertible {
    /// The text.
    public let description: String

    /// Parses the text; nil when it is empty, too long, or holds another character.
    public init?(_ text: String) {
        guard isToken(text) else { return nil }
        self.description = text
    }

    init(unchecked text: String) {
        self.description = text
    }
}

/// Counts the attachments of one queue, within and across epochs; it never goes back.
public struct Generation: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The count, 0 through 2^53-1; 0 before the first attachment.
    public let rawValue: UInt64

    /// Never attached.
    public static let zero = Generation(0)

    /// - Precondition: `rawValue` is at most 2^53-1.
    public init(_ rawValue: UInt64) {
        precondition(rawValue <= Limits.maxInteger, "a generation is at most 2^53-1")
        self.rawValue = rawValue
    }

    /// The next attachment's generation.
    public var next: Generation { Generation(self.rawValue + 1) }

    /// Whether the left attachment came first.
    public static func < (left: Generation, right: Generation) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The count in decimal digits.
    public var description: String { String(self.rawValue) }
}

/// What an attachment is allowed to do things under: every effect of a connection carries it and has none when it is not current.
public struct Fence: Hashable, Sendable {
    /// The numbering that was in force at the attachment.
    public let epoch: Epoch

    /// The attachment's number.
    public let generation: Generation

    /// Joins the two.
    public init(epoch: Epoch, generation: Generation) {
        self.epoch = epoch
        self.generation = generation
    }
}

/// Whether the text is 1 to 64 characters of `A-Z a-z 0-9 . _ ~ -`.
func isToken(_ text: String) -> Bool {
    (1...Limits.maxTokenCharacters).contains(text.utf8.count)
        && text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "-"): true
            default: false
            }
        }
}

/// Sixteen lower-case hexadecimal digits.
func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}

/// Reads sixteen lower-case hexadecimal digits; nil for anything else.
func parseHexadecimal(_ digits: some Collection<UInt8>) -> UInt64? {
    guard digits.count == 16 else { return nil }
    var value: UInt64 = 0
    for digit in digits {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
        default: return nil
        }
    }
    return value
}
