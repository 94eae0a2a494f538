public import GaplessCore

/// A client attached.
public struct AttachedEvent: Hashable, Sendable {
    /// Who.
    public let client: ClientID
    /// The number of the attachment.
    public let generation: Generation
    /// The stream goes on with the number behind this one.
    public let after: SequenceNumber
    /// The newest number of the queue at that moment.
    public let head: SequenceNumber

    package init(client: ClientID, generation: Generation, after: SequenceNumber, head: SequenceNumber) {
        self.client = client
        self.generation = generation
        self.after = after
        self.head = head
    }
}

/// A client's connection ended and nobody took its place; its queue stays.
public struct DetachedEvent: Hashable, Sendable {
    /// Who.
    public let client: ClientID
    /// The number of the attachment that ended.
    public let generation: Generation

    package init(client: ClientID, generation: Generation) {
        self.client = client
        self.generation = generation
    }
}

/// A client was told that messages are gone.
public struct GapEvent: Hashable, Sendable {
    /// Who.
    public let client: ClientID
    /// Which, and why.
    public let gap: Gap

    package init(client: ClientID, gap: Gap) {
        self.client = client
        self.gap = gap
    }
}

/// A full queue dropped its oldest messages for a new one.
public struct OverflowEvent: Hashable, Sendable {
    /// Whose queue.
    public let client: ClientID
    /// What gave way.
    public let discarded: SequenceRange

    package init(client: ClientID, discarded: SequenceRange) {
        self.client = client
        self.discarded = discarded
    }
}

/// A queue ended, with everything in it.
public struct RemovedEvent: Hashable, Sendable {
    /// Why a queue ended; more reasons may come.
    public struct Reason: Hashable, Sendable, CustomStringConvertible {
        /// The reason's name.
        public let description: String

        /// The client said `BYE`.
        public static let ended = Reason(description: "ended")
        /// An operator, or the service, removed it.
        public static let removed = Reason(description: "removed")
        /// Nobody attached for longer than its lifetime.
        public static let expired = Reason(description: "expired")
        /// It gave way at the limit of clients per user.
        public static let evicted = Reason(description: "evicted")
    }

    /// Whose queue.
    public let client: ClientID
    /// Why.
    public let reason: Reason

    package init(client: ClientID, reason: Reason) {
        self.client = client
        self.reason = reason
    }
}

/// A client handled everything through a number.
public struct DeliveredEvent: Hashable, Sendable {
    /// Who.
    public let client: ClientID
    /// The highest number acknowledged, in `epoch`.
    public let through: SequenceNumber
    /// The numbering.
    public let epoch: Epoch

    package init(client: ClientID, through: SequenceNumber, epoch: Epoch) {
        self.client = client
        self.through = through
        self.epoch = epoch
    }
}
