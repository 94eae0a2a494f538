import GaplessCore
import GaplessStore
import GaplessWebSocket
import Logging
import Metrics
import NIOCore
import Synchronization

/// What runs between the start and the stop of a server: the shell around `NodeLogic`, with the way to everything that it decides about.
///
/// Events come from event loops, from the threads of the store and from tasks. What the logic decides is performed outside of the mutex, by
/// whichever thread finds nobody performing, in the order of the decisions: so a connection hears its notices in order, and
/// performing may lead to further events without meeting itself.
final class Node: Sendable {
    /// What a node is made of.
    struct Parts: Sendable {
        var configuration: ServerConfiguration
        var authentication: Authentication
        var hooks: ServerHooks
        var identity: NodeIdentity
        var maxConnections: Int
        /// How many connections all webhooks together may have.
        var maxWebhookCalls: Int
        var store: StoreConfiguration.Opened
        var clock: GatewayClock
        var loopClock: LoopClock
        var group: any EventLoopGroup
        var logger: Logger
    }

    private struct State {
        var logic: NodeLogic
        var output = NodeOutput()
        var waiting = CircularBuffer<NodeOutput>()
        var isPerforming = false
        /// Whoever wants to know that nothing is left to perform.
        var settling: [CheckedContinuation<Void, Never>] = []
        /// When the next timer fires; nil when none is set.
        var alarm: Instant?
    }

    /// The state behind its mutex; an object of its own, since what gives the store its time asks the logic too.
    private final class Guarded: Sendable {
        private let state: Mutex<State>

        init(_ logic: NodeLogic) {
            self.state = Mutex(State(logic: logic))
        }

        func withLock<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
            self.state.withLock { body(&$0) }
        }

