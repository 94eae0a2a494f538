import GaplessCore

/// The tables of a store in memory while a batch is applied to them.
///
/// For that time it has the state, and something cheap stands in its place: nothing is copied.
final class MemoryTransaction: StoreTransaction {
    /// Nothing fails in memory. (`Never` says the same, and the compiler of Swift 6.3 does not survive it here.)
    enum Failure: Error {}

    private var state: MemoryState

    private init(_ state: consuming MemoryState) {
        self.state = state
    }

    /// Applies a batch; the signals that it raises wait for the end of the commit.
    static func apply(_ operations: [StoreOperation], to state: inout MemoryState) -> [StoreReceipt] {
        var taken = MemoryState(insteadOf: state)
        swap(&taken, &state)
        let transaction = MemoryTransaction(consume taken)
        defer { swap(&transaction.state, &state) }
        return operations.map { operation in
            do {
                return try transaction.apply(operation)
            } catch {
                preconditionFailure("nothing fails in memory")
            }
        }
    }

    private func apply(_ operation: StoreOperation) throws(Failure) -> StoreReceipt {
        switch operation {
        case .append(let append): return .append(try self.append(append))
        case .appendSequence(let sequence): return .appendSequence(try self.appendSequence(sequence))
        case .acknowledge(let acknowledge): return .acknowledge(try self.acknowledge(acknowledge))
        case .attach(let attach): return .attach(try self.attach(attach))
        case .detach(let detach): return .detach(try self.detach(detach))
        case .advanceMark(let mark): return .advanceMark(try self.advanceMark(mark))
        case .end(let end): return .end(try self.end(end))
        case .remove(let remove): return .remove(try self.remove(remove))
        case .expire(let expire): return .expire(try self.expire(expire))
        case .heartbeat(let heartbeat):
            let wasAlive = self.state.isAlive(heartbeat.node)
            self.state.heartbeat(heartbeat)
            return .heartbeat(self.state.heartbeatReceipt(for: heartbeat.node, wasAlive: wasAlive))
        case .order(let order): return .order(self.state.order(order))
        case .sendAway(let away): return .sendAway(try self.sendAway(away))
        }
    }

    /// A slice of the sweep: what is due first goes first, until the slice is full or nothing is due.
    private func expire(_ operation: ExpireOperation) throws(Failure) -> ExpireReceipt {
        var receipt = ExpireReceipt(news: [], messages: 0, queues: [], hasMore: false)
        var rowsLeft = operation.maxRows
        while rowsLeft > 0, let (client, due) = self.state.due.first, due <= self.clock {
            guard let record = self.record(of: client) else { preconditionFailure("a queue that is due is there") }
            rowsLeft -= 1 + (try self.sweep(record, limit: rowsLeft, into: &receipt))
            self.state.schedule(client)
        }
        if rowsLeft > 0 {
            rowsLeft -= self.state.keys.removeExpired(at: self.clock, limit: rowsLeft)
        }
        if rowsLeft > 0 { self.state.removeSentAway() }
        self.state.removeDeadNodes()
        let isDue = self.state.due.first.map { $0.due <= self.clock } ?? false
        receipt.hasMore = isDue || self.state.keys.hasExpired(at: self.clock)
        receipt.stored = StoredSum(queues: self.queueCount, bytes: self.storedBytes)
        return receipt
    }

    // MARK: Tables

    var policy: StorePolicy { self.state.policy }
    var clock: Timestamp { self.state.clock }
    var queueCount: Int { self.state.queues.count }
    var storedBytes: Int { self.state.storedBytes }

    func record(of client: ClientID) -> QueueRecord? {
        self.state.queues[client]?.record
    }

    func setRecord(_ record: QueueRecord) {
        self.state.changeQueue(record.client) { $0.record = record }
    }

    func createQueue(_ client: ClientID) -> QueueRecord {
        self.state.createQueue(client)
    }

    func removeQueue(_ client: ClientID) {
        self.state.removeQueue(client)
    }

    func clients(of user: UserID) -> [ClientID] {
        self.state.clients(of: user)
    }

    func freshEpoch() -> Epoch {
        self.state.freshEpoch()
    }

    func liveness(of record: QueueRecord) -> HolderLiveness {
        self.state.liveness(of: record)
    }

    func keep(_ payload: Payload, as number: SequenceNumber, times: KeptTimes, of client: ClientID) {
        self.state.changeQueue(client) { $0.keep(payload, as: number, times: times) }
    }

    func hasRoom(for bytes: Int) -> Bool {
        self.state.storedBytes + bytes <= self.policy.maxStoreBytes
    }

    func times(of number: SequenceNumber, of client: ClientID) -> KeptTimes? {
        self.state.queues[client]?.messages[number]?.times
    }

    func newest(in range: SequenceRange, unexpiredAt moment: Timestamp, of client: ClientID) -> LastMessage? {
        let found = self.state.queues[client]?.messages.all(in: range).last { moment < $0.times.expires }
        return found.map { LastMessage(sequence: $0.sequence, time: $0.times.time) }
    }

    func oldestTime(of client: ClientID) -> Timestamp? {
        self.state.queues[client]?.messages.all.first?.times.time
    }

    func hasUnexpired(_ client: ClientID) -> Bool {
        let now = self.clock
        return self.state.queues[client]?.messages.all.contains { !$0.times.isExpired(at: now) } ?? false
    }

    func removeAcknowledged(_ record: QueueRecord) -> KeptSum {
        self.state.changeQueue(record.client) { $0.messages.removeFirst(through: record.floor)?.sum ?? .zero }
    }

    func removeExpired(_ client: ClientID, limit: Int) -> RemovedMessages? {
        let now = self.clock
        return self.state.changeQueue(client) { $0.removeExpired(at: now, limit: limit) }
    }

    func removeOldest(_ shortage: KeptSum, of client: ClientID) -> RemovedMessages? {
        self.state.changeQueue(client) { $0.messages.removeFirst(covering: shortage) }
    }

    func raise(_ kind: Signal.Kind, for client: ClientID, at node: NodeIdentity) {
        self.state.raise(kind, for: client, at: node)
    }

    var keepsSentAway: Bool { true }

    func sentAway(_ client: ClientID) -> SentAway? {
        self.state.sentAway[client].flatMap { self.clock < $0.until ? $0 : nil }
    }

    func setSentAway(_ client: ClientID, to away: SentAway?) {
        self.state.sentAway[client] = away
    }

    func hasRoomForSentAway() -> Bool {
        if self.state.sentAway.count >= self.policy.maxSentAway { self.state.removeSentAway() }
        return self.state.sentAway.count < self.policy.maxSentAway
    }

    func answer(to key: IdempotencyKey) -> KeyedAnswer? {
        self.state.keys.answer(to: key, now: self.clock)
    }

    func hasRoomForKey() -> Bool {
        if self.state.keys.count >= self.policy.maxKeys {
            _ = self.state.keys.removeExpired(at: self.clock, limit: 1_000)
        }
        return self.state.keys.count < self.policy.maxKeys
    }

    func remember(_ key: IdempotencyKey, _ answer: KeyedAnswer, until expires: Timestamp) {
        self.state.remember(key, KeyTable.Entry(answer: answer, expires: expires))
    }

    func attempt<Result>(_ body: () throws(Failure) -> (result: Result, isKept: Bool)) throws(Failure) -> Result {
        self.state.beginAttempt()
        let (result, isKept) = try body()
        self.state.endAttempt(isKept: isKept)
        return result
    }
}
