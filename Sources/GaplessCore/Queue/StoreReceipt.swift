/// What became of one operation, in the order of the batch. A receipt exists only for what is durable.
package enum StoreReceipt: Hashable, Sendable {
    case append(AppendReceipt)
    case appendSequence(AppendSequenceReceipt)
    case acknowledge(AcknowledgeReceipt)
    case attach(AttachReceipt)
    case detach(DetachReceipt)
    case advanceMark(MarkReceipt)
    case end(EndReceipt)
    case remove(RemoveReceipt)
    case expire(ExpireReceipt)
    case heartbeat(HeartbeatReceipt)
    case order(OrderReceipt)
    case sendAway(SendAwayReceipt)
}

/// Why an operation with a fence did nothing: who holds the queue now, so that the loser can be told the right code (Protocol.md §5.3).
package enum FenceRefusal: Hashable, Sendable {
    /// There is no such queue any more.
    case gone
    /// The queue has another incarnation or epoch.
    case otherEpoch(Epoch)
    /// A newer attachment; `instance` is nil when nobody is attached now.
    case newer(Generation, instance: InstanceID?)
}

/// What became of a send.
package struct AppendReceipt: Hashable, Sendable {
    /// The commit's time on the store's clock.
    package var time: Timestamp
    /// One entry a recipient, in their order; empty when a user has no client.
    package var deliveries: [Delivery]
    /// Whether this is the receipt of an earlier send with the same idempotency key; nothing was stored now.
    package var isRepeat: Bool
    /// Set when the operation as a whole was refused; nothing was stored and `deliveries` is empty.
    package var refusal: AppendRefusal?

    package init(time: Timestamp, deliveries: [Delivery], isRepeat: Bool = false, refusal: AppendRefusal? = nil) {
        self.time = time
        self.deliveries = deliveries
        self.isRepeat = isRepeat
        self.refusal = refusal
    }
}

/// What became of a sequence of sends.
package struct AppendSequenceReceipt: Hashable, Sendable {
    /// One receipt for each message that was stored, in their order. A message counts as stored when it was for every recipient.
    package var stored: [AppendReceipt]
    /// The receipt of the message that ended the sequence; nil when all were stored. Nothing of that message was stored.
    package var refused: AppendReceipt?
    /// Whether this is the receipt of an earlier sequence with the same idempotency key; nothing was stored now.
    package var isRepeat: Bool

    package init(stored: [AppendReceipt], refused: AppendReceipt? = nil, isRepeat: Bool = false) {
        self.stored = stored
        self.refused = refused
        self.isRepeat = isRepeat
    }
}

/// Why a send as a whole was refused.
package enum AppendRefusal: Hashable, Sendable {
    /// The same idempotency key was used for other recipients or another payload.
    case conflict
    /// The table of idempotency keys is full; none is forgotten early.
    case tooManyKeys
    /// The store holds as many bytes as its policy allows.
    case storeFull
}

/// What became of a message at one of its recipients.
package struct Delivery: Hashable, Sendable {
    package var client: ClientID
    package var outcome: Outcome
    /// Who is attached now; a hand-over of the fresh message is allowed to this fence only.
    package var holder: Holder?
    /// Retention made room: messages through this number are gone by overflow now.
    package var discarded: SequenceRange?

    package enum Outcome: Hashable, Sendable {
        /// Stored under this number of this epoch.
        case stored(SequenceNumber, Epoch)
        /// The queue is full and refuses (`rejectNew`).
        case queueFull
        /// The message alone is larger than the queue's limit of bytes.
        case tooLarge
        /// There is no such queue, and the send was to existing ones only.
        case noSuchClient
        /// No queue can be created: the store holds as many as its policy allows.
        case tooManyQueues
    }

    package init(client: ClientID, outcome: Outcome, holder: Holder? = nil, discarded: SequenceRange? = nil) {
        self.client = client
        self.outcome = outcome
        self.holder = holder
        self.discarded = discarded
    }
}

/// What became of an `ACK`.
package enum AcknowledgeReceipt: Hashable, Sendable {
    /// The floor is at least the number now.
    case acknowledged(floor: SequenceNumber, head: SequenceNumber)
    /// The number is above the head; nothing changed.
    case beyondHead(SequenceNumber)
    /// The fence is not current; nothing changed.
    case refused(FenceRefusal)
}