        /// A clock whose time of day is the one that the store is given.
        func storeClock(_ clock: GatewayClock) -> GatewayClock {
            var storeClock = clock
            storeClock.wallClock = {
                self.withLock { $0.logic.storeTime(wallClock: clock.wallClock(), now: clock.monotonic()) }
            }
            return storeClock
        }
    }

    let configuration: ServerConfiguration
    let authentication: Authentication
    let identity: NodeIdentity
    let sessionConfiguration: ServerSessionConfiguration
    let clock: GatewayClock
    /// The same with the time of day that the store is given, which does not follow each jump of the wall clock.
    let storeClock: GatewayClock
    let loopClock: LoopClock
    let loops: [LoopShell]
    let gateway: CommitGateway
    let readers: ReaderPool
    let jobs = JobRunner()
    let hooks: ServerHooks
    let webhooks: Webhooks
    let hookRunner: HookRunner
    let metrics: ServerMetrics
    let sampler: LoadSampler
    let liveness: Liveness
    /// Nil when nobody traces.
    let tracer: ServerTracer?
    let logger: Logger
    let tokens = TokenKeyCache()
    /// The errors of the runs about which the service is asked.
    let handlerErrors = Mutex<[HandlerRun.ID: any Error]>([:])
    /// Whether it was told that there is no handler.
    let hasMissedHandler = Mutex(false)
    /// Ends when the store knows the node, or the node stops.
    let started = AsyncStream.makeStream(of: Void.self)
    /// Ends when an operator wants the node drained, or the node stops.
    let leaving = AsyncStream.makeStream(of: Void.self)
    /// Ends when a drain is over.
    let drained = AsyncStream.makeStream(of: Void.self)
    private let isDropping = Atomic(false)
    private let state: Guarded

    init(_ parts: Parts) {
        self.configuration = parts.configuration
        self.authentication = parts.authentication
        self.identity = parts.identity
        self.clock = parts.clock
        self.loopClock = parts.loopClock
        self.logger = parts.logger
        self.metrics = ServerMetrics()
        self.sampler = LoadSampler(memoryLimit: MemoryLimit.ofProcess(), freeBytes: parts.store.freeBytes)
        self.liveness = Liveness(now: parts.clock.monotonic())
        self.tracer = ServerTracer.current()
        self.webhooks = Webhooks(parts, metrics: self.metrics.webhooks, tracer: self.tracer)
        self.hooks = self.webhooks.completing(parts.hooks)
        self.hookRunner = HookRunner(
            parts.hooks,
            webhook: self.webhooks.events,
            dropped: self.metrics.hooksDropped,
            logger: parts.logger
        )
        self.loops = parts.group.makeIterator().enumerated().map { LoopShell(index: $0.offset, eventLoop: $0.element) }
        precondition(!self.loops.isEmpty, "a node has an event loop")
        self.state = Guarded(
            NodeLogic(
                configuration: parts.nodeConfiguration,
                wallClock: parts.clock.wallClock(),
                now: parts.clock.monotonic()
            )
        )
        self.storeClock = self.state.storeClock(parts.clock)
        self.gateway = CommitGateway(
            store: parts.store.store,
            configuration: GatewayConfiguration(maxOperations: parts.configuration.maxPendingSends),
            clock: self.storeClock,
            wake: parts.store.wake
        )
        self.readers = ReaderPool(store: parts.store.store, clock: self.storeClock)
        self.sessionConfiguration = parts.sessionConfiguration
    }

    // MARK: Life

    /// Starts the threads of the store and the node's own rounds.
    func start() {
        self.gateway.start(observer: self)
        self.readers.start { loop, answers in
            self.noteFailure(among: answers)
            self.loops[loop].post(answers.map { LoopShell.Letter($0.mail, to: $0.connection.id) })
        }
        self.jobs.submit { await self.hookRunner.run() }
        if let events = self.webhooks.events { self.jobs.submit { await events.run() } }
        self.timerFired()
    }

    /// Tells people that reads failed: their connections try again for as long as it takes, and stay as they are.
    private func noteFailure(among answers: [ReadAnswer]) {
        // One batch is read at once, and fails as a whole.
        guard case .failure(let error) = answers.first?.result else { return }
        self.logger.warning("Messages could not be read", metadata: ["error.code": "\(error.code)", "error.message": "\(error.message)"])
    }

    /// Another process hints that there are signals.
    func woken() {
        self.feed { logic, now, output in logic.woken(now: now, into: &output) }
    }

    /// Asks all clients to move; `drained` tells when that is over. A second call changes nothing.
    func drain(_ plan: DrainPlan) {
        let isNew = self.feed { logic, now, output in
            let wasDraining = logic.readiness(now: now).reasons.contains(.draining)
            logic.drain(plan, now: now, into: &output)
            return !wasDraining
        }
        if isNew { self.metrics.drains.increment() }
    }

    /// From now on it is the node that closes sockets without a word.
    func dropConnections() {
        self.isDropping.store(true, ordering: .relaxed)
    }

    var dropsConnections: Bool { self.isDropping.load(ordering: .relaxed) }

    /// Begins nothing more, commits what waits, and ends the threads of the store.
    func stop() async {
        self.feed { logic, _, output in logic.stop(into: &output) }
        // Another thread may perform what the logic decides, and be late: the goodbye to other nodes has to be submitted before the gateway stops.
        await self.settled()
        await self.gateway.stop()
        await self.readers.stop()
        self.jobs.finish()
        self.hookRunner.finish()
        self.webhooks.events?.finish()
        self.started.continuation.finish()
        self.leaving.continuation.finish()
        self.drained.continuation.finish()
    }

    // MARK: The logic

    /// Tells the logic an event, and does what it decides.
    @discardableResult
    func feed<Result: Sendable>(_ event: (inout NodeLogic, Instant, inout NodeOutput) -> Result) -> Result {
        let now = self.clock.monotonic()
        let (result, isMine, alarm) = self.state.withLock { state in
            let result = event(&state.logic, now, &state.output)
            if !state.output.isEmpty {
                state.waiting.append(state.output)
                state.output.removeAll()
            }
            let isMine = !state.isPerforming && !state.waiting.isEmpty
            if isMine { state.isPerforming = true }
            return (result, isMine, Self.moveAlarm(&state))
        }
        if let alarm { self.setTimer(alarm) }
        if isMine { self.performWaiting() }
        return result
    }

    /// Tells the logic how a job ended, unless the server ended before it; nil then.
    @discardableResult
    func report<Result: Sendable>(_ event: (inout NodeLogic, Instant, inout NodeOutput) -> Result) -> Result? {
        self.jobs.isAbandoned ? nil : self.feed(event)
    }

    /// Asks the logic something.
    func ask<Answer: Sendable>(_ question: (NodeLogic, Instant) -> Answer) -> Answer {
        let now = self.clock.monotonic()
        return self.state.withLock { question($0.logic, now) }
    }

    private func performWaiting() {
        while let output = self.nextWaiting() { self.perform(output) }
    }

    /// The next output to perform; nil when nothing waits, and then nobody performs.
    private func nextWaiting() -> NodeOutput? {
        let (output, settled) = self.state.withLock { state -> (NodeOutput?, [CheckedContinuation<Void, Never>]) in
            if let output = state.waiting.popFirst() { return (output, []) }
            state.isPerforming = false
            defer { state.settling = [] }
            return (nil, state.settling)
        }
        for continuation in settled { continuation.resume() }
        return output
    }

    /// Returns once everything that the logic has decided so far is performed.
    private func settled() async {
        await withCheckedContinuation { continuation in
            let isSettled = self.state.withLock { state in
                if state.isPerforming { state.settling.append(continuation) }
                return !state.isPerforming
            }
            if isSettled { continuation.resume() }
        }
    }

    // MARK: The timer

    /// Notes a deadline that is earlier than the timer's.
    private static func moveAlarm(_ state: inout State) -> Instant? {
        guard let deadline = state.logic.nextDeadline else { return nil }
        if let alarm = state.alarm, alarm <= deadline { return nil }
        state.alarm = deadline
        return deadline
    }

    private func setTimer(_ moment: Instant) {
        // One that was overtaken is not called off: it finds nothing due.
        _ = self.loopClock.setTimer(at: NIODeadline(moment), on: self.loops[0].eventLoop) { self.timerFired(for: moment) }
    }

    /// A timer fired. One that was overtaken by an earlier one finds nothing due.
    private func timerFired(for moment: Instant? = nil) {
        self.state.withLock { state in
            if state.alarm == moment { state.alarm = nil }
        }
        self.feed { logic, now, output in
            logic.timerFired(wallClock: self.clock.wallClock(), now: now, into: &output)
        }
    }
}

