public import GaplessCore

/// One queue as an operator sees it.
public struct QueueDescription: Hashable, Sendable {
    /// Where a client is attached.
    public struct Attachment: Hashable, Sendable {
        /// The node that its connection ends in.
        public let node: NodeName
        /// The client object.
        public let instance: InstanceID
        /// The attachment's number.
        public let generation: Generation
    }

    /// Whose queue.
    public let client: ClientID
    /// The numbering of its messages.
    public let epoch: Epoch
    /// How often a client attached.
    public let generation: Generation
    /// The newest number.
    public let head: SequenceNumber
    /// The highest number acknowledged.
    public let acknowledged: SequenceNumber
    /// The highest number that retention dropped.
    public let discarded: SequenceNumber
    /// How many messages wait.
    public let depth: Int
    /// Their payload bytes.
    public let bytes: Int
    /// When the oldest of them was committed; nil when none waits.
    public let oldest: Timestamp?
    /// Who is attached; nil when nobody is.
    public let attachment: Attachment?
    /// When the queue was created.
    public let created: Timestamp
    /// When a client last attached; nil when none ever did.
    public let lastAttached: Timestamp?
    /// When a client last detached; nil when none ever did.
    public let lastDetached: Timestamp?

    package init(_ snapshot: QueueSnapshot) {
        self.client = snapshot.client
        self.epoch = snapshot.epoch
        self.generation = snapshot.generation
        self.head = snapshot.head
        self.acknowledged = snapshot.floor
        self.discarded = snapshot.discardedThrough
        self.depth = snapshot.messages
        self.bytes = snapshot.bytes
        self.oldest = snapshot.oldest
        self.attachment = snapshot.holder.map {
            Attachment(node: $0.node.name, instance: $0.instance, generation: $0.fence.generation)
        }
        self.created = snapshot.created
        self.lastAttached = snapshot.attached
        self.lastDetached = snapshot.detached
    }
}
