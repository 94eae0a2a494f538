/// One thing that a store does durably. A batch of them is one transaction and applies in order.
package enum StoreOperation: Hashable, Sendable {
    /// A message for one or many clients.
    case append(AppendOperation)
    /// Messages in order, under one idempotency key: the first refusal ends it.
    case appendSequence(AppendSequenceOperation)
    /// Everything through a number was handled.
    case acknowledge(AcknowledgeOperation)
    /// A connection becomes the queue's one voice.
    case attach(AttachOperation)
    /// It stops being that.
    case detach(DetachOperation)
    /// A handler returned: its mark and its sends, both or neither.
    case advanceMark(MarkOperation)
    /// The client's own `BYE`.
    case end(EndOperation)
    /// An operator removes the queue.
    case remove(RemoveOperation)
    /// A slice of the sweep for what is too old: messages, queues, idempotency keys, dead nodes.
    case expire(ExpireOperation)
    /// The node is alive, and has seen its signals through a cursor.
    case heartbeat(HeartbeatOperation)
    /// An operator wants something of a node.
    case order(OrderOperation)
    /// An operator sends a client away for a while, or lets it come again.
    case sendAway(SendAwayOperation)
}

/// Who gets a message.
package enum Recipients: Hashable, Sendable {
    /// These clients, in this order, without repeats. Their queues are created unless `existingOnly`.
    case clients([ClientID], existingOnly: Bool)
    /// Every client of the user that exists at commit.
    case user(UserID)
}

/// A message for one or many clients.
package struct AppendOperation: Hashable, Sendable {
    package var recipients: Recipients
    package var payload: Payload
    /// How long the message is worth delivering; nil when retention alone bounds it. At least 1 ms.
    package var timeToLive: Duration?
    /// A repeated operation with the same key, recipients and payload stores nothing and gives the first receipt.
    package var idempotencyKey: IdempotencyKey?

    package init(recipients: Recipients, payload: Payload, timeToLive: Duration? = nil, idempotencyKey: IdempotencyKey? = nil) {
        self.recipients = recipients
        self.payload = payload
        self.timeToLive = timeToLive
        self.idempotencyKey = idempotencyKey
    }
}

/// Messages that are stored in their order, or up to the first one that is refused.
///
/// So a sender of many lines never sees a later line stored before an earlier one, and pays one idempotency key for all of them. What was
/// stored before the refusal stays stored, and a repetition under the same key gives the same receipt. A sequence of which nothing was
/// stored leaves no key behind.
package struct AppendSequenceOperation: Hashable, Sendable {
    /// At least one; none has an idempotency key of its own.
    package var appends: [AppendOperation]
    /// One key for all of them.
    package var idempotencyKey: IdempotencyKey?

    package init(appends: [AppendOperation], idempotencyKey: IdempotencyKey? = nil) {
        precondition(
            !appends.isEmpty && appends.allSatisfy { $0.idempotencyKey == nil },
            "a sequence holds messages, and its key is the only one"
        )
        self.appends = appends
        self.idempotencyKey = idempotencyKey
    }
}

/// The name of one send, chosen by the sender: 1 to 128 bytes of UTF-8, scoped to the store.
public struct IdempotencyKey: Hashable, Sendable, CustomStringConvertible {
    /// The text.
    public let description: String

    /// Wraps a text; nil when it is empty or longer than 128 bytes.
    public init?(_ text: String) {
        guard (1...128).contains(text.utf8.count) else { return nil }
        self.description = text
    }
}

/// `ACK` from a connection: the highest number of one (client, fence) that waits.
package struct AcknowledgeOperation: Hashable, Sendable {
    package var client: ClientID
    package var fence: Fence
    package var through: SequenceNumber

    package init(client: ClientID, fence: Fence, through: SequenceNumber) {
        self.client = client
        self.fence = fence
        self.through = through
    }
}

