import GaplessCore
import GaplessStore

/// The one store of the world, with its faults: slow, standing still, failing, full, in doubt, and back in time.
final class SimulatedStore {
    private unowned let world: World
    private let queues: MemoryQueues
    private var copies: [(queues: MemoryQueues, truth: Truth)] = []
    /// What fails, and until when.
    private var stalledUntil = Instant(nanoseconds: 0)
    private var failingUntil = Instant(nanoseconds: 0)
    private var fullUntil = Instant(nanoseconds: 0)
    /// How many of the next commits end without anybody knowing how.
    private var doubts = 0

    init(world: World) {
        self.world = world
        self.queues = MemoryQueues(
            policy: world.options.policy,
            random: SeededRandom(seed: world.plan.seed, stream: "store")
        )
    }

    /// A process's own access.
    func open() -> MemoryQueueStore {
        MemoryQueueStore(self.queues)
    }

    // MARK: Faults

    func stall(for time: Duration) { self.stalledUntil = max(self.stalledUntil, self.world.now + time) }
    func fail(for time: Duration) { self.failingUntil = max(self.failingUntil, self.world.now + time) }
    func fill(for time: Duration) { self.fullUntil = max(self.fullUntil, self.world.now + time) }
    func doubt(_ commits: Int) { self.doubts += commits }

    func heal() {
        (self.stalledUntil, self.failingUntil, self.fullUntil, self.doubts) = (self.world.now, self.world.now, self.world.now, 0)
    }

    func snapshot() {
        self.copies.append((self.queues.copy(), self.world.checker.truth))
    }

    /// Puts the newest copy back; nobody may work with the store meanwhile. False when there is none.
    func rollBack(isNoticed: Bool) -> Bool {
        guard let copy = self.copies.last else { return false }
        self.queues.restore(from: copy.queues)
        self.world.checker.rolledBack(to: copy.truth)
        if isNoticed { self.queues.startIncarnation() }
        return true
    }

    // MARK: Work

    /// When something is done that takes so long.
    func ready(after time: Duration, now: Instant) -> Instant {
        max(self.stalledUntil, now) + time
    }

    func commit(
        _ operations: [StoreOperation],
        by node: NodeProcess,
        using random: inout SeededRandom
    ) -> Result<CommitReceipt, QueueStoreError> {
        if self.world.now < self.failingUntil {
            self.world.counters.count(.commitFailed)
            return .failure(QueueStoreError(.unavailable, "the store fails"))
        }
        if self.world.now < self.fullUntil, operations.contains(where: \.storesMessages) {
            self.world.counters.count(.storeFull)
            return .failure(QueueStoreError(.full, "the disk is full"))
        }
        let isDoubtful = self.doubts > 0 || random.happens(self.world.options.doubtfulCommits)
        if self.doubts > 0 { self.doubts -= 1 }
        if isDoubtful, random.happens(500) {
            self.world.counters.count(.doubtNotCommitted)
            return .failure(QueueStoreError(.unknown, "nobody knows"))
        }
        do {
            let receipt = try node.access.commit(operations, now: node.storeTime())
            self.world.trace.note(
                .commit,
                receipt.number,
                UInt64(operations.count),
                "\(node.name) commit \(receipt.number): \(zip(operations, receipt.receipts).map { "\($0) -> \($1)" })"
            )
            self.world.checker.committed(operations, receipt)
            guard isDoubtful else { return .success(receipt) }
            self.world.counters.count(.doubtCommitted)
            self.world.wake(receipt.wake)
            return .failure(QueueStoreError(.unknown, "nobody knows"))
        } catch {
            return .failure(error)
        }
    }

    func read(_ request: ReadRequest, by node: NodeProcess) throws(QueueStoreError) -> ReadReceipt {
        try self.check()
        let now = node.storeTime()
        self.world.checker.clockRead(now)
        return try node.access.read([request], now: now)[0]
    }

    func signals(for node: NodeProcess, after cursor: SignalCursor) throws(QueueStoreError) -> SignalBatch {
        try self.check()
        return try node.access.signals(for: node.identity, after: cursor)
    }

    /// A queue as it is, for the checker and the plan.
    func snapshot(of client: ClientID) -> QueueSnapshot? {
        try? self.open().snapshot(of: client, now: Timestamp(milliseconds: 0))
    }

    private func check() throws(QueueStoreError) {
        if self.world.now < self.failingUntil { throw QueueStoreError(.unavailable, "the store fails") }
    }
}
