package import GaplessCore

/// What waits for a commit, in three lanes: acknowledgements (joined), the operations of connections, and those of callers.
///
/// Connections have at most a few operations each, so their lanes are bounded by their number and are never refused. Callers are bounded
/// by count and bytes. Within a lane the order stays; acknowledgements go first, for they make room and concern earlier commits.
package struct CommitQueue<Caller: Sendable>: Sendable {
    /// One operation on its way.
    package struct Entry: Sendable {
        package var submitted: SubmittedOperation
        /// Who waits for it, and the place among that caller's operations.
        package var caller: (who: Caller, index: Int)?
        var bytes = 0
        var since: Instant
    }

    private let configuration: GatewayConfiguration
    private var acknowledgements = AcknowledgementCoalescer()
    private var connections = FIFO<Entry>()
    private var callers = FIFO<Entry>()
    /// The bytes that callers' operations hold.
    private(set) var callerBytes = 0

    package init(configuration: GatewayConfiguration) {
        self.configuration = configuration
    }

    package var count: Int { self.acknowledgements.count + self.connections.count + self.callers.count }
    var callerCount: Int { self.callers.count }
    /// Since when the oldest operation of a caller waits.
    var oldestCaller: Instant? { self.callers.first?.since }

    package mutating func add(_ submitted: SubmittedOperation, now: Instant) {
        if case .acknowledge(let acknowledge) = submitted.operation {
            self.acknowledgements.add(acknowledge)
        } else {
            self.connections.append(Entry(submitted: submitted, since: now))
        }
    }

    /// Adds an operation of a caller; false when there is no room.
    package mutating func add(_ operation: StoreOperation, for caller: Caller, index: Int, now: Instant) -> Bool {
        let bytes = operation.heldBytes
        guard self.callers.count < self.configuration.maxOperations,
            self.callers.isEmpty || self.callerBytes + bytes <= self.configuration.maxBytes
        else { return false }
        self.callerBytes += bytes
        self.callers.append(Entry(submitted: SubmittedOperation(operation), caller: (caller, index), bytes: bytes, since: now))
        return true
    }

    /// Takes what goes into the next commit.
    package mutating func takeBatch(now: Instant) -> [Entry] {
        var batch = self.acknowledgements.take().map { Entry(submitted: SubmittedOperation(.acknowledge($0)), since: now) }
        var room = self.configuration.maxBatchOperations
        batch += self.connections.take { _ in
            room -= 1
            return room >= 0
        }
        return batch + self.takeCallers(atMost: self.configuration.maxBatchOperations, bytes: self.configuration.maxBatchBytes)
    }

    /// Takes the operations of callers that have waited since before a moment.
    mutating func takeCallers(since moment: Instant) -> [Entry] {
        let taken = self.callers.take { $0.since <= moment }
        self.callerBytes -= taken.reduce(0) { $0 + $1.bytes }
        return taken
    }

    private mutating func takeCallers(atMost count: Int, bytes: Int) -> [Entry] {
        var room = count
        var held = 0
        let taken = self.callers.take { entry in
            guard room > 0, held == 0 || held + entry.bytes <= bytes else { return false }
            room -= 1
            held += entry.bytes
            return true
        }
        self.callerBytes -= held
        return taken
    }
}

extension StoreOperation {
    /// About how much memory the operation holds while it waits.
    var heldBytes: Int {
        switch self {
        case .append(let append): append.heldBytes
        case .appendSequence(let sequence): sequence.appends.reduce(256) { $0 + $1.heldBytes }
        case .advanceMark(let mark): mark.sends.reduce(256) { $0 + $1.heldBytes }
        case .acknowledge, .attach, .detach, .end, .remove, .expire, .heartbeat, .order, .sendAway: 256
        }
    }

    /// Whether it stores messages, so that a full disk or store cannot take it while it takes others.
    package var storesMessages: Bool {
        switch self {
        case .append, .appendSequence: true
        case .advanceMark(let mark): !mark.sends.isEmpty
        case .acknowledge, .attach, .detach, .end, .remove, .expire, .heartbeat, .order, .sendAway: false
        }
    }
}

extension AppendOperation {
    fileprivate var heldBytes: Int {
        switch self.recipients {
        case .clients(let clients, _): 256 + self.payload.count + clients.count * 64
        case .user: 256 + self.payload.count
        }
    }
}
