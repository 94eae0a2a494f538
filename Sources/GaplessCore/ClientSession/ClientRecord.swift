/// Everything of a client that outlives its process, if it is saved (Protocol.md §5.5).
///
/// A session reports its changes one by one, so that a shell can append them to a log; `apply` keeps a copy up to date for whole
/// snapshots. The token is a secret: a file that holds a record is readable by its owner alone.
package struct ClientRecord: Hashable, Sendable {
    /// Who the client is and how often it connected.
    package var identity: ClientIdentity
    /// How far the application got.
    package var progress: ClientProgress
    /// The uplink that is not acknowledged.
    package var outbox: OutboxRecord

    /// A client that was never here: a new instance and an empty outbox.
    ///
    /// - Parameter client: The address; nil where the server names clients.
    package init(client: ClientID?, using random: inout some RandomNumberGenerator) {
        self.identity = ClientIdentity(client: client, token: nil, instance: InstanceID(using: &random), attempt: nil)
        self.progress = ClientProgress()
        self.outbox = OutboxRecord(id: OutboxID(using: &random))
    }

    /// Joins parts that were saved.
    package init(identity: ClientIdentity, progress: ClientProgress, outbox: OutboxRecord) {
        self.identity = identity
        self.progress = progress
        self.outbox = outbox
    }

    /// Brings the record up to date.
    package mutating func apply(_ change: ClientRecordChange) {
        switch change {
        case .identity(let identity): self.identity = identity
        case .progress(let progress): self.progress = progress
        case .outbox(let outbox): self.outbox = outbox
        case .queued(let payload): self.outbox.messages.append(payload)
        case .assigned(let through): self.outbox.assigned = max(self.outbox.assigned, through)
        case .acknowledged(let through): self.outbox.acknowledge(through: through)
        }
    }
}

/// One change of a `ClientRecord`.
package enum ClientRecordChange: Hashable, Sendable {
    /// Name, token, instance or attempt changed, or the client was taken over.
    case identity(ClientIdentity)
    /// The position, or what belongs to it, changed.
    case progress(ClientProgress)
    /// The outbox is another one.
    case outbox(OutboxRecord)
    /// A message joined the end of the outbox, without a number.
    case queued(Payload)
    /// The oldest messages without a number got the next ones, through this.
    case assigned(through: SequenceNumber)
    /// The messages through this number left the outbox.
    case acknowledged(through: SequenceNumber)
}

/// Counts the changes of a record, from 1.
package struct SaveVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The count.
    package let rawValue: UInt64

    /// Wraps a count.
    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static func < (left: SaveVersion, right: SaveVersion) -> Bool {
        left.rawValue < right.rawValue
    }

    package var description: String { String(self.rawValue) }
}

/// How soon a change is to be durable.
package enum SaveUrgency: Hashable, Sendable {
    /// Something waits for it.
    case now
    /// It may ride with the next one; losing it repeats work and loses nothing.
    case later
}

/// Who a client is, and which of its connections is the newest.
package struct ClientIdentity: Hashable, Sendable {
    /// The address; nil until the server named the client.
    package var client: ClientID?
    /// The token that the server gave to a client that it named; a secret.
    package var token: String?
    /// The client object in its process.
    package var instance: InstanceID
    /// The newest connection's count; nil before the first.
    package var attempt: Attempt?
    /// Whether the client stopped because it was taken over, and was not attached since (Protocol.md [R5.3-15]).
    package var isTakenOver: Bool

    /// Joins the parts.
    package init(client: ClientID?, token: String?, instance: InstanceID, attempt: Attempt?, isTakenOver: Bool = false) {
        self.client = client
        self.token = token
        self.instance = instance
        self.attempt = attempt
        self.isTakenOver = isTakenOver
    }
}

/// How far the application of a client got.
package struct ClientProgress: Hashable, Sendable {
    /// What was handled; nil before the first `WELCOME`.
    package var position: Position?
    /// The generation of the newest `WELCOME` in the position's epoch.
    package var held: Generation?
    /// A number of the application's own that belongs to what was handled, such as the length of the file that it writes.
    package var bookmark: UInt64?

    /// Joins the parts.
    package init(position: Position? = nil, held: Generation? = nil, bookmark: UInt64? = nil) {
        self.position = position
        self.held = held
        self.bookmark = bookmark
    }
}

/// The uplink messages that are not acknowledged, oldest first.
///
/// The oldest of them, as many as `assigned` is above `acknowledged`, have the numbers between the two; the rest have none yet.
package struct OutboxRecord: Hashable, Sendable {
    /// The outbox that the numbers belong to.
    package var id: OutboxID
    /// The highest number given to a message.
    package var assigned: SequenceNumber
    /// The highest number that the server acknowledged.
    package var acknowledged: SequenceNumber
    /// What they carry.
    package var messages: [Payload]

    /// Joins the parts.
    ///
    /// - Precondition: `acknowledged` is at most `assigned`, and there is a message for each number between them.
    package init(
        id: OutboxID,
        assigned: SequenceNumber = .zero,
        acknowledged: SequenceNumber = .zero,
        messages: [Payload] = []
    ) {
        precondition(
            acknowledged <= assigned && assigned.rawValue - acknowledged.rawValue <= UInt64(messages.count),
            "each number above the acknowledged one has a message"
        )
        self.id = id
        self.assigned = assigned
        self.acknowledged = acknowledged
        self.messages = messages
    }

    /// Whether the parts fit together; a shell checks what it read from a file before it makes an outbox of it.
    package static func isValid(assigned: SequenceNumber, acknowledged: SequenceNumber, messages: Int) -> Bool {
        acknowledged <= assigned && assigned.rawValue - acknowledged.rawValue <= UInt64(messages)
    }

    mutating func acknowledge(through: SequenceNumber) {
        guard self.acknowledged < through else { return }
        let numbered = min(through, self.assigned)
        if self.acknowledged < numbered {
            self.messages.removeFirst(Int(numbered.rawValue - self.acknowledged.rawValue))
        }
        self.acknowledged = through
        self.assigned = max(self.assigned, through)
    }
}
