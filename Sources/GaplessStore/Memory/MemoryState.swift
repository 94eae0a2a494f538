package import GaplessCore

/// All that a store in memory holds, and the small changes that operations are made of.
///
/// Nothing here fails, so a batch needs no way back. What must happen wholly or not at all is an attempt, which notes what it changes.
struct MemoryState {
    /// What puts back the changes of an attempt.
    private struct Attempt {
        enum Undo {
            case queue(ClientID, MemoryQueue?)
            case key(IdempotencyKey)
        }

        var changes: [Undo] = []
        /// The queues that are noted already, as they were before.
        var noted: Set<ClientID> = []
        /// How many signals were raised before.
        var raised: Int
    }

    let policy: StorePolicy
    private(set) var incarnation: Incarnation
    private var random: any RandomNumberGenerator & Sendable
    /// The store's clock: the highest time that it ever saw.
    private(set) var clock = Timestamp(milliseconds: 0)
    private(set) var commits: UInt64 = 0
    private(set) var queues: [ClientID: MemoryQueue] = [:]
    /// The clients of each user, in order of their addresses.
    private var clients: [UserID: [ClientID]] = [:]
    private(set) var storedBytes = 0
    private(set) var due = DueHeap()
    var keys = KeyTable()
    /// Whom operators sent away, those included that may come by now.
    var sentAway: [ClientID: SentAway] = [:]
    private(set) var nodes: [NodeIdentity: NodeRecord] = [:]
    private var signals: [NodeIdentity: NodeSignals] = [:]
    /// Signals of the commit that is under way.
    private var raised: [(node: NodeIdentity, signal: Signal)] = []
    private var attempts: [Attempt] = []
    private var tokenKeys: [TokenKey] = []
    private var tokenKeysMade = 0

    init(policy: StorePolicy, random: any RandomNumberGenerator & Sendable) {
        self.policy = policy
        self.random = random
        self.incarnation = Incarnation(rawValue: self.random.next())
    }

    /// Something cheap that stands in the place of a state while a transaction has it.
    init(insteadOf state: borrowing MemoryState) {
        self.policy = state.policy
        self.random = state.random
        self.incarnation = state.incarnation
    }

    /// Becomes what it was; luck alone does not go back, so that nothing that is drawn is drawn again.
    mutating func goBack(to state: MemoryState) {
        let random = self.random
        self = state
        self.random = random
    }

    // MARK: Clock and commits

    /// Takes a wall clock's time; the store's clock never goes back.
    mutating func advanceClock(to now: Timestamp) {
        self.clock = max(self.clock, now)
    }

    /// Ends a commit: its signals get its number. Gives the number and the nodes that have new signals.
    ///
    /// - Parameter ownNode: the node that commits, which learns of everything by its receipts.
    mutating func endCommit(ownNode: NodeIdentity?) -> (number: UInt64, wake: [NodeIdentity]) {
        self.commits += 1
        var wake: Set<NodeIdentity> = []
        for (node, signal) in self.raised where node != ownNode {
            guard signal.kind != .news || self.liveness(of: node) == .alive else { continue }
            self.signals[node, default: NodeSignals()].raise(signal, commit: self.commits)
            wake.insert(node)
        }
        self.raised.removeAll(keepingCapacity: true)
        return (self.commits, wake.sorted { $0.isOrderedBefore($1) })
    }

    /// Notes a signal for the node of a holder.
    mutating func raise(_ kind: Signal.Kind, for client: ClientID, at node: NodeIdentity) {
        self.raised.append((node, Signal(client: client, kind: kind)))
    }

    func signals(for node: NodeIdentity, after cursor: SignalCursor) -> SignalBatch {
        SignalBatch(
            signals: self.signals[node]?.above(cursor) ?? [],
            cursor: max(cursor, SignalCursor(rawValue: self.commits))
        )
    }

    // MARK: Queues

    /// The addresses of a user's queues, in order.
    func clients(of user: UserID) -> [ClientID] {
        self.clients[user] ?? []
    }

    /// An epoch that was never used before.
    mutating func freshEpoch() -> Epoch {
        #if MUTANTS
        if Mutant.epochReused.isPlanted { return Epoch(incarnation: self.incarnation, queue: 1) }
        #endif
        return Epoch(incarnation: self.incarnation, queue: self.random.next())
    }

    /// Creates a queue with nothing in it.
    mutating func createQueue(_ client: ClientID) -> QueueRecord {
        precondition(self.queues[client] == nil, "a queue is created once")
        let record = QueueRecord(creating: client, epoch: self.freshEpoch(), keep: self.policy.retention.keep, now: self.clock)
        self.note(client)
        self.queues[client] = MemoryQueue(record: record)
        self.index(client)
        self.schedule(client)
        return record
    }

