/// A connection asks for what follows its cursor.
package struct ReadRequest: Hashable, Sendable {
    package var client: ClientID
    /// The connection's fence; a read under an old one gives nothing.
    package var fence: Fence
    /// Messages above this number.
    package var after: SequenceNumber
    /// The most messages, 0 or more; with 0 the read still tells what is gone right after the cursor.
    package var maxMessages: Int
    /// The most payload bytes; the first message is given whatever its size, when `maxMessages` allows one.
    package var maxBytes: Int

    package init(client: ClientID, fence: Fence, after: SequenceNumber, maxMessages: Int, maxBytes: Int) {
        self.client = client
        self.fence = fence
        self.after = after
        self.maxMessages = maxMessages
        self.maxBytes = maxBytes
    }
}

/// What a read found.
package enum ReadReceipt: Hashable, Sendable {
    /// What follows the cursor.
    case slice(QueueSlice)
    /// The fence is not current.
    case refused(FenceRefusal)
}

/// A stretch of a queue: what is still there of the numbers from the cursor to `through`.
package struct QueueSlice: Hashable, Sendable {
    /// The messages, unexpired, in order; their numbers lie above the cursor and at most at `through`.
    package var messages: [StoredMessage]
    /// Every number above the cursor up to this one that is not in `messages` is gone. The head when the read was not cut short.
    package var through: SequenceNumber
    /// The newest number of the queue.
    package var head: SequenceNumber
    /// The highest number acknowledged.
    package var floor: SequenceNumber
    /// Of what retention took, numbers up to this one went by overflow, above by expiry.
    package var overflowedThrough: SequenceNumber

    package init(
        messages: [StoredMessage],
        through: SequenceNumber,
        head: SequenceNumber,
        floor: SequenceNumber,
        overflowedThrough: SequenceNumber
    ) {
        self.messages = messages
        self.through = through
        self.head = head
        self.floor = floor
        self.overflowedThrough = overflowedThrough
    }
}

/// What the store tells a node about its connections: a hint that is repeated until it is seen.
package struct Signal: Hashable, Sendable {
    package var client: ClientID
    package var kind: Kind

    package enum Kind: Hashable, Sendable {
        /// There may be something new behind the connection's cursor.
        case news
        /// The attachment was displaced, or the queue changed its epoch: look at the fence.
        case displaced
        /// An operator removed the queue; the connection is closed with the code.
        case removed(CloseCode)
        /// An operator sent the client away; the connection that held the queue then is closed with the code, and the queue stays.
        case sentAway(CloseCode, from: FenceDigest)
    }

    package init(client: ClientID, kind: Kind) {
        self.client = client
        self.kind = kind
    }
}

/// The signals of one node above a cursor.
package struct SignalBatch: Hashable, Sendable {
    package var signals: [Signal]
    /// Where to go on.
    package var cursor: SignalCursor

    package init(signals: [Signal], cursor: SignalCursor) {
        self.signals = signals
        self.cursor = cursor
    }
}

/// One queue as an operator sees it.
package struct QueueSnapshot: Hashable, Sendable {
    package var client: ClientID
    package var epoch: Epoch
    package var generation: Generation
    package var head: SequenceNumber
    package var floor: SequenceNumber
    package var discardedThrough: SequenceNumber
    package var overflowedThrough: SequenceNumber
    /// Messages that are kept and unexpired.
    package var messages: Int
    /// Their payload bytes.
    package var bytes: Int
    /// The commit time of the oldest of them.
    package var oldest: Timestamp?
    package var holder: Holder?
    /// When the queue was created, last attached and last detached, on the store's clock.
    package var created: Timestamp
    package var attached: Timestamp?
    package var detached: Timestamp?

    package init(
        client: ClientID,
        epoch: Epoch,
        generation: Generation,
        head: SequenceNumber,
        floor: SequenceNumber,
        discardedThrough: SequenceNumber,
        overflowedThrough: SequenceNumber,
        messages: Int,
        bytes: Int,
        oldest: Timestamp?,
        holder: Holder?,
        created: Timestamp,
        attached: Timestamp?,
        detached: Timestamp?
    ) {
        self.client = client
        self.epoch = epoch
        self.generation = generation
        self.head = head
        self.floor = floor
        self.discardedThrough = discardedThrough
        self.overflowedThrough = overflowedThrough
        self.messages = messages
        self.bytes = bytes
        self.oldest = oldest
        self.holder = holder
        self.created = created
        self.attached = attached
        self.detached = detached
    }
}

/// The bounds that a store keeps, the same in every process that opens it.
package struct StorePolicy: Hashable, Sendable {
    package var retention: RetentionPolicy
    /// The longest lifetime after detach that a client can wish for.
    package var maxKeep: Duration
    /// How long a queue that never had a message is kept after detach.
    package var emptyKeep: Duration
    package var maxClientsPerUser: Int
    package var maxQueues: Int
    package var maxStoreBytes: Int
    /// How long an idempotency key is remembered, at most 24 h.
    package var keyLifetime: Duration
    package var maxKeys: Int
    /// The most clients that operators can have sent away at a time.
    package var maxSentAway: Int
    /// After so long without a heartbeat a node and its attachments count as dead.
    package var nodeLifetime: Duration

    package init(
        retention: RetentionPolicy = RetentionPolicy(),
        maxKeep: Duration = .seconds(30 * 86_400),
        emptyKeep: Duration = .seconds(60),
        maxClientsPerUser: Int = 100,
        maxQueues: Int = 1_000_000,
        maxStoreBytes: Int = 10_737_418_240,
        keyLifetime: Duration = .seconds(3_600),
        maxKeys: Int = 1_000_000,
        maxSentAway: Int = 100_000,
        nodeLifetime: Duration = .seconds(60)
    ) {
        self.retention = retention
        self.maxKeep = maxKeep
        self.emptyKeep = emptyKeep
        self.maxClientsPerUser = maxClientsPerUser
        self.maxQueues = maxQueues
        self.maxStoreBytes = maxStoreBytes
        self.keyLifetime = keyLifetime
        self.maxKeys = maxKeys
        self.maxSentAway = maxSentAway
        self.nodeLifetime = nodeLifetime
    }
}
