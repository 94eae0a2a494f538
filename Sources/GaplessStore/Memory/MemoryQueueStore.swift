package import GaplessCore
import Synchronization

/// What several `MemoryQueueStore` objects share, as several processes share one database: the state that would outlive them.
package final class MemoryQueues: Sendable {
    private let state: Mutex<MemoryState>

    /// - Parameter random: draws incarnation, epochs and token keys.
    package init(policy: StorePolicy = StorePolicy(), random: some RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()) {
        self.state = Mutex(MemoryState(policy: policy, random: random))
    }

    private init(_ state: MemoryState) {
        self.state = Mutex(state)
    }

    /// The bounds that the store keeps.
    package var policy: StorePolicy { self.state.withLock { $0.policy } }

    /// A copy that goes its own way, as a copy of a file does.
    package func copy() -> MemoryQueues {
        MemoryQueues(self.state.withLock { $0 })
    }

    /// Puts a copy back in the place of what is there: the store goes back in time, unnoticed.
    package func restore(from copy: MemoryQueues) {
        let state = copy.state.withLock { $0 }
        self.state.withLock { $0.goBack(to: state) }
    }

    /// Begins a new life of the store, as an operator does after a restore.
    package func startIncarnation() {
        self.state.withLock { $0.startIncarnation() }
    }

    func withState<Result>(_ body: (inout MemoryState) -> sending Result) -> sending Result {
        self.state.withLock { body(&$0) }
    }
}

/// A store in memory: for tests, simulation, and services whose messages may die with the process.
package final class MemoryQueueStore: QueueStore {
    /// How old the newest token key becomes before a new one is made.
    package static let tokenKeyRotation: Duration = .seconds(30 * 86_400)

    private struct Access {
        var isClosed = false
        /// The node that works through this object, once it gave a sign of life.
        var node: NodeIdentity?
    }

    private let queues: MemoryQueues
    private let access = Mutex(Access())

    /// One process's access to what is shared.
    package init(_ queues: MemoryQueues = MemoryQueues()) {
        self.queues = queues
    }

    package var incarnation: Incarnation {
        get throws(QueueStoreError) {
            try self.checkOpen()
            return self.queues.withState { $0.incarnation }
        }
    }

    package func commit(_ operations: [StoreOperation], now: Timestamp) throws(QueueStoreError) -> CommitReceipt {
        let node = try self.noteNode(of: operations)
        return self.queues.withState { state in
            state.advanceClock(to: now)
            let receipts = MemoryTransaction.apply(operations, to: &state)
            let (number, wake) = state.endCommit(ownNode: node)
            return CommitReceipt(number: number, time: state.clock, receipts: receipts, wake: wake)
        }
    }

    package func read(_ requests: [ReadRequest], now: Timestamp) throws(QueueStoreError) -> [ReadReceipt] {
        try self.checkOpen()
        return self.queues.withState { state in
            state.advanceClock(to: now)
            return requests.map { state.read($0) }
        }
    }

    package func signals(for node: NodeIdentity, after cursor: SignalCursor) throws(QueueStoreError) -> SignalBatch {
        try self.checkOpen()
        return self.queues.withState { $0.signals(for: node, after: cursor) }
    }

    package func snapshot(of client: ClientID, now: Timestamp) throws(QueueStoreError) -> QueueSnapshot? {
        try self.checkOpen()
        return self.queues.withState { state in
            state.advanceClock(to: now)
            return state.snapshot(of: client)
        }
    }

    package func snapshots(
        of user: UserID?,
        after: ClientID?,
        limit: Int,
        now: Timestamp
    ) throws(QueueStoreError) -> [QueueSnapshot] {
        try self.checkOpen()
        return self.queues.withState { state in
            state.advanceClock(to: now)
            return state.clients(of: user, after: after, limit: limit).compactMap { state.snapshot(of: $0) }
        }
    }

    package func tokenKeys(now: Timestamp) throws(QueueStoreError) -> [TokenKey] {
        try self.checkOpen()
        return self.queues.withState { state in
            state.advanceClock(to: now)
            return state.currentTokenKeys(rotation: Self.tokenKeyRotation)
        }
    }

    package func close() {
        self.access.withLock { $0.isClosed = true }
    }

    private func checkOpen() throws(QueueStoreError) {
        guard self.access.withLock({ !$0.isClosed }) else { throw QueueStoreError(.closed, "The store was closed.") }
    }

    /// Remembers whose heartbeats come through here: this node needs no signals for its own commits.
    private func noteNode(of operations: [StoreOperation]) throws(QueueStoreError) -> NodeIdentity? {
        try self.checkOpen()
        return self.access.withLock { access in
            for case .heartbeat(let heartbeat) in operations {
                access.node = heartbeat.node
            }
            return access.node
        }
    }
}
