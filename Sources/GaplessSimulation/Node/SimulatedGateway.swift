import GaplessCore
import GaplessStore

/// The commit thread of a node in virtual time, on the product's own queue.
final class SimulatedGateway {
    private unowned let node: NodeProcess
    private var queue: CommitQueue<Int>
    /// Who waits, by the number in the queue. Looked up, never walked through.
    private var callers: [Int: (Result<StoreReceipt, QueueStoreError>) -> Void] = [:]
    private var callerCount = 0
    /// How many callers' operations wait for a commit to begin.
    private var waiting = 0
    private var isBusy = false
    private var isDead = false
    private var commits: UInt64 = 0
    /// The acknowledgements that wait, for the checker: the highest of each connection.
    private var acknowledgements: [AcknowledgeOperation] = []

    init(_ node: NodeProcess) {
        self.node = node
        self.queue = CommitQueue(configuration: node.options.gateway)
    }

    var isIdle: Bool { !self.isBusy && self.queue.count == 0 }

    func die() {
        self.isDead = true
    }

    func submit(_ operation: SubmittedOperation) {
        if case .acknowledge(let acknowledge) = operation.operation { self.note(acknowledge) }
        self.queue.add(operation, now: self.node.now)
        self.ring()
    }

    private func note(_ operation: AcknowledgeOperation) {
        let place = self.acknowledgements.firstIndex { $0.client == operation.client && $0.fence == operation.fence }
        guard let place else { return self.acknowledgements.append(operation) }
        self.acknowledgements[place].through = max(self.acknowledgements[place].through, operation.through)
    }

    /// Submits for a caller; nothing comes back when the process dies.
    func submit(_ operation: StoreOperation, _ answer: @escaping (Result<StoreReceipt, QueueStoreError>) -> Void) {
        self.callerCount += 1
        guard self.queue.add(operation, for: self.callerCount, index: 0, now: self.node.now) else {
            return answer(.failure(QueueStoreError(.overloaded, "too much waits")))
        }
        self.callers[self.callerCount] = answer
        self.waiting += 1
        self.node.world.checker.waits(self.waiting, in: self, limit: self.node.options.gatewayOperations)
        self.ring()
    }

    private func ring() {
        guard !self.isBusy, self.queue.count > 0 else { return }
        self.isBusy = true
        self.node.schedule(after: .microseconds(50)) { self.begin() }
    }

    private func begin() {
        let batch = self.queue.takeBatch(now: self.node.now)
        self.node.world.checker.joined(self.acknowledgements, in: batch.map(\.submitted.operation))
        self.acknowledgements = []
        self.waiting -= batch.count { $0.caller != nil }
        self.commits += 1
        self.commit(batch, number: self.commits)
    }

    /// The batch is on its way to the disk: even when this process dies meanwhile, it may arrive there.
    private func commit(_ batch: [CommitQueue<Int>.Entry], number: UInt64) {
        let node = self.node  // Outlives its process here.
        let world = node.world
        var random = SeededRandom(seed: world.plan.seed, stream: "commit", UInt64(node.place), node.life, number)
        let applied = world.store.ready(after: random.latency(world.options.commit), now: world.now)
        let survives = random.happens(500)
        world.at(applied) {
            guard node.isRunning || survives else { return }
            if !node.isRunning { world.counters.count(.commitSurvived) }
            let result = world.store.commit(batch.map(\.submitted.operation), by: node, using: &random)
            let answer = world.store.ready(after: random.latency(world.options.hop), now: world.now)
            node.schedule(at: answer) { self.ended(batch, result, number: number) }
        }
    }

    private func ended(_ batch: [CommitQueue<Int>.Entry], _ result: Result<CommitReceipt, QueueStoreError>, number: UInt64) {
        switch result {
        case .success(let receipt):
            self.node.world.wake(receipt.wake)
            let committed = zip(batch, receipt.receipts).map { entry, receipt in
                CommittedOperation(entry.submitted.operation, receipt, connection: entry.submitted.connection)
            }
            self.node.feed { $0.committed(committed, now: $1, into: &$2) }
            for (entry, receipt) in zip(batch, receipt.receipts) { self.answer(entry, .success(receipt)) }
        case .failure(let error):
            let rest = batch.filter { !$0.submitted.operation.storesMessages }
            guard error.code == .full, !rest.isEmpty, rest.count < batch.count else {
                self.fail(batch, error)
                break
            }
            self.fail(batch.filter { $0.submitted.operation.storesMessages }, error)
            self.commits += 1
            return self.commit(rest, number: self.commits)
        }
        self.isBusy = false
        self.ring()
    }

    private func fail(_ batch: [CommitQueue<Int>.Entry], _ error: QueueStoreError) {
        let failure: CommitFailure =
            switch error.code {
            case .unknown: .unknown
            case .full: .full
            case .newerSchema: .newerSchema
            default: .nothing
            }
        self.node.feed { $0.commitFailed(batch.map(\.submitted), failure, now: $1, into: &$2) }
        for entry in batch { self.answer(entry, .failure(error)) }
    }

    private func answer(_ entry: CommitQueue<Int>.Entry, _ result: Result<StoreReceipt, QueueStoreError>) {
        guard let caller = entry.caller, let answer = self.callers.removeValue(forKey: caller.who) else { return }
        answer(result)
    }
}
