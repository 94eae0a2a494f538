import GaplessCore
import GaplessStore

/// A place where processes of a node live, one after the other.
final class FleetNode {
    private unowned let world: FleetWorld
    let place: Int
    private(set) var process: FleetProcess?
    private var lives: UInt64 = 0
    /// Whether there should be a process.
    var isWanted: Bool
    /// From when on the place's store is as it should be, and by how much it is slower until then; nil when it fails.
    private(set) var trouble: (until: Instant, delay: Duration?) = (World.start, nil)

    init(_ world: FleetWorld, place: Int, isWanted: Bool) {
        self.world = world
        self.place = place
        self.isWanted = isWanted
    }

    var hasTrouble: Bool { self.world.now < self.trouble.until }

    func start() {
        guard self.process == nil, self.isWanted else { return }
        self.lives += 1
        let process = FleetProcess(self.world, self, life: self.lives)
        self.process = process
        self.world.changed()
        self.world.note(.started, UInt64(self.place), self.lives, "n\(self.place) starts")
        process.timerFired()
    }

    func crash(down: Duration) {
        guard let process = self.process else { return }
        self.process = nil
        self.world.changed()
        self.world.note(.died, UInt64(self.place), self.lives, "n\(self.place) dies")
        process.kill()
        self.world.after(down) { self.start() }
    }

    /// A drain, and a new process after it has ended, if one is wanted then.
    func drain(down: Duration, hurry: Duration? = nil, then action: @escaping () -> Void = {}) {
        guard let process = self.process else { return action() }
        process.ended = {
            guard self.process === process else { return }
            self.process = nil
            self.world.changed()
            self.world.note(.died, UInt64(self.place), self.lives, "n\(self.place) ends")
            process.kill()
            self.world.after(down) { self.start() }
            action()
        }
        self.world.order(.drain, to: self)
        guard let hurry else { return }
        self.world.after(hurry) {
            guard self.process === process else { return }
            self.world.counters.count(.hurry)
            self.world.order(.drainNow, to: self)
        }
    }

    func disturbStore(until: Instant, delay: Duration?) {
        self.trouble = (until, delay)
        self.world.changed()
        self.world.at(until) { self.world.changed() }
    }

    func heal() {
        self.trouble = (self.world.now, nil)
        self.uncordon()
        // Orders that were given before may come late.
        self.world.after(.seconds(15)) { self.uncordon() }
        self.process?.relieve()
        self.start()
    }

    private func uncordon() {
        if let process = self.process { process.run { process.obey(.uncordon) } }
    }

    func dismantle() {
        self.process?.kill()
        self.process = nil
    }
}

/// One life of a node: the real logic on the real store, and connections without sessions.
final class FleetProcess {
    private unowned let world: FleetWorld
    unowned let node: FleetNode
    let identity: NodeIdentity
    var logic: NodeLogic
    private let access: MemoryQueueStore
    private var random: SeededRandom
    private(set) var isRunning = true
    private(set) var stalledUntil = World.start
    private var alarm: Instant?
    /// Looked up, and walked through in order of the roster only.
    private var connections: [ServedConnectionID: FleetConnection] = [:]
    private var roster: [FleetConnection] = []
    /// What is done when it has ended.
    var ended: () -> Void = {}
    /// When its drain began.
    private(set) var drainBegan: Instant?
    /// When it began to send its clients away.
    private(set) var movesBegan: Instant?
    /// Whether it may be that it knew of nobody to send them to, stood still or was hurried, since it drains.
    private(set) var isExcused = false
    var isCordoned: Bool { self.logic.isCordoned }
    /// Whether it sends clients elsewhere since it has too much to do.
    var shedsLoad: Bool { self.logic.report.isOver && !self.logic.readiness(now: self.now).warnings.contains(.overloaded) }
    /// Until when it has too much to do, and whether it is measured.
    private var overloadedUntil = World.start
    private var isMeasured = false

