/// How much of a client's queue the server keeps while nobody has acknowledged it, and for how long.
public struct RetentionPolicy: Hashable, Sendable {
    /// The most messages kept for one client. Default 1,000; a server takes 1 through 10,000,000.
    public var maxMessages: Int

    /// The most payload bytes kept for one client. Default 4 MiB; a server takes 1 byte through 1 TiB. A larger message is refused.
    public var maxBytes: Int

    /// How long a message is kept at most, whatever its time to live. Default 1 h; a server takes 1 ms through 365 days.
    public var maxAge: Duration

    /// What happens to a message that does not fit. Default: the oldest give way, and the client is told.
    public var onOverflow: OverflowPolicy

    /// How long a queue is kept after its client went away, unless the client asks for another time. Default 24 h; at most what `maxKeep` of
    /// the server says. A queue that never had a message goes after 60 s.
    public var keep: Duration

    /// The defaults, or other values.
    ///
    /// - Precondition: counts are at least 1, `maxAge` at least 1 ms, `keep` not negative.
    public init(
        maxMessages: Int = 1_000,
        maxBytes: Int = 4_194_304,
        maxAge: Duration = .seconds(3_600),
        onOverflow: OverflowPolicy = .discardOldest,
        keep: Duration = .seconds(86_400)
    ) {
        precondition(
            maxMessages >= 1 && maxBytes >= 1 && maxAge.milliseconds >= 1 && keep >= .zero,
            "retention keeps at least something"
        )
        self.maxMessages = maxMessages
        self.maxBytes = maxBytes
        self.maxAge = maxAge
        self.onOverflow = onOverflow
        self.keep = keep
    }
}

/// What happens when a queue is full.
public enum OverflowPolicy: String, Hashable, Sendable {
    /// The oldest messages give way; the client is told by a gap.
    case discardOldest
    /// The new message is refused; the sender is told.
    case rejectNew
}
