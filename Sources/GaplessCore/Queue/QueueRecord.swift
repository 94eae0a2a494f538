/// One queue without its messages: what a store keeps in the queue's row, and the rules that every store shares.
///
/// A store finds the record, asks it, does to the messages what the answer says, and writes the record back, all in one
/// transaction. The record never sees a clock or a disk: times and what is known of single messages are passed in.
/// A message that is *kept* has a row, expired or not; the record counts these rows.
package struct QueueRecord: Hashable, Sendable {
    /// Whose queue it is.
    package let client: ClientID
    /// The numbering; its incarnation is always the store's.
    package var epoch: Epoch
    /// How often a connection attached; zero when none ever did.
    package var generation: Generation
    /// The newest number given.
    package var head: SequenceNumber
    /// The highest number acknowledged.
    package var floor: SequenceNumber
    /// The commit time of the message at the floor; nil when that message was gone before it was acknowledged, or at floor zero.
    package var floorTime: Timestamp?
    /// The highest number that retention took, by age or overflow; it never moves the floor.
    package var discardedThrough: SequenceNumber
    /// The highest number that went by overflow.
    package var overflowedThrough: SequenceNumber
    /// What is kept.
    package var kept: KeptSum
    /// The newest attachment; nil when there never was one.
    package var lastAttachment: LastAttachment?
    /// The marks of the outboxes used last.
    package var outboxes: OutboxMarks
    /// How long the queue is kept after detach, as granted to the newest attachment.
    package var keep: Duration
    /// When the queue was created.
    package var created: Timestamp

    /// All parts, as a store reads them from a row.
    package init(
        client: ClientID,
        epoch: Epoch,
        generation: Generation,
        head: SequenceNumber,
        floor: SequenceNumber,
        floorTime: Timestamp?,
        discardedThrough: SequenceNumber,
        overflowedThrough: SequenceNumber,
        kept: KeptSum,
        lastAttachment: LastAttachment?,
        outboxes: OutboxMarks,
        keep: Duration,
        created: Timestamp
    ) {
        self.client = client
        self.epoch = epoch
        self.generation = generation
        self.head = head
        self.floor = floor
        self.floorTime = floorTime
        self.discardedThrough = discardedThrough
        self.overflowedThrough = overflowedThrough
        self.kept = kept
        self.lastAttachment = lastAttachment
        self.outboxes = outboxes
        self.keep = keep
        self.created = created
    }

    /// A queue that begins now: nothing in it, nobody attached.
    ///
    /// - Parameter epoch: one that was never used before (Protocol.md §5.3, R5.3-9).
    package init(creating client: ClientID, epoch: Epoch, keep: Duration, now: Timestamp) {
        self.init(
            client: client,
            epoch: epoch,
            generation: .zero,
            head: .zero,
            floor: .zero,
            floorTime: nil,
            discardedThrough: .zero,
            overflowedThrough: .zero,
            kept: .zero,
            lastAttachment: nil,
            outboxes: OutboxMarks(),
            keep: keep,
            created: now
        )
    }

    /// What the current attachment does things under.
    package var fence: Fence {
        Fence(epoch: self.epoch, generation: self.generation)
    }

    /// Who is attached; nil when nobody is. Whether its node is alive is another question.
    package var holder: Holder? {
        guard let last = self.lastAttachment, last.detached == nil else { return nil }
        return Holder(fence: self.fence, instance: last.instance, node: last.node)
    }

    /// The store began a new life; the queue's own part of the epoch stays, and every old fence is void.
    package mutating func changeIncarnation(to incarnation: Incarnation) {
        self.epoch = Epoch(incarnation: incarnation, queue: self.epoch.queue)
    }

    /// Whether the queue ever had a message.
    package var hasHadMessage: Bool { self.head > .zero }
}

/// The newest attachment of a queue; it is remembered after its end, for late attempts (Protocol.md §5.3).
package struct LastAttachment: Hashable, Sendable {
    /// The client object that attached.
    package var instance: InstanceID
    /// Which of its connections.
    package var attempt: Attempt
    /// The process that the connection ends in.
    package var node: NodeIdentity
    /// When it attached.
    package var attached: Timestamp
    /// When it ended; nil while it is the queue's one voice.
    package var detached: Timestamp?

    package init(instance: InstanceID, attempt: Attempt, node: NodeIdentity, attached: Timestamp, detached: Timestamp? = nil) {
        self.instance = instance
        self.attempt = attempt
        self.node = node
        self.attached = attached
        self.detached = detached
    }
}

/// A number of messages and of their payload bytes.
package struct KeptSum: Hashable, Sendable {
    package var messages: Int
    package var bytes: Int

    /// Nothing.
    package static let zero = KeptSum(messages: 0, bytes: 0)

    package init(messages: Int, bytes: Int) {
        self.messages = messages
        self.bytes = bytes
    }

    package static func += (left: inout KeptSum, right: KeptSum) {
        left.messages += right.messages
        left.bytes += right.bytes
    }

    package static func -= (left: inout KeptSum, right: KeptSum) {
        left.messages -= right.messages
        left.bytes -= right.bytes
        precondition(left.messages >= 0 && left.bytes >= 0, "more was removed from a queue than it kept")
    }
}

/// What a store knows of the times of one kept message.
package struct KeptTimes: Hashable, Sendable {
    /// The time of its commit.
    package var time: Timestamp
    /// From this moment on it counts as gone.
    package var expires: Timestamp

    package init(time: Timestamp, expires: Timestamp) {
        self.time = time
        self.expires = expires
    }

    /// Whether it counts as gone, swept or not (Protocol.md §6.2, R6.2-3).
    package func isExpired(at now: Timestamp) -> Bool {
        #if MUTANTS
        if Mutant.youngExpired.isPlanted { return now + .seconds(60) >= self.expires }
        #endif
        return now >= self.expires
    }
}