    init(_ world: FleetWorld, _ node: FleetNode, life: UInt64) {
        self.world = world
        self.node = node
        guard let name = NodeName("n\(node.place)") else { preconditionFailure("a valid name") }
        self.identity = NodeIdentity(name: name, incarnation: UInt64(node.place) << 32 | life)
        self.random = SeededRandom(seed: world.plan.seed, stream: "process", UInt64(node.place), life)
        self.access = MemoryQueueStore(world.queues)
        let configuration = NodeConfiguration(
            node: self.identity,
            maxConnections: world.capacity(of: node.place),
            creations: nil,
            pollInterval: .seconds(2),
            sweepInterval: .seconds(60)
        )
        self.logic = NodeLogic(configuration: configuration, wallClock: world.wallClock, now: world.now)
    }

    var now: Instant { self.world.now }
    var place: Int { self.node.place }

    // MARK: Life

    func kill() {
        self.isRunning = false
        self.ended = {}
        for connection in self.roster where connection.isOpen {
            connection.isOpen = false
            self.world.balancer.closed(self.place)
            let notice = self.random.latency(1_000...1_000_000)
            self.world.after(notice) { connection.client.closed(connection, retryAfter: nil, jitter: nil) }
        }
        self.connections = [:]
        self.roster = []
    }

    /// Runs now, or when the process goes on; never when it is gone.
    func run(_ action: @escaping () -> Void) {
        guard self.isRunning else { return }
        guard self.stalledUntil <= self.now else { return self.world.at(self.stalledUntil) { self.run(action) } }
        action()
    }

    func stall(for time: Duration) {
        self.stalledUntil = max(self.stalledUntil, self.now + time)
        self.isExcused = true
        self.world.changed()
        self.world.at(self.stalledUntil) { self.world.changed() }
    }

    /// It has too much to do for a while. That is no change for the checker: load never makes the last ready node unready. [R5.1-9]
    func overload(for time: Duration) {
        self.overloadedUntil = max(self.overloadedUntil, self.now + time)
        guard !self.isMeasured else { return }
        self.isMeasured = true
        self.measure()
    }

    func relieve() {
        self.overloadedUntil = min(self.overloadedUntil, self.now)
    }

    private func measure() {
        self.run {
            let sample = LoadSample(memory: self.now < self.overloadedUntil ? 100 : 0, memoryLimit: 100)
            self.feed { $0.sampled(sample, now: $1, into: &$2) }
            if self.logic.report.isOver { self.world.counters.count(self.shedsLoad ? .relievedByOthers : .overAndReady) }
            self.isMeasured = self.now < self.overloadedUntil || self.logic.report.isOver
            if self.isMeasured { self.world.after(.seconds(1)) { self.measure() } }
        }
    }

    /// A signal, or what it is asked itself.
    func obey(_ order: NodeOrder) {
        self.feed { $0.obey(order, now: $1, into: &$2) }
    }

    /// Asked to give an order, as any node can be.
    func order(_ order: NodeOrder, to name: NodeName) {
        guard self.now >= World.start + .milliseconds(self.world.options.reportsFrom) else { return }
        var operation: OrderOperation?
        self.feed { operation = $0.order(order, to: name, now: $1, into: &$2) }
        if let operation { self.submit(.order(operation), for: nil) }
    }

    private func beginDrain() {
        guard self.drainBegan == nil else { return }
        self.drainBegan = self.now
        // Nobody sends clients to a node that was never ready.
        if self.logic.readiness(now: self.now).reasons.contains(.starting) { self.isExcused = true }
        self.world.changed()
        self.world.checker.drainBegan(self)
        let options = self.world.options
        let plan = DrainPlan(
            wait: .milliseconds(options.wait),
            spread: .milliseconds(options.spread),
            within: .milliseconds(options.within),
            hardStop: .milliseconds(options.hardStop)
        )
        self.feed { $0.drain(plan, now: $1, into: &$2) }
    }

    // MARK: Connections

