import GaplessCore
import GaplessWebSocket
import NIOCore
import Synchronization

/// Runs what users of the SDK wrote - handlers, authenticators, decisions, hooks - for as long as the server's `run()` does.
///
/// Whoever submits bounds the number: at most one handler a client, and one authentication a connection. An authentication that ignores
/// that it was cancelled outlives its connection, so the node takes no `HELLO` while too many of `authentications` run. A job is a task
/// of its own, since a single one must be cancellable, and since one that ignores its cancellation must not hold the server for ever.
/// Each is owned all the same: `run()` waits for it and hands on its own cancellation, until `abandon()` ends the waiting.
final class JobRunner: Sendable {
    typealias Work = @Sendable () async -> Void

    /// Which job.
    enum Name: Hashable, Sendable {
        case handler(HandlerRun.ID)
        /// Anything else, by its count.
        case other(UInt64)
    }

    /// How many jobs were still running when the waiting for them was given up.
    struct Left: Hashable, Sendable {
        var handlers = 0
        var others = 0

        var isEmpty: Bool { self == Left() }
    }

    private enum Progress {
        /// Submitted. Next: begun, or gone when the runner ends before.
        case waiting(isCancelled: Bool)
        /// Its task was made. Next: running, gone.
        case begun(isCancelled: Bool)
        /// Next: gone.
        case running(Task<Void, Never>)
    }

    private struct State {
        var jobs: [Name: Progress] = [:]
        var submitted: UInt64 = 0
        /// The jobs that find out who somebody is and have not found out yet.
        var authentications: [ServedConnectionID: Name] = [:]
        /// How many were begun and have not ended.
        var left = Left()
        /// Who waits for the handlers that were begun.
        var handlersWaiter: AsyncStream<Void>.Continuation?
        var isCancelled = false
        var areHandlersCancelled = false
        var isAbandoned = false
        var waiter: CheckedContinuation<Void, Never>?

        mutating func takeWaiterIfOver() -> CheckedContinuation<Void, Never>? {
            guard self.left.isEmpty || self.isAbandoned else { return nil }
            defer { self.waiter = nil }
            return self.waiter
        }

        /// The name of a new job that is no handler.
        mutating func makeName() -> Name {
            self.submitted += 1
            self.jobs[.other(self.submitted)] = .waiting(isCancelled: false)
            return .other(self.submitted)
        }

        /// Cancels a job, unless it is over; what is returned is to be cancelled outside of the lock.
        mutating func cancel(_ name: Name) -> Task<Void, Never>? {
            switch self.jobs[name] {
            case .waiting: self.jobs[name] = .waiting(isCancelled: true)
            case .begun: self.jobs[name] = .begun(isCancelled: true)
            case .running(let task): return task
            case nil: break
            }
            return nil
        }

        /// Whether all jobs of this kind are cancelled.
        func isCancelled(_ name: Name) -> Bool {
            if case .handler = name { self.isCancelled || self.areHandlersCancelled } else { self.isCancelled }
        }

        mutating func count(_ name: Name, _ change: Int) {
            switch name {
            case .handler:
                self.left.handlers += change
                if self.left.handlers == 0 { self.handlersWaiter?.finish() }
            case .other: self.left.others += change
            }
        }
    }

    private let state = Mutex(State())
    private let jobs: AsyncStream<(name: Name, work: Work)>
    private let input: AsyncStream<(name: Name, work: Work)>.Continuation

    init() {
        (self.jobs, self.input) = AsyncStream.makeStream(of: (name: Name, work: Work).self)
    }

    // MARK: Jobs

    /// Starts a handler soon. Does nothing once the runner has finished.
    func submit(_ run: HandlerRun.ID, _ work: @escaping Work) {
        self.state.withLock { $0.jobs[.handler(run)] = .waiting(isCancelled: false) }
        self.input.yield((.handler(run), work))
    }

    /// Begins to find out soon who a client is, and tells. Does nothing once the runner has finished.
    ///
    /// - Precondition: no other authentication of the connection runs.
    func submit<Outcome: Sendable>(
        authenticationOf connection: ServedConnectionID,
        _ work: @escaping @Sendable () async -> Outcome,
        then tell: @escaping @Sendable (Outcome) -> Void
    ) {
        let name = self.state.withLock { state in
            precondition(state.authentications[connection] == nil, "a connection proves itself once at a time")
            let name = state.makeName()
            state.authentications[connection] = name
            return name
        }
        let job: Work = {
            let outcome = await work()
            // It does not count any more when somebody hears of it, who may come back at once.
            self.state.withLock { state in state.authentications[connection] = nil }
            tell(outcome)
        }
        self.input.yield((name, job))
    }