/// What a `HELLO` asks of the store once its sender is authenticated.
package struct AttachOperation: Hashable, Sendable {
    package var client: ClientID
    package var node: NodeIdentity
    package var instance: InstanceID
    package var attempt: Attempt
    package var position: Position?
    /// How far the client took above the position; it is compared with what is stored, and moves nothing.
    package var taken: Taken?
    package var held: Generation?
    package var outbox: OutboxID?
    package var force: Bool
    /// The wished lifetime of the queue after detach; the store's policy caps it.
    package var keep: Duration?
    /// Whether the queue may be created when there is none.
    package var mayCreate: Bool

    package init(
        client: ClientID,
        node: NodeIdentity,
        instance: InstanceID,
        attempt: Attempt,
        position: Position? = nil,
        taken: Taken? = nil,
        held: Generation? = nil,
        outbox: OutboxID? = nil,
        force: Bool = false,
        keep: Duration? = nil,
        mayCreate: Bool = true
    ) {
        self.client = client
        self.node = node
        self.instance = instance
        self.attempt = attempt
        self.position = position
        self.taken = taken
        self.held = held
        self.outbox = outbox
        self.force = force
        self.keep = keep
        self.mayCreate = mayCreate
    }
}

/// A connection ended; its queue stays.
package struct DetachOperation: Hashable, Sendable {
    /// Which attachment ends.
    package enum Ended: Hashable, Sendable {
        /// The one with this fence.
        case attachment(Fence)
        /// The one that this hello made, if it made one: its commit is in doubt, and so nobody knows its fence.
        case attempt(Attempt, of: InstanceID, at: NodeIdentity)
    }

    package var client: ClientID
    package var ended: Ended

    package init(client: ClientID, fence: Fence) {
        self.client = client
        self.ended = .attachment(fence)
    }

    /// Takes back an attach of which nobody knows whether it was committed, and whose connection is gone.
    package init(doubting attach: AttachOperation) {
        self.client = attach.client
        self.ended = .attempt(attach.attempt, of: attach.instance, at: attach.node)
    }

    /// The fence; nil when nobody knows it.
    package var fence: Fence? {
        if case .attachment(let fence) = self.ended { fence } else { nil }
    }
}

/// A handler returned for one uplink message.
package struct MarkOperation: Hashable, Sendable {
    package var client: ClientID
    package var fence: Fence
    package var outbox: OutboxID
    /// The message's number; the mark moves from the one before to it.
    package var number: SequenceNumber
    /// What the handler sent; stored if and only if the mark moves.
    package var sends: [AppendOperation]

    package init(client: ClientID, fence: Fence, outbox: OutboxID, number: SequenceNumber, sends: [AppendOperation] = []) {
        self.client = client
        self.fence = fence
        self.outbox = outbox
        self.number = number
        self.sends = sends
    }
}

/// The client ended its session.
package struct EndOperation: Hashable, Sendable {
    package var client: ClientID
    package var fence: Fence

    package init(client: ClientID, fence: Fence) {
        self.client = client
        self.fence = fence
    }
}

/// An operator removes a queue; its connection is told so with the code.
package struct RemoveOperation: Hashable, Sendable {
    package var client: ClientID
    package var code: CloseCode

    package init(client: ClientID, code: CloseCode = .removedByOperator) {
        self.client = client
        self.code = code
    }
}

/// How much one slice of the sweep may do, so that no commit takes long.
package struct ExpireOperation: Hashable, Sendable {
    /// The most rows that the slice looks at or removes, at least 1.
    package var maxRows: Int

    package init(maxRows: Int = 500) {
        precondition(maxRows >= 1, "a slice of the sweep looks at something")
        self.maxRows = maxRows
    }
}

/// How far a node has read its signals: a commit number of the store.
package struct SignalCursor: Hashable, Comparable, Sendable {
    package let rawValue: UInt64

    /// Before the first signal.
    package static let zero = SignalCursor(rawValue: 0)

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static func < (left: SignalCursor, right: SignalCursor) -> Bool {
        left.rawValue < right.rawValue
    }
}
