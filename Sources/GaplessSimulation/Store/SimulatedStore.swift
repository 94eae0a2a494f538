import GaplessCore
import GaplessStore

/// The one store of the world, with its faults: slow, standing still, failing, full, in doubt, and back in time.
final class SimulatedStore {
    private unowned let world: World
    private let queues: MemoryQueues
    private var copies: [(queues: MemoryQueues, truth: Truth)] = []
    /// The states before the last few commits, in worlds whose store goes back.
    private var recent: [(queues: MemoryQueues, truth: Truth)] = []
    /// What fails, and until when.
    private var stalledUntil = Instant(nanoseconds: 0)
    private var failingUntil = Instant(nanoseconds: 0)
    private var fullUntil = Instant(nanoseconds: 0)
    /// When something was last wrong.
    private var lastTrouble = Instant(nanoseconds: 0)
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

    /// The last moment at which something was or will be wrong.
    var troubled: Instant { max(self.lastTrouble, self.stalledUntil, self.failingUntil, self.fullUntil) }

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

    /// Puts the newest copy back, if there is one; nobody may work with the store meanwhile.
    func rollBack(isNoticed: Bool) {
        if let copy = self.copies.last { self.goBack(to: copy, isNoticed: isNoticed) }
    }

    /// The last few commits were not on the disk.
    func loseCommits(_ count: Int, isNoticed: Bool) {
        guard !self.recent.isEmpty else { return }
        let state = self.recent[max(0, self.recent.count - count)]
        self.recent = []
        self.goBack(to: state, isNoticed: isNoticed)
    }

    private func goBack(to state: (queues: MemoryQueues, truth: Truth), isNoticed: Bool) {
        self.queues.restore(from: state.queues)
        self.world.checker.rolledBack(to: state.truth, isNoticed: isNoticed)
        if isNoticed { self.queues.startIncarnation() }
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
        if node.isOutdated { return .failure(QueueStoreError(.newerSchema, "the store is newer than this program")) }
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
        if isDoubtful { self.noteDoubt(operations) }
        if isDoubtful, random.happens(500) {
            self.world.counters.count(.doubtNotCommitted)
            return .failure(QueueStoreError(.unknown, "nobody knows"))
        }
        if self.world.options.hasRollbacks {
            self.recent.append((self.queues.copy(), self.world.checker.truth))
            if self.recent.count > 16 { self.recent.removeFirst() }
        }
        do {
            let receipt = try node.access.commit(operations, now: node.storeTime())
            self.world.note(
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
        self.world.checker.noteTime(now)
        let receipt = try node.access.read([request], now: now)[0]
        self.world.checker.read(request, receipt)
        return receipt
    }

    func signals(for node: NodeProcess, after cursor: SignalCursor) throws(QueueStoreError) -> SignalBatch {
        try self.check()
        return try node.access.signals(for: node.identity, after: cursor)
    }

    /// Counts what nobody knows the outcome of.
    private func noteDoubt(_ operations: [StoreOperation]) {
        self.lastTrouble = self.world.now
        for operation in operations {
            switch operation {
            case .append, .appendSequence: self.world.counters.count(.doubtfulAppend)
            case .attach: self.world.counters.count(.doubtfulAttach)
            case .acknowledge: self.world.counters.count(.doubtfulAck)
            case .advanceMark: self.world.counters.count(.doubtfulMark)
            case .detach, .end, .remove, .expire, .heartbeat, .order, .sendAway: break
            }
        }
    }

    private func check() throws(QueueStoreError) {
        if self.world.now < self.failingUntil { throw QueueStoreError(.unavailable, "the store fails") }
    }
}
