/// Whether a server runs, and who waits for that.
struct ServerLifecycle {
    /// A caller that waits for the server to run.
    typealias Waiter = CheckedContinuation<Running, any Error>

    /// A server that listens.
    struct Running: Sendable {
        let node: Node
        let addresses: ServerAddresses
    }

    private enum State {
        /// Hooks are taken, callers wait. Next: starting, stopped.
        case created(ServerHooks, [UInt64: Waiter])
        /// `run()` opens store and ports. Next: running, refusing, stopped.
        case starting([UInt64: Waiter])
        /// Next: stopped.
        case running(Running)
        /// It stops, and has never run. Next: stopped.
        case refusing
        /// The end; the error is what `run()` threw.
        case stopped((any Error)?)
    }

    private var state: State = .created(ServerHooks(), [:])
    private var lastWaiter: UInt64 = 0

    /// Changes the hooks; false when it is too late.
    mutating func setHooks(_ set: (inout ServerHooks) -> Void) -> Bool {
        guard case .created(var hooks, let waiters) = self.state else { return false }
        set(&hooks)
        self.state = .created(hooks, waiters)
        return true
    }

    /// `run()` was called; nil when it was called before.
    mutating func start() -> ServerHooks? {
        guard case .created(let hooks, let waiters) = self.state else { return nil }
        self.state = .starting(waiters)
        return hooks
    }

    /// The server listens; those who waited can go on.
    mutating func run(_ running: Running) -> [Waiter] {
        guard case .starting(let waiters) = self.state else { preconditionFailure("a server starts before it runs") }
        self.state = .running(running)
        return Array(waiters.values)
    }

    /// The server stops; those who waited for it to run get an error, as everybody does from now on, unless it runs.
    mutating func refuse() -> [Waiter] {
        guard case .starting(let waiters) = self.state else { return [] }
        self.state = .refusing
        return Array(waiters.values)
    }

    /// `run()` ended; those who waited get an error.
    mutating func stop(_ error: (any Error)?) -> [Waiter] {
        defer { self.state = .stopped(error) }
        switch self.state {
        case .created(_, let waiters): return Array(waiters.values)
        case .starting(let waiters): return Array(waiters.values)
        case .running, .refusing, .stopped: return []
        }
    }

    /// What whoever waits is told when the server stops before it ran.
    static let refusal = SendError(.unavailable, "The server stops before it has started.")

    enum WaitAction {
        case go(Running)
        case wait
        case fail(any Error)
    }

    /// A name for a caller that may have to wait.
    mutating func nextWaiter() -> UInt64 {
        self.lastWaiter += 1
        return self.lastWaiter
    }

    /// A caller needs the running server.
    mutating func wait(_ id: UInt64, _ waiter: Waiter, limit: Int) -> WaitAction {
        switch self.state {
        case .created(let hooks, var waiters):
            guard waiters.count < limit else { return .fail(SendError(.overloaded, "Too many wait for the server to start.")) }
            waiters[id] = waiter
            self.state = .created(hooks, waiters)
            return .wait
        case .starting(var waiters):
            guard waiters.count < limit else { return .fail(SendError(.overloaded, "Too many wait for the server to start.")) }
            waiters[id] = waiter
            self.state = .starting(waiters)
            return .wait
        case .running(let running):
            return .go(running)
        case .refusing:
            return .fail(Self.refusal)
        case .stopped(let error):
            return .fail(error ?? SendError(.unavailable, "The server has stopped."))
        }
    }

    /// A caller gave up.
    mutating func cancel(_ id: UInt64) -> Waiter? {
        switch self.state {
        case .created(let hooks, var waiters):
            let waiter = waiters.removeValue(forKey: id)
            self.state = .created(hooks, waiters)
            return waiter
        case .starting(var waiters):
            let waiter = waiters.removeValue(forKey: id)
            self.state = .starting(waiters)
            return waiter
        case .running, .refusing, .stopped:
            return nil
        }
    }

    /// The running server, at once; nil when it does not run.
    var running: Running? {
        guard case .running(let running) = self.state else { return nil }
        return running
    }
}
