import GaplessCore
import Synchronization

/// Runs what users of the SDK wrote - handlers, authenticators, decisions - as child tasks of the server's `run()`.
///
/// Whoever submits bounds the number: one authentication a connection, one handler a client.
final class JobRunner: Sendable {
    typealias Job = @Sendable () async -> Void

    private let jobs: AsyncStream<Job>
    private let input: AsyncStream<Job>.Continuation

    init() {
        (self.jobs, self.input) = AsyncStream.makeStream(of: Job.self)
    }

    /// Starts a job soon. Does nothing once the runner has finished.
    func submit(_ job: @escaping Job) {
        self.input.yield(job)
    }

    /// No more jobs come; those that run are waited for by `run()`.
    func finish() {
        self.input.finish()
    }

    /// Runs jobs until `finish()` or cancellation, which cancels those that run.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await job in self.jobs {
                group.addTask { await job() }
            }
        }
    }
}

/// Runs uplink handlers so that a single one can be cancelled.
final class HandlerRunner: Sendable {
    private enum Run {
        /// Submitted; its job has not begun. Next: running, cancelled.
        case waiting
        /// Next: gone.
        case running(Task<Void, Never>)
        /// Cancelled before it began. Next: gone.
        case cancelled
    }

    private let runs = Mutex<[HandlerRun.ID: Run]>([:])
    private let runner: JobRunner

    init(_ runner: JobRunner) {
        self.runner = runner
    }

    /// Runs a handler; `body` reports how it ended, also when it was cancelled.
    func run(_ id: HandlerRun.ID, _ body: @escaping @Sendable () async -> Void) {
        self.runs.withLock { $0[id] = .waiting }
        self.runner.submit {
            // A task of its own, since one child of a group cannot be cancelled alone. It is owned: this job waits for its end, and hands
            // on its own cancellation.
            let task = Task { await body() }
            self.begin(id, task)
            await withTaskCancellationHandler {
                await task.value
            } onCancel: {
                task.cancel()
            }
            self.runs.withLock { _ = $0.removeValue(forKey: id) }
        }
    }

    /// Cancels a handler.
    func cancel(_ id: HandlerRun.ID) {
        let task: Task<Void, Never>? = self.runs.withLock { runs in
            switch runs[id] {
            case .running(let task): return task
            case .waiting: runs[id] = .cancelled
            case .cancelled, nil: break
            }
            return nil
        }
        task?.cancel()
    }

    private func begin(_ id: HandlerRun.ID, _ task: Task<Void, Never>) {
        let isCancelled = self.runs.withLock { runs in
            defer { runs[id] = .running(task) }
            if case .cancelled = runs[id] { return true }
            return false
        }
        if isCancelled { task.cancel() }
    }
}
