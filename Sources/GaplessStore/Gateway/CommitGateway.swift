import Dispatch
package import GaplessCore
import Synchronization

/// Who learns of every commit of a process, in the order of the commits. Called on the commit thread: it hands over and returns.
package protocol CommitObserver: AnyObject, Sendable {
    /// A transaction is durable.
    ///
    /// - Parameter operations: its operations with their receipts, in their order.
    func committed(_ operations: [CommittedOperation], number: UInt64, now: Instant)

    /// A transaction failed, or - with `.unknown` - nobody knows whether it did.
    func commitFailed(_ operations: [SubmittedOperation], _ error: QueueStoreError, now: Instant)
}

/// The one way into a store for a process: takes everything that waits, commits it in one transaction, tells everybody at once.
///
/// It owns one thread, from `start` to `stop`. Callers in `async` code wait on it and never on a disk of their own; connections submit and
/// get their answers through the observer. Bounded: callers beyond its bounds get `.overloaded` at once.
package final class CommitGateway: Sendable {
    private struct State {
        var queue: CommitQueue<CommitCaller>
        var pacer: CommitPacer
        var health = GatewayHealth()
        var phase = Phase.idle
        /// Whether the thread waits for the semaphore.
        var isAsleep = false
        /// Who waits for the commit under way.
        var underWay: [CommitCaller] = []
        var stopWaiters: [CheckedContinuation<Void, Never>] = []

        var takesWork: Bool {
            switch self.phase {
            case .idle, .running: true
            case .stopping, .stopped: false
            }
        }

        /// Notes that the thread will not sleep any more; returns whether it has to be rung for.
        mutating func awake() -> Bool {
            defer { self.isAsleep = false }
            return self.isAsleep
        }
    }

    private enum Phase {
        /// Not started; what comes waits.
        case idle
        case running
        /// Commits what waits, takes nothing more.
        case stopping
        case stopped
    }

    private enum Step {
        case commit([CommitQueue<CommitCaller>.Entry])
        case pause(Duration)
        case sleep
        case end
    }

    private let store: any QueueStore
    private let clock: GatewayClock
    private let wake: @Sendable ([NodeIdentity]) -> Void
    private let state: Mutex<State>
    private let bell = DispatchSemaphore(value: 0)

    /// - Parameter wake: tells other processes to look at their signals.
    package init(
        store: any QueueStore,
        configuration: GatewayConfiguration = GatewayConfiguration(),
        clock: GatewayClock = .system,
        wake: @escaping @Sendable ([NodeIdentity]) -> Void = { _ in }
    ) {
        self.store = store
        self.clock = clock
        self.wake = wake
        self.state = Mutex(
            State(queue: CommitQueue<CommitCaller>(configuration: configuration), pacer: CommitPacer(maxSpacing: configuration.maxSpacing))
        )
    }

    // MARK: Life

    /// Starts the thread. Until `stop` it keeps the gateway and the observer alive.
    package func start(observer: any CommitObserver) {
        self.state.withLock { state in
            precondition(state.phase == .idle, "a gateway starts once")
            state.phase = .running
        }
        StoreThread.start("gapless-commit") { self.run(observer) }
    }

    /// Takes nothing more, commits what waits, and ends the thread; returns when that is done. A second call waits with the first.
    package func stop() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let (isOver, mustRing) = self.state.withLock { state -> (Bool, Bool) in
                switch state.phase {
                case .idle: state.phase = .stopped
                case .running: state.phase = .stopping
                case .stopping, .stopped: break
                }
                if state.phase == .stopped { return (true, false) }
                state.stopWaiters.append(continuation)
                return (false, state.awake())
            }
            if mustRing { self.bell.signal() }
            if isOver { continuation.resume() }
        }
    }

    /// How it fares.
    package var health: GatewayHealth {
        self.state.withLock { state in
            var health = state.health
            health.waitingOperations = state.queue.count
            health.waitingBytes = state.queue.callerBytes
            return health
        }
    }

    // MARK: Work

    /// Submits an operation of a connection or of the node itself; the observer learns what becomes of it. After `stop` it is dropped.
    package func submit(_ operation: SubmittedOperation) {
        self.submit([operation])
    }

    /// Submits several, in their order.
    package func submit(_ operations: [SubmittedOperation]) {
        let now = self.clock.monotonic()
        let mustRing = self.state.withLock { state in
            guard state.takesWork else { return false }
            for operation in operations {
                state.queue.add(operation, now: now)
            }
            return state.awake()
        }
        if mustRing { self.bell.signal() }
    }

    /// Commits one operation; returns when it is durable. Cancellation does not take it back.
    ///
    /// - Throws: `.overloaded` and `.closed` when it was not taken, else what the store threw for the batch that it was part of.
    package func commit(_ operation: StoreOperation) async throws(QueueStoreError) -> StoreReceipt {
        guard let answer = await self.commitAll([operation]).first else { preconditionFailure("one operation has one answer") }
        return try answer.get()
    }

    /// Commits operations in their order, perhaps in several batches, with one wait for all of them; one answer each. When there is room
    /// for some only, these are the first ones.
    package func commitAll(_ operations: [StoreOperation]) async -> [Result<StoreReceipt, QueueStoreError>] {
        guard !operations.isEmpty else { return [] }
        return await withCheckedContinuation { continuation in
            let caller = CommitCaller(count: operations.count, continuation: continuation)
            let now = self.clock.monotonic()
            let (taken, refusal, mustRing) = self.state.withLock { state -> (Int, QueueStoreError, Bool) in
                guard state.takesWork else { return (0, Self.closed, false) }
                var taken = 0
                while taken < operations.count, state.queue.add(operations[taken], for: caller, index: taken, now: now) { taken += 1 }
                return (taken, Self.overloaded, taken > 0 && state.awake())
            }
            if mustRing { self.bell.signal() }
            let resumption = (taken..<operations.count).reduce(nil) { found, index in
                found ?? caller.answer(index, .failure(refusal))
            }
            resumption?.resume()
        }
    }

    /// Answers callers that have waited too long: `.unavailable` when their operation is not on its way yet (it is taken back), `.unknown`
    /// when it is part of a commit that hangs. A shell calls it from time to time, so that nobody waits for a disk without end.
    ///
    /// - Returns: how many operations were taken back or left to their fate.
    @discardableResult
    package func giveUp(waitingFor bound: Duration) -> Int {
        let moment = Instant(nanoseconds: self.clock.monotonic().nanoseconds - bound.nanoseconds)
        let (waiting, hanging) = self.state.withLock { state -> ([CommitQueue<CommitCaller>.Entry], [CommitCaller]) in
            let waiting = state.queue.takeCallers(since: moment)
            guard let since = state.health.underWaySince, since <= moment else { return (waiting, []) }
            defer { state.underWay = [] }
            return (waiting, state.underWay)
        }
        for entry in waiting {
            guard let caller = entry.caller else { continue }
            caller.who.answer(caller.index, .failure(Self.tooLate))?.resume()
        }
        for caller in hanging {
            caller.giveUp(Self.hanging)?.resume()
        }
        return waiting.count + hanging.count
    }

    private static let closed = QueueStoreError(.closed, "The way to the store was closed.")
    private static let overloaded = QueueStoreError(.overloaded, "More sends wait for the store than the process holds.")
    private static let tooLate = QueueStoreError(.unavailable, "The store did not take the operation in time.")
    private static let hanging = QueueStoreError(.unknown, "The store did not answer in time; it may still commit.")

    // MARK: The thread

    private func run(_ observer: any CommitObserver) {
        while true {
            switch self.nextStep() {
            case .commit(let batch): self.commit(batch, observer)
            case .pause(let duration): self.clock.sleep(duration)
            case .sleep: self.bell.wait()
            case .end: return
            }
        }
    }

    private func nextStep() -> Step {
        let now = self.clock.monotonic()
        let (step, waiters) = self.state.withLock { state -> (Step, [CheckedContinuation<Void, Never>]) in
            let waiting = state.queue.count
            if waiting == 0 {
                guard state.phase == .stopping else {
                    state.isAsleep = true
                    return (.sleep, [])
                }
                state.phase = .stopped
                defer { state.stopWaiters = [] }
                return (.end, state.stopWaiters)
            }
            if state.phase == .running, let wait = state.pacer.wait(for: waiting, now: now) { return (.pause(wait), []) }
            let batch = state.queue.takeBatch(now: now)
            state.underWay = batch.compactMap { $0.caller?.who }
            state.health.underWaySince = now
            return (.commit(batch), [])
        }
        waiters.forEach { $0.resume() }
        return step
    }

    private func commit(_ batch: [CommitQueue<CommitCaller>.Entry], _ observer: any CommitObserver) {
        let start = self.clock.monotonic()
        do {
            let receipt = try self.store.commit(batch.map(\.submitted.operation), now: self.clock.wallClock())
            self.succeeded(batch, receipt, since: start, observer)
        } catch {
            // A store that is full still takes what makes room: the rest of the batch goes again without what it cannot hold.
            let rest = batch.filter { !$0.submitted.operation.storesMessages }
            guard error.code == .full, !rest.isEmpty, rest.count < batch.count else {
                self.failed(batch, error, since: start, observer)
                return
            }
            self.failed(batch.filter { $0.submitted.operation.storesMessages }, error, since: start, observer)
            self.state.withLock { state in
                state.underWay = rest.compactMap { $0.caller?.who }
                state.health.underWaySince = start
            }
            self.commit(rest, observer)
        }
    }

    private func succeeded(
        _ batch: [CommitQueue<CommitCaller>.Entry],
        _ receipt: CommitReceipt,
        since start: Instant,
        _ observer: any CommitObserver
    ) {
        precondition(receipt.receipts.count == batch.count, "a store gives one receipt an operation")
        let now = self.clock.monotonic()
        self.state.withLock { state in
            state.pacer.committed(now: now)
            state.health.succeeded(operations: batch.count, since: start, now: now)
            state.underWay = []
        }
        if !receipt.wake.isEmpty { self.wake(receipt.wake) }
        let committed = zip(batch, receipt.receipts).map { entry, receipt in
            CommittedOperation(entry.submitted.operation, receipt, connection: entry.submitted.connection)
        }
        observer.committed(committed, number: receipt.number, now: now)
        self.resume(
            zip(batch, receipt.receipts).compactMap { entry, receipt in
                entry.caller.flatMap { $0.who.answer($0.index, .success(receipt)) }
            }
        )
    }

    private func failed(
        _ batch: [CommitQueue<CommitCaller>.Entry],
        _ error: QueueStoreError,
        since start: Instant,
        _ observer: any CommitObserver
    ) {
        let now = self.clock.monotonic()
        self.state.withLock { state in
            state.pacer.committed(now: now)
            state.health.failed(operations: batch.count, since: start, now: now)
            state.underWay = []
        }
        observer.commitFailed(batch.map(\.submitted), error, now: now)
        self.resume(
            batch.compactMap { entry in
                entry.caller.flatMap { $0.who.answer($0.index, .failure(error)) }
            }
        )
    }

    private func resume(_ resumptions: [CommitCaller.Resumption]) {
        resumptions.forEach { $0.resume() }
    }
}