/// What became of a `HELLO`.
package enum AttachReceipt: Hashable, Sendable {
    /// Attached.
    case attached(Attachment)
    /// The attempt is not higher than the one stored for the same instance: 4500, nothing changed.
    case late
    /// Another instance is attached and alive, and the hello is older and without force: 4501, nothing changed.
    case rival
    /// The user has as many clients as allowed, and all are attached: 4453.
    case tooManyClients
    /// The store holds as many queues as its policy allows: 4100.
    case tooManyQueues
    /// There is no queue and the hello may not create one: 4101, nothing changed.
    case tooManyNewQueues
    /// An operator sent the client away with this code; nothing changed.
    case sentAway(CloseCode)

    /// Whether a queue was created.
    package var isCreated: Bool {
        if case .attached(let attachment) = self { attachment.isCreated } else { false }
    }
}

/// An attachment, as the transaction made it.
package struct Attachment: Hashable, Sendable {
    package var fence: Fence
    package var resume: Resume
    /// The stream goes on at the number after this one.
    package var after: SequenceNumber
    package var floor: SequenceNumber
    package var head: SequenceNumber
    /// Highest handled number of the outbox that the hello named; zero when there is none.
    package var mark: SequenceNumber
    /// The bounds of this queue, `keep` as granted.
    package var retention: RetentionPolicy
    /// Who was attached before and is displaced now; nil when nobody was.
    package var displaced: Holder?
    /// Queues that gave way at the limit of clients per user.
    package var evicted: [ClientID]
    /// Whether the queue was created for it.
    package var isCreated: Bool

    package init(
        fence: Fence,
        resume: Resume,
        after: SequenceNumber,
        floor: SequenceNumber,
        head: SequenceNumber,
        mark: SequenceNumber,
        retention: RetentionPolicy,
        displaced: Holder? = nil,
        evicted: [ClientID] = [],
        isCreated: Bool = false
    ) {
        self.fence = fence
        self.resume = resume
        self.after = after
        self.floor = floor
        self.head = head
        self.mark = mark
        self.retention = retention
        self.displaced = displaced
        self.evicted = evicted
        self.isCreated = isCreated
    }
}

/// What became of the end of a connection.
package enum DetachReceipt: Hashable, Sendable {
    /// The queue has no voice now; its lifetime runs.
    case detached
    /// The fence is not current; nothing changed.
    case refused(FenceRefusal)
}

/// What became of a mark.
package enum MarkReceipt: Hashable, Sendable {
    /// The mark moved; one receipt a send of the handler, none of them refused.
    case advanced(sends: [AppendReceipt])
    /// The mark stood there already; nothing changed, and the message is acknowledged.
    case repeated
    /// The mark is neither the number before nor the number; nothing changed.
    case notNext(mark: SequenceNumber)
    /// This send of the handler was refused; nothing changed.
    case sendRefused(index: Int, receipt: AppendReceipt)
    /// The fence is not current; nothing changed.
    case refused(FenceRefusal)
}

/// What became of a `BYE`.
package enum EndReceipt: Hashable, Sendable {
    /// The queue and its marks are gone.
    case ended
    /// The fence is not current; nothing changed.
    case refused(FenceRefusal)
}

/// What became of an operator's removal.
package enum RemoveReceipt: Hashable, Sendable {
    /// The queue is gone; who was attached is to be told the code.
    case removed(holder: Holder?, code: CloseCode)
    /// There was no such queue.
    case noSuchClient
}

/// What a slice of the sweep did.
package struct ExpireReceipt: Hashable, Sendable {
    /// Attached queues that lost messages: news for their connections.
    package var news: [Holder.OfClient]
    /// How many messages are gone.
    package var messages: Int
    /// Queues whose lifetime ended.
    package var queues: [ClientID]
    /// Whether there is more to do right now.
    package var hasMore: Bool
    /// How many messages are kept in each queue that was looked at and is still there; for metrics.
    package var depths: [Int] = []
    /// How old the oldest message is in each of those that hold any; for metrics.
    package var ages: [Duration] = []
    /// What is in the store after the slice; for metrics.
    package var stored = StoredSum(queues: 0, bytes: 0)

    package init(news: [Holder.OfClient], messages: Int, queues: [ClientID], hasMore: Bool) {
        self.news = news
        self.messages = messages
        self.queues = queues
        self.hasMore = hasMore
    }
}

/// How much is in a store.
package struct StoredSum: Hashable, Sendable {
    package var queues: Int
    /// Payload bytes, as `maxStoreBytes` counts them.
    package var bytes: Int

    package init(queues: Int, bytes: Int) {
        self.queues = queues
        self.bytes = bytes
    }
}

extension Holder {
    /// A holder together with the client whose queue it holds.
    package struct OfClient: Hashable, Sendable {
        package let client: ClientID
        package let holder: Holder

        package init(client: ClientID, holder: Holder) {
            self.client = client
            self.holder = holder
        }
    }
}