    func accept(_ client: FleetClient) -> FleetConnection {
        let connection = FleetConnection(client, self, address: self.logic.opened(loop: 0), opened: self.now)
        self.connections[connection.address.id] = connection
        self.roster.append(connection)
        if self.roster.count > 64, self.roster.count > 2 * self.connections.count { self.roster.removeAll { !$0.isOpen } }
        return connection
    }

    func hello(_ connection: FleetConnection, _ operation: AttachOperation) {
        guard connection.isOpen else { return }
        switch self.logic.admit(authentications: 0, now: self.now) {
        case .refused(let ending):
            self.world.counters.count(.refusedHello)
            self.close(connection, ending)
        case .accepted:
            if self.isCordoned { self.world.counters.count(.takenWhileCordoned) }
            if self.drainBegan != nil { self.world.counters.count(.takenWhileDraining) }
            let proof = self.random.latency(0...(self.world.options.authentication * 1_000))
            self.world.after(proof) {
                self.run {
                    guard connection.isOpen else { return }
                    self.feed { $0.attach(operation, for: connection.address, from: .unknown, now: $1, into: &$2) }
                }
            }
        }
    }

    /// The client has gone from this connection.
    func lose(_ connection: FleetConnection) {
        guard connection.isOpen else { return }
        self.run { self.end(connection, detaches: true) }
    }

    private func close(_ connection: FleetConnection, _ ending: SessionEnding, detaches: Bool = true) {
        guard connection.isOpen else { return }
        self.end(connection, detaches: detaches)
        let (retryAfter, jitter) = (ending.error.retryAfter, ending.error.jitter)
        self.world.after(self.random.latency(1_000...(self.world.options.latency * 1_000))) {
            connection.client.closed(connection, retryAfter: retryAfter, jitter: jitter)
        }
    }

    /// Another connection of the client attached; the client may have given that one up meanwhile.
    private func displace(_ connection: FleetConnection, after latency: Duration) {
        self.end(connection, detaches: false)
        self.world.after(latency) { connection.client.closed(connection, retryAfter: nil, jitter: nil) }
    }

    private func end(_ connection: FleetConnection, detaches: Bool) {
        guard connection.isOpen else { return }
        connection.isOpen = false
        self.world.balancer.closed(self.place)
        self.connections[connection.address.id] = nil
        if detaches, let fence = connection.fence {
            self.submit(.detach(DetachOperation(client: connection.client.id, fence: fence)), for: nil)
        }
        self.feed { $0.closed(connection.address.id, into: &$2) }
    }

    // MARK: The logic

    func feed(_ event: (inout NodeLogic, Instant, inout NodeOutput) -> Void) {
        var output = NodeOutput()
        let (attached, wasCordoned) = (self.logic.attachedCount, self.isCordoned)
        event(&self.logic, self.now, &output)
        if wasCordoned != self.isCordoned { self.world.changed() }
        let isHurried = output.effects.contains(.observe(.ordered(.drainNow)))
        if isHurried || self.drainBegan != nil && !self.logic.fleet.hasRefuge { self.isExcused = true }
        if self.movesBegan == nil, self.logic.isSendingAway {
            self.movesBegan = self.now
            self.world.checker.movesBegan(self, clients: attached)
        }
        for case .observe(.rebalancing(_, _, let moves)) in output.effects { self.world.checker.roundBegan(self, moves: moves) }
        for notice in output.notices {
            guard let connection = self.connections[notice.address.id] else { continue }
            switch notice.notice {
            case .attached(.attached):
                connection.attached = self.now
                if self.movesBegan != nil { self.world.checker.cameLate(connection) }
            case .drain(let order):
                self.world.checker.asked(connection, order)
            case .close(let ending) where ending.error.code == .draining:
                self.world.checker.closed(connection)
            default: break
            }
            self.world.after(self.random.latency(10...500)) { self.run { self.take(notice.notice, on: connection) } }
        }
        for effect in output.effects { self.perform(effect) }
        self.armTimer()
    }

