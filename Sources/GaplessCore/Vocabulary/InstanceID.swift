/// One client object in one process: a random name that tells a client's own reconnect from a rival.
public struct InstanceID: Hashable, Sendable, CustomStringConvertible {
    /// 1 to 64 characters of `A-Z a-z 0-9 . _ ~ -`.
    public let description: String

    /// Parses a name; nil when it is empty, too long, or holds another character.
    public init?(_ text: String) {
        guard isToken(text) else { return nil }
        self.description = text
    }

    /// Draws a new name of 128 random bits.
    public init(using random: inout some RandomNumberGenerator) {
        self.description = hexadecimal(random.next()) + hexadecimal(random.next())
    }
}

/// The random name of a client's unacknowledged uplink; marks belong to it (Protocol.md §7).
public struct OutboxID: Hashable, Sendable, CustomStringConvertible {
    /// 1 to 64 characters of `A-Z a-z 0-9 . _ ~ -`.
    public let description: String

    /// Parses a name; nil when it is empty, too long, or holds another character.
    public init?(_ text: String) {
        guard isToken(text) else { return nil }
        self.description = text
    }

    /// Draws a new name of 128 random bits.
    public init(using random: inout some RandomNumberGenerator) {
        self.description = hexadecimal(random.next()) + hexadecimal(random.next())
    }
}

/// Counts the connections of one instance, from 1.
public struct Attempt: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The count, 1 through 2^53-1.
    public let rawValue: UInt64

    /// The first connection of an instance.
    public static let first = Attempt(1)

    /// - Precondition: `rawValue` is 1 through 2^53-1.
    public init(_ rawValue: UInt64) {
        precondition(rawValue >= 1 && rawValue <= Limits.maxInteger, "an attempt is 1 through 2^53-1")
        self.rawValue = rawValue
    }

    /// The next connection's attempt.
    public var next: Attempt { Attempt(self.rawValue + 1) }

    /// Whether the left connection came first.
    public static func < (left: Attempt, right: Attempt) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The count in decimal digits.
    public var description: String { String(self.rawValue) }
}
