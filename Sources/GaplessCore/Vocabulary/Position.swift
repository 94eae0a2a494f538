/// How far a client got: the epoch, the number up to which everything was handled, and the newest message handled (Protocol.md §5).
public struct Position: Hashable, Sendable {
    /// The numbering that the numbers belong to.
    public var epoch: EpochToken

    /// Everything through this number was handled, or reported as a gap.
    public var handled: SequenceNumber

    /// The newest message handled in this epoch; nil when there was none.
    public var last: LastMessage?

    /// Joins the parts.
    public init(epoch: EpochToken, handled: SequenceNumber, last: LastMessage? = nil) {
        self.epoch = epoch
        self.handled = handled
        self.last = last
    }
}

/// Number and commit time of the newest message that a client handled; the server compares it with what it stores.
public struct LastMessage: Hashable, Sendable {
    /// The message's number, at least 1.
    public let sequence: SequenceNumber

    /// The time of its commit.
    public let time: Timestamp

    /// Joins the two.
    public init(sequence: SequenceNumber, time: Timestamp) {
        self.sequence = sequence
        self.time = time
    }
}

/// How far a client took what it did not handle yet, gaps included; the server compares it with what it stores (Protocol.md §4.1).
package struct Taken: Hashable, Sendable {
    /// The highest number taken.
    package let through: SequenceNumber

    /// The commit time of the newest message at or below it; zero when there is none.
    package let newest: Timestamp

    /// Joins the two.
    package init(through: SequenceNumber, newest: Timestamp) {
        self.through = through
        self.newest = newest
    }
}