extension Node: CommitObserver {
    func committed(_ operations: [CommittedOperation], number: UInt64, now: Instant) {
        // Told on the thread that measured it, so it is this commit's.
        self.metrics.commitEnded(self.gateway.health)
        self.metrics.committed(operations)
        self.webhooks.committed(operations)
        self.feed { logic, now, output in logic.committed(operations, now: now, into: &output) }
    }

    func commitFailed(_ operations: [SubmittedOperation], _ error: QueueStoreError, now: Instant) {
        self.metrics.commitEnded(self.gateway.health)
        self.metrics.commitFailed()
        self.logger.warning("Commit failed", metadata: ["error.code": "\(error.code)", "error.message": "\(error.message)"])
        self.feed { logic, now, output in logic.commitFailed(operations, CommitFailure(error), now: now, into: &output) }
    }
}

extension CommitFailure {
    /// What an error of a commit says about it.
    fileprivate init(_ error: QueueStoreError) {
        switch error.code {
        case .unknown: self = .unknown
        case .full: self = .full
        case .newerSchema: self = .newerSchema
        default: self = .nothing
        }
    }
}

extension ReadAnswer {
    /// The answer as its connection gets it.
    fileprivate var mail: LoopShell.Mail {
        switch self.result {
        case .success(let receipt): .loaded(receipt)
        case .failure: .notice(.storeFailed(.read))
        }
    }
}

extension Node.Parts {
    /// What is alike on all connections.
    fileprivate var sessionConfiguration: ServerSessionConfiguration {
        let settings = self.configuration
        return ServerSessionConfiguration(
            node: self.identity,
            endpoints: settings.endpoints.isEmpty ? nil : settings.endpoints,
            namesClients: self.authentication.namesClients,
            downlinkWindow: settings.downlinkWindow,
            uplinkWindow: settings.uplinkWindow,
            limits: WireLimits(message: settings.maxMessageBytes),
            heartbeat: settings.heartbeat,
            silence: settings.silence,
            helloDeadline: settings.helloDeadline,
            authenticationGrace: settings.authenticationGrace,
            slowConsumerTime: settings.slowConsumerTime,
            closeTime: settings.closeTime
        )
    }

    fileprivate var nodeConfiguration: NodeConfiguration {
        var configuration = NodeConfiguration(
            node: self.identity,
            schemas: self.store.schemas,
            maxConnections: self.maxConnections,
            creations: self.configuration.creationPace ?? self.configuration.newQueuesPerSecond.map { CreationLimit.Pace(perSecond: $0) },
            pace: self.configuration.attachPace,
            maxConnectionsPerAddress: self.configuration.maxConnectionsPerAddress,
            readiness: self.configuration.readiness.policy,
            handlers: HandlerPolicy(maxAttempts: self.configuration.handlerAttempts),
            maxUplinkBytes: self.configuration.maxUplinkBytes
        )
        configuration.rebalance = self.configuration.rebalance ? RebalancePolicy(within: self.configuration.moveTime) : nil
        if self.clock.isWallClockTrusted { configuration.maxClockJump = nil }
        return configuration
    }
}