    /// How many authentications have been submitted and are not over, also of connections that are gone.
    var authentications: Int { self.state.withLock { $0.authentications.count } }

    /// Starts something else soon. Does nothing once the runner has finished.
    func submit(_ work: @escaping Work) {
        let name = self.state.withLock { $0.makeName() }
        self.input.yield((name, work))
    }

    /// Cancels a handler; it is begun all the same, since somebody waits for its end.
    func cancel(_ run: HandlerRun.ID) {
        self.state.withLock { $0.cancel(.handler(run)) }?.cancel()
    }

    /// Cancels the authentication of a connection, if one runs.
    func cancel(authenticationOf connection: ServedConnectionID) {
        self.state.withLock { state in state.authentications[connection].flatMap { state.cancel($0) } }?.cancel()
    }

    // MARK: Life

    /// Runs jobs until `finish()` or cancellation, which cancels those that run; returns when all have ended, or are given up.
    func run() async -> Left {
        await withTaskCancellationHandler {
            for await job in self.jobs { self.begin(job.name, job.work) }
            await self.waitForAll()
            return self.state.withLock { $0.left }
        } onCancel: {
            self.cancelAll()
        }
    }

    /// No more jobs come; those that run are waited for by `run()`.
    func finish() {
        self.input.finish()
    }

    /// Waits until no handler runs, until a moment at most.
    func handlersEnd(before moment: NIODeadline, _ clock: LoopClock, on eventLoop: any EventLoop) async {
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let isOver = self.state.withLock { state in
            state.handlersWaiter = end
            return state.left.handlers == 0
        }
        guard !isOver else { return }
        let timer = clock.setTimer(at: moment, on: eventLoop) { end.finish() }
        for await _ in ends {}
        timer.cancel()
    }

    /// Cancels all handlers, and those that come: nobody wants their results any more.
    func cancelHandlers() {
        let tasks = self.state.withLock { state in
            state.areHandlersCancelled = true
            return state.jobs.compactMap { name, progress in
                if case (.handler, .running(let task)) = (name, progress) { task } else { nil }
            }
        }
        tasks.forEach { $0.cancel() }
    }

    /// Cancels what still runs and ends the waiting for it. From now on nobody hears what becomes of it.
    func abandon() {
        self.cancelAll()
        self.state.withLock { state in
            state.isAbandoned = true
            return state.takeWaiterIfOver()
        }?.resume()
    }

    /// Whether the jobs that still run are nobody's any more.
    var isAbandoned: Bool { self.state.withLock { $0.isAbandoned } }

    // MARK: Private

    private func begin(_ name: Name, _ work: @escaping Work) {
        self.state.withLock { state in
            let isCancelled = if case .waiting(isCancelled: true) = state.jobs[name] { true } else { state.isCancelled(name) }
            state.jobs[name] = .begun(isCancelled: isCancelled)
            state.count(name, 1)
        }
        let task = Task {
            await work()
            self.ended(name)
        }
        let isCancelled = self.state.withLock { state in
            guard case .begun(let isCancelled) = state.jobs[name] else { return false }
            state.jobs[name] = .running(task)
            return isCancelled || state.isCancelled(name)
        }
        if isCancelled { task.cancel() }
    }

    private func ended(_ name: Name) {
        self.state.withLock { state in
            state.jobs[name] = nil
            state.count(name, -1)
            return state.takeWaiterIfOver()
        }?.resume()
    }

    private func waitForAll() async {
        await withCheckedContinuation { continuation in
            self.state.withLock { state in
                state.waiter = continuation
                return state.takeWaiterIfOver()
            }?.resume()
        }
    }

    private func cancelAll() {
        let tasks = self.state.withLock { state in
            state.isCancelled = true
            return state.jobs.values.compactMap { if case .running(let task) = $0 { task } else { nil } }
        }
        tasks.forEach { $0.cancel() }
    }
}