    /// Changes a queue in place.
    mutating func changeQueue<Result>(_ client: ClientID, _ change: (inout MemoryQueue) -> Result) -> Result {
        self.note(client)
        let bytesBefore = self.queues[client]?.record.kept.bytes ?? 0
        guard let result = self.queues[client]?.apply(change) else { preconditionFailure("a queue that is changed is there") }
        self.storedBytes += (self.queues[client]?.record.kept.bytes ?? 0) - bytesBefore
        self.schedule(client)
        return result
    }

    /// Removes a queue with everything in it.
    mutating func removeQueue(_ client: ClientID) {
        self.note(client)
        guard let queue = self.queues.removeValue(forKey: client) else { return }
        self.storedBytes -= queue.record.kept.bytes
        self.unindex(client)
        self.due.remove(client)
    }

    /// Remembers what a key stands for.
    mutating func remember(_ key: IdempotencyKey, _ entry: KeyTable.Entry) {
        if !self.attempts.isEmpty {
            self.attempts[self.attempts.count - 1].changes.append(.key(key))
        }
        self.keys.insert(key, entry)
    }

    // MARK: Attempts

    /// Begins something that happens wholly or not at all.
    mutating func beginAttempt() {
        self.attempts.append(Attempt(raised: self.raised.count))
    }

    /// Ends the attempt begun last: keeps what was changed since, or puts everything back.
    mutating func endAttempt(isKept: Bool) {
        let attempt = self.attempts.removeLast()
        if !isKept {
            attempt.changes.reversed().forEach { self.revert($0) }
            self.raised.removeSubrange(attempt.raised...)
        } else if !self.attempts.isEmpty {
            self.attempts[self.attempts.count - 1].changes += attempt.changes
        }
    }

    /// Notes a queue as it is, before the attempt under way changes it for the first time.
    private mutating func note(_ client: ClientID) {
        guard !self.attempts.isEmpty, self.attempts[self.attempts.count - 1].noted.insert(client).inserted else { return }
        self.attempts[self.attempts.count - 1].changes.append(.queue(client, self.queues[client]))
    }

    private mutating func revert(_ change: Attempt.Undo) {
        switch change {
        case .key(let key):
            self.keys.undoInsert(key)
        case .queue(let client, let before):
            let isThere = self.queues[client] != nil
            self.storedBytes += (before?.record.kept.bytes ?? 0) - (self.queues[client]?.record.kept.bytes ?? 0)
            self.queues[client] = before
            switch (isThere, before != nil) {
            case (true, false): self.unindex(client)
            case (false, true): self.index(client)
            case (true, true), (false, false): break
            }
            self.schedule(client)
        }
    }

    // MARK: Nodes

    /// What is known of the node of a queue's holder.
    func liveness(of record: QueueRecord) -> HolderLiveness {
        record.lastAttachment.map { self.liveness(of: $0.node) } ?? .dead(since: nil)
    }

    private func liveness(of node: NodeIdentity) -> HolderLiveness {
        self.nodes[node]?.liveness(at: self.clock, lifetime: self.policy.nodeLifetime) ?? .dead(since: nil)
    }

    /// Whether a node counts as alive.
    func isAlive(_ node: NodeIdentity) -> Bool {
        self.liveness(of: node) == .alive
    }

    /// The nodes that are alive, in order of name and incarnation.
    private var aliveNodes: [NodeRecord] {
        self.nodes.values.filter { self.isAlive($0.node) }.sorted { $0.node.isOrderedBefore($1.node) }
    }

    /// What the node is told with its heartbeat.
    func heartbeatReceipt(for node: NodeIdentity, wasAlive: Bool) -> HeartbeatReceipt {
        HeartbeatReceipt(
            peers: self.aliveNodes.map { $0.peer(at: self.clock) },
            wasAlive: wasAlive,
            order: self.nodes[node]?.orders.given
        )
    }

    /// Gives an order to each process of the node that is alive.
    mutating func order(_ operation: OrderOperation) -> OrderReceipt {
        let nodes = self.aliveNodes.map(\.node).filter { $0.name == operation.node }
        for node in nodes { self.nodes[node]?.orders.give(operation.order, in: self.incarnation) }
        return nodes.isEmpty ? .noSuchNode : .given(nodes)
    }

    /// Notes a sign of life, and forgets the signals that the node has seen.
    mutating func heartbeat(_ operation: HeartbeatOperation) {
        self.nodes[operation.node] = NodeRecord(operation, former: self.nodes[operation.node], now: self.clock)
        guard operation.isStopping else {
            self.signals[operation.node]?.forget(through: operation.seen)
            return
        }
        self.signals[operation.node] = nil
        // The lifetimes of its queues run from now on, sooner than they were looked for.
        for client in self.queues.keys.sorted() where self.queues[client]?.record.holder?.node == operation.node {
            self.schedule(client)
        }
    }