    private func take(_ notice: SessionNotice, on connection: FleetConnection) {
        guard connection.isOpen else { return }
        let latency = self.random.latency(1_000...(self.world.options.latency * 1_000))
        switch notice {
        case .attached(.attached(let attachment)):
            connection.fence = attachment.fence
            self.world.after(latency) { connection.client.welcomed(connection) }
        case .attached, .storeFailed:
            self.close(connection, SessionEnding(.storeUnavailable, "The store did not take it.", retryAfter: .seconds(1)))
        case .drain(let order):
            self.world.after(latency) { connection.client.move(order, connection) }
            self.world.after(order.within) {
                self.run {
                    guard connection.isOpen else { return }
                    self.world.counters.count(.closed)
                    self.world.checker.timeIsOver(connection, order)
                    self.close(connection, SessionEnding(order.code, "The time is over.", jitter: order.jitter))
                }
            }
        case .close(let ending):
            self.world.counters.count(.closed)
            self.close(connection, ending)
        case .displaced:
            self.displace(connection, after: latency)
        case .look:
            if let fence = connection.fence, fence != connection.client.newest { self.displace(connection, after: latency) }
        case .acknowledged, .ended, .committed, .news, .removed, .handled, .gaveUp:
            break
        }
    }

    private func perform(_ effect: NodeEffect) {
        switch effect {
        case .poll(let cursor):
            self.world.after(self.random.latency(100...2_000)) {
                self.run {
                    let batch = self.node.hasTrouble ? nil : try? self.access.signals(for: self.identity, after: cursor)
                    self.feed { logic, now, output in
                        if let batch { logic.polled(batch, now: now, into: &output) } else { logic.pollFailed(now: now) }
                    }
                }
            }
        case .commit(let operation): self.submit(operation, for: nil)
        case .attach(let operation, let address): self.submit(.attach(operation), for: address)
        case .leave:
            // The service hears of it, and begins to end.
            self.world.after(.milliseconds(1)) { self.run { self.beginDrain() } }
        case .drained:
            self.feed { logic, _, output in logic.stop(into: &output) }
            self.world.after(.seconds(1)) { self.run { self.ended() } }
        case .run, .cancel, .decide, .observe, .started: break
        }
    }

    private func submit(_ operation: StoreOperation, for address: ConnectionAddress?) {
        var operation = operation
        if case .heartbeat(var heartbeat) = operation, self.now < World.start + .milliseconds(self.world.options.reportsFrom) {
            heartbeat.report = nil
            operation = .heartbeat(heartbeat)
        }
        let delay = self.node.hasTrouble ? self.node.trouble.delay ?? .zero : .zero
        self.world.after(self.random.latency(500...(self.world.options.commit * 1_000)) + delay) {
            guard self.isRunning else { return }
            let operation = operation
            let submitted = SubmittedOperation(operation, connection: address)
            let fails = self.node.hasTrouble && self.node.trouble.delay == nil
            guard !fails, let receipt = try? self.access.commit([operation], now: self.world.wallClock), let answer = receipt.receipts.first
            else { return self.run { self.feed { $0.commitFailed([submitted], .nothing, now: $1, into: &$2) } } }
            self.world.committed(operation, answer, wake: receipt.wake)
            self.world.after(self.random.latency(50...1_000)) {
                self.run { self.feed { $0.committed([CommittedOperation(operation, answer, connection: address)], now: $1, into: &$2) } }
            }
        }
    }

    func woken() {
        self.run { self.feed { $0.woken(now: $1, into: &$2) } }
    }

    private func armTimer() {
        guard let deadline = self.logic.nextDeadline else { return }
        if let alarm = self.alarm, alarm <= deadline { return }
        self.alarm = deadline
        let lateness = self.world.options.lateness
        self.world.at(deadline + (lateness == 0 ? .zero : self.random.latency(0...(lateness * 1_000)))) {
            self.run {
                guard self.alarm == deadline else { return }
                self.timerFired()
            }
        }
    }

    func timerFired() {
        self.alarm = nil
        self.feed { $0.timerFired(wallClock: self.world.wallClock, now: $1, into: &$2) }
    }
}
