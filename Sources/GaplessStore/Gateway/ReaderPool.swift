import Dispatch
package import GaplessCore
import Synchronization

/// One read for one connection, and what came of it.
package struct ReadAnswer: Sendable {
    package let connection: ConnectionAddress
    package let request: ReadRequest
    package let result: Result<ReadReceipt, QueueStoreError>

    package init(connection: ConnectionAddress, request: ReadRequest, result: Result<ReadReceipt, QueueStoreError>) {
        self.connection = connection
        self.request = request
        self.result = result
    }
}

/// A few threads that read from a store for everybody: what waits is read together, and each loop gets its answers as one batch.
///
/// Connections have at most one read under way each, so their reads are bounded by their number and are never refused. Other work - looks
/// of operators, polls - is bounded by count.
package final class ReaderPool: Sendable {
    private enum Step {
        case read([(request: ReadRequest, connection: ConnectionAddress)])
        case work(@Sendable (any QueueStore) -> Void)
        case sleep
        case end([CheckedContinuation<Void, Never>])
    }

    private struct State {
        var reads = FIFO<(request: ReadRequest, connection: ConnectionAddress)>()
        var work = FIFO<@Sendable (any QueueStore) -> Void>()
        var asleep = 0
        var running = 0
        var isStopping = false
        var stopWaiters: [CheckedContinuation<Void, Never>] = []
        var lastWasWork = false

        /// How many sleeping threads have to be rung for: one for new work, or all.
        mutating func awake(all: Bool) -> Int {
            let count = all ? self.asleep : min(1, self.asleep)
            self.asleep -= count
            return count
        }
    }

    private let store: any QueueStore
    private let clock: GatewayClock
    private let threads: Int
    private let maxBatch: Int
    private let maxBatchBytes: Int
    private let maxWork: Int
    private let state = Mutex(State())
    private let bell = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - maxBatch: the most reads of connections in one call of the store.
    ///   - maxBatchBytes: the most bytes that they may ask for together; one read always goes.
    ///   - maxWork: the most other work that waits.
    package init(
        store: any QueueStore,
        threads: Int = 2,
        maxBatch: Int = 64,
        maxBatchBytes: Int = 8_388_608,
        maxWork: Int = 1_024,
        clock: GatewayClock = .system
    ) {
        precondition(threads >= 1 && maxBatch >= 1, "a pool reads something")
        self.store = store
        self.clock = clock
        self.threads = threads
        self.maxBatch = maxBatch
        self.maxBatchBytes = maxBatchBytes
        self.maxWork = maxWork
    }

    /// Starts the threads. Until `stop` they keep the pool alive.
    ///
    /// - Parameter deliver: gets the answers of one batch for one loop, on a thread of the pool.
    package func start(deliver: @escaping @Sendable (_ loop: Int, _ answers: [ReadAnswer]) -> Void) {
        self.state.withLock { state in
            precondition(state.running == 0 && !state.isStopping, "a pool starts once")
            state.running = self.threads
        }
        for number in 1...self.threads {
            StoreThread.start("gapless-read-\(number)") { self.run(deliver) }
        }
    }

    /// Takes nothing more, does what waits, and ends the threads; returns when that is done.
    package func stop() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let (isOver, sleepers) = self.state.withLock { state -> (Bool, Int) in
                state.isStopping = true
                if state.running == 0 { return (true, 0) }
                state.stopWaiters.append(continuation)
                return (false, state.awake(all: true))
            }
            for _ in 0..<sleepers { self.bell.signal() }
            if isOver { continuation.resume() }
        }
    }

    /// Reads for a connection; the answer goes to its loop. After `stop` it is dropped.
    package func read(_ request: ReadRequest, for connection: ConnectionAddress) {
        let sleepers = self.state.withLock { state in
            guard !state.isStopping else { return 0 }
            state.reads.append((request, connection))
            return state.awake(all: false)
        }
        for _ in 0..<sleepers { self.bell.signal() }
    }

    /// Asks the store something else, such as for a snapshot or for signals.
    ///
    /// - Throws: `.overloaded` and `.closed` when it was not taken, else what the body throws.
    package func perform<Value: Sendable>(
        _ body: @escaping @Sendable (any QueueStore) throws(QueueStoreError) -> Value
    ) async throws(QueueStoreError) -> Value {
        let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, QueueStoreError>, Never>) in
            let refusal = self.submit { store in
                continuation.resume(returning: Result { () throws(QueueStoreError) in try body(store) })
            }
            if let refusal { continuation.resume(returning: .failure(refusal)) }
        }
        return try result.get()
    }

    /// Does something with the store on a thread of the pool, without waiting.
    ///
    /// - Returns: why it was not taken; nil when it was.
    package func submit(_ work: @escaping @Sendable (any QueueStore) -> Void) -> QueueStoreError? {
        let (refusal, sleepers) = self.state.withLock { state -> (QueueStoreError?, Int) in
            guard !state.isStopping else { return (QueueStoreError(.closed, "The way to the store was closed."), 0) }
            guard state.work.count < self.maxWork else {
                return (QueueStoreError(.overloaded, "More questions wait for the store than the process holds."), 0)
            }
            state.work.append(work)
            return (nil, state.awake(all: false))
        }
        for _ in 0..<sleepers { self.bell.signal() }
        return refusal
    }

    private func run(_ deliver: @Sendable (_ loop: Int, _ answers: [ReadAnswer]) -> Void) {
        while true {
            switch self.nextStep() {
            case .read(let reads): self.read(reads, deliver)
            case .work(let work): work(self.store)
            case .sleep: self.bell.wait()
            case .end(let waiters):
                waiters.forEach { $0.resume() }
                return
            }
        }
    }

    private func nextStep() -> Step {
        self.state.withLock { state in
            // They take turns, so that neither starves the other.
            state.lastWasWork = state.reads.isEmpty || !state.lastWasWork
            if state.lastWasWork, let work = state.work.takeFirst() { return .work(work) }
            if !state.reads.isEmpty {
                var room = self.maxBatch
                var bytes = 0
                return .read(
                    state.reads.take { read in
                        let wanted = max(1, min(read.request.maxBytes, self.maxBatchBytes))
                        guard room > 0, bytes == 0 || bytes + wanted <= self.maxBatchBytes else { return false }
                        room -= 1
                        bytes += wanted
                        return true
                    }
                )
            }
            guard state.isStopping else {
                precondition(state.work.isEmpty, "work is taken when there are no reads")
                state.asleep += 1
                return .sleep
            }
            state.running -= 1
            guard state.running == 0 else { return .end([]) }
            defer { state.stopWaiters = [] }
            return .end(state.stopWaiters)
        }
    }

    private func read(
        _ reads: [(request: ReadRequest, connection: ConnectionAddress)],
        _ deliver: @Sendable (_ loop: Int, _ answers: [ReadAnswer]) -> Void
    ) {
        let results: [Result<ReadReceipt, QueueStoreError>]
        do {
            results = try self.store.read(reads.map(\.request), now: self.clock.wallClock()).map { .success($0) }
        } catch {
            results = reads.map { _ in .failure(error) }
        }
        precondition(results.count == reads.count, "a store gives one receipt a read")
        var loops: [(loop: Int, answers: [ReadAnswer])] = []
        for (read, result) in zip(reads, results) {
            let answer = ReadAnswer(connection: read.connection, request: read.request, result: result)
            if let place = loops.firstIndex(where: { $0.loop == read.connection.loop }) {
                loops[place].answers.append(answer)
            } else {
                loops.append((read.connection.loop, [answer]))
            }
        }
        for (loop, answers) in loops {
            deliver(loop, answers)
        }
    }
}

extension FIFO {
    /// Takes the first element; nil when there is none.
    mutating func takeFirst() -> Element? {
        var isFirst = true
        return self.take { _ in
            defer { isFirst = false }
            return isFirst
        }.first
    }
}