    /// Forgets the signals of dead nodes at once, and dead nodes when no queue's lifetime can depend on them any more.
    mutating func removeDeadNodes() {
        for node in self.signals.keys.filter({ self.liveness(of: $0) != .alive }) {
            self.signals[node] = nil
        }
        let oldest = self.policy.nodeLifetime + max(self.policy.maxKeep, self.policy.retention.keep)
        for (node, record) in self.nodes where self.clock >= record.lastSeen + oldest {
            self.nodes[node] = nil
        }
    }

    /// Forgets those who were sent away and may come by now.
    mutating func removeSentAway() {
        self.sentAway = self.sentAway.filter { self.clock < $0.value.until }
    }

    // MARK: Lives and keys

    /// Begins a new life of the store, as after a restore: every queue's epoch changes with it.
    mutating func startIncarnation() {
        self.incarnation = Incarnation(rawValue: self.random.next())
        for client in self.queues.keys {
            self.queues[client]?.record.changeIncarnation(to: self.incarnation)
        }
    }

    /// The token keys in force, newest first, after making a new one if it is time.
    mutating func currentTokenKeys(rotation: Duration) -> [TokenKey] {
        if self.tokenKeys.first.map({ self.clock >= $0.created + rotation }) ?? true {
            self.tokenKeysMade += 1
            let secret = (0..<4).flatMap { _ in withUnsafeBytes(of: self.random.next().bigEndian) { [UInt8]($0) } }
            self.tokenKeys.insert(TokenKey(id: "k\(self.tokenKeysMade)", secret: secret, created: self.clock), at: 0)
            self.tokenKeys = Array(self.tokenKeys.prefix(2))
        }
        return self.tokenKeys
    }

    // MARK: Indexes

    /// Sees to it that a sweep looks at the queue when something of it can end.
    mutating func schedule(_ client: ClientID) {
        guard let queue = self.queues[client] else {
            self.due.remove(client)
            return
        }
        let liveness = self.liveness(of: queue.record)
        let lifetimeEnd = queue.record.lifetimeEnd(liveness, under: self.policy) ?? self.clock + self.policy.nodeLifetime
        self.due.set(client, due: min(queue.earliestExpiry ?? lifetimeEnd, lifetimeEnd))
    }

    private mutating func index(_ client: ClientID) {
        var clients = self.clients[client.user] ?? []
        let place = clients.firstIndex { $0 > client } ?? clients.endIndex
        clients.insert(client, at: place)
        self.clients[client.user] = clients
    }

    private mutating func unindex(_ client: ClientID) {
        self.clients[client.user]?.removeAll { $0 == client }
        if self.clients[client.user]?.isEmpty ?? false {
            self.clients[client.user] = nil
        }
    }
}

extension MemoryQueue {
    fileprivate mutating func apply<Result>(_ change: (inout MemoryQueue) -> Result) -> Result {
        change(&self)
    }
}

extension NodeIdentity {
    /// The order by name and incarnation.
    package func isOrderedBefore(_ other: NodeIdentity) -> Bool {
        self.name == other.name ? self.incarnation < other.incarnation : self.name < other.name
    }
}

/// The signals that wait for one node: at most two a client, so that they are bounded by its connections.
package struct NodeSignals {
    private var news: [ClientID: UInt64] = [:]
    private var ends: [ClientID: (kind: Signal.Kind, commit: UInt64)] = [:]

    /// None.
    package init() {}

    /// Takes in a signal of a commit that is not older than those before.
    package mutating func raise(_ signal: Signal, commit: UInt64) {
        switch (signal.kind, self.ends[signal.client]?.kind) {
        case (.news, _): self.news[signal.client] = commit
        case (.displaced, .removed(let code)): self.ends[signal.client] = (.removed(code), commit)
        case (.displaced, _), (.removed, _), (.sentAway, _): self.ends[signal.client] = (signal.kind, commit)
        }
    }

    /// The signals above a cursor: what ended first, in order of the commits and the addresses.
    package func above(_ cursor: SignalCursor) -> [Signal] {
        let ends = self.ends.filter { $0.value.commit > cursor.rawValue }.map {
            (Signal(client: $0.key, kind: $0.value.kind), $0.value.commit)
        }
        let news = self.news.filter { $0.value > cursor.rawValue }.map { (Signal(client: $0.key, kind: .news), $0.value) }
        func sorted(_ signals: [(Signal, UInt64)]) -> [Signal] {
            signals.sorted { $0.1 == $1.1 ? $0.0.client < $1.0.client : $0.1 < $1.1 }.map(\.0)
        }
        return sorted(ends) + sorted(news)
    }

    mutating func forget(through cursor: SignalCursor) {
        self.news = self.news.filter { $0.value > cursor.rawValue }
        self.ends = self.ends.filter { $0.value.commit > cursor.rawValue }
    }
}
