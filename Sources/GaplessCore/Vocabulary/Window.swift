/// How many messages and bytes may be in flight unacknowledged, in one direction of one connection (Protocol.md §6.4, §7.3).
public struct Window: Hashable, Sendable {
    /// The most messages in flight, at least 1.
    public let messages: UInt64

    /// The most payload bytes in flight, at least 1; one message may always be in flight, whatever its size.
    public let bytes: UInt64

    /// - Precondition: both are at least 1 and at most 2^53-1.
    public init(messages: UInt64, bytes: UInt64) {
        precondition((1...Limits.maxInteger).contains(messages) && (1...Limits.maxInteger).contains(bytes), "a window is never closed")
        self.messages = messages
        self.bytes = bytes
    }

    /// 256 messages and 1 MiB.
    public static let defaultDownlink = Window(messages: 256, bytes: 1_048_576)

    /// 64 messages and 256 KiB.
    public static let defaultUplink = Window(messages: 64, bytes: 262_144)

    /// The smaller of the two in each dimension.
    package func narrowed(to other: Window) -> Window {
        Window(messages: min(self.messages, other.messages), bytes: min(self.bytes, other.bytes))
    }
}
