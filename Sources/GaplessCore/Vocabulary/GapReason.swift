/// Why messages are gone (Protocol.md §4.5). A client accepts reasons that it does not know.
public struct GapReason: Hashable, Sendable, CustomStringConvertible {
    /// The word on the wire: 1 to 32 lower-case letters.
    public let description: String

    /// They grew older than the retention or their own time to live.
    public static let expired = GapReason(unchecked: "expired")

    /// The queue was over its limit of count or bytes, and the oldest gave way.
    public static let overflow = GapReason(unchecked: "overflow")

    /// An operator removed these single messages.
    public static let removed = GapReason(unchecked: "removed")

    /// They were acknowledged before, by another copy of the client's position.
    public static let acknowledged = GapReason(unchecked: "acknowledged")

    private init(unchecked text: String) {
        self.description = text
    }

    /// Parses a word; nil when it is not 1 to 32 lower-case letters.
    public init?(_ text: String) {
        var copy = text
        guard let reason = copy.withUTF8({ GapReason($0.span) }) else { return nil }
        self = reason
    }

    /// Parses a word; nil when it is not 1 to 32 lower-case letters.
    init?(_ bytes: Span<UInt8>) {
        guard (1...32).contains(bytes.count) else { return nil }
        for index in bytes.indices where !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains(bytes[index]) { return nil }
        self.description = bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}

/// A range of messages that the server no longer has, and why.
public struct Gap: Hashable, Sendable {
    /// The numbers that will not come.
    public let range: SequenceRange

    /// Why.
    public let reason: GapReason

    /// Joins the two.
    public init(_ range: SequenceRange, reason: GapReason) {
        self.range = range
        self.reason = reason
    }
}
