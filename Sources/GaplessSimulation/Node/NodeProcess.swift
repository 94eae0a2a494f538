import DequeModule
import GaplessCore
import GaplessStore

/// One life of a node: everything that dies with its process. What `Node` is to threads and loops, without them.
final class NodeProcess {
    /// Something for a connection, from outside of its event loop.
    enum Mail {
        case notice(SessionNotice)
        case loaded(ReadReceipt)
        case authenticated(AuthenticationOutcome)
    }

    private struct Letter {
        let connection: ServedConnectionID
        let mail: Mail
    }

    unowned let world: World
    let place: Int
    let life: UInt64
    let identity: NodeIdentity
    let name: String
    var logic: NodeLogic
    private(set) var isRunning = true
    /// Until when the process stands still.
    var stalledUntil = Instant(nanoseconds: 0)
    /// Whether the store is too new for the program.
    var isOutdated = false
    private var connections: [ServedConnectionID: SimulatedConnection] = [:]
    private var loops: [(letters: Deque<Letter>, isDue: Bool)] = Array(repeating: ([], false), count: 2)
    private var alarm: Instant?
    private var random: SeededRandom
    private let sessionConfiguration: ServerSessionConfiguration
    private var nextLoop = 0
    let access: MemoryQueueStore
    private(set) lazy var gateway = SimulatedGateway(self)
    private var handlers: [HandlerRun.ID: Bool] = [:]

    init(world: World, place: Int, life: UInt64) {
        self.world = world
        self.place = place
        self.life = life
        guard let name = NodeName("n\(place)") else { preconditionFailure("a valid name") }
        self.name = "n\(place).\(life)"
        self.identity = NodeIdentity(name: name, incarnation: UInt64(place) << 32 | life)
        self.random = SeededRandom(seed: world.plan.seed, stream: "node", UInt64(place), life)
        self.access = world.store.open()
        self.sessionConfiguration = world.options.sessionConfiguration(of: self.identity)
        self.logic = NodeLogic(
            configuration: world.options.nodeConfiguration(of: self.identity),
            wallClock: world.wallClock(of: place),
            now: world.now
        )
    }

    var now: Instant { self.world.now }
    var wallClock: Timestamp { self.world.wallClock(of: self.place) }
    var options: PlanOptions { self.world.options }

    /// The time that the store is given: the wall clock's, unless that is in doubt.
    func storeTime() -> Timestamp {
        self.logic.storeTime(wallClock: self.wallClock, now: self.now)
    }

    // MARK: Life

    func start() {
        self.world.note(.started, UInt64(self.place), self.life, "\(self.name) starts")
        self.world.checker.clock.start(self.place)
        self.timerFired()
    }

    /// The process is gone, with everything that it held; the kernel tells the peers, or the machine is gone too and tells nobody.
    func kill() {
        self.world.note(.died, UInt64(self.place), self.life, "\(self.name) dies")
        self.isRunning = false
        self.gateway.die()
        for link in self.world.openLinks where link.node === self {
            link.isServerOver = true
            let keeping = Int.random(in: 0...link.down.parcels.count, using: &link.random)
            if link.random.happens(self.options.silentDeaths) {
                link.down.mode = .stuck
            } else {
                link.down.tear(keeping: keeping, endingAt: self.now + link.random.latency(self.options.latency))
            }
            self.world.pumpDown(link)
        }
        self.world.openLinks.removeAll { $0.node === self }
    }

    /// Runs now, or when the process goes on; never when it is gone.
    func run(_ action: @escaping () -> Void) {
        guard self.isRunning else { return }
        guard self.stalledUntil <= self.now else { return self.world.at(self.stalledUntil) { self.run(action) } }
        action()
    }

    func schedule(after time: Duration, _ action: @escaping () -> Void) {
        self.schedule(at: self.now + time, action)
    }

    func schedule(at time: Instant, _ action: @escaping () -> Void) {
        self.world.at(time) { self.run(action) }
    }

    func cordon(for time: Duration) {
        self.run {
            self.feed { logic, now, _ in logic.setCordoned(true, now: now) }
            self.schedule(after: time) { self.feed { logic, now, _ in logic.setCordoned(false, now: now) } }
        }
    }

    // MARK: Connections

    func accept(_ link: SimulatedLink) {
        let loop = self.nextLoop
        self.nextLoop = (loop + 1) % self.loops.count
        let address = self.logic.opened(loop: loop)
        let connection = SimulatedConnection(link: link, address: address, node: self, configuration: self.sessionConfiguration)
        link.served = connection
        self.connections[address.id] = connection
        self.world.note(.opened, link.id, UInt64(self.place), "\(self.name) accepts \(link.id)")
        self.world.accepted(link)
        self.world.pumpUp(link)
        connection.begin()
    }

    func closed(_ connection: SimulatedConnection) {
        self.world.drop(connection.link)
        self.feed { $0.closed(connection.address.id, into: &$2) }
        self.forgetIfOver(connection)
    }

    func forgetIfOver(_ connection: SimulatedConnection) {
        if connection.isOver { self.connections[connection.address.id] = nil }
    }

    private func post(_ mail: Mail, to address: ConnectionAddress) {
        self.loops[address.loop].letters.append(Letter(connection: address.id, mail: mail))
        guard !self.loops[address.loop].isDue else { return }
        self.loops[address.loop].isDue = true
        self.schedule(after: self.random.latency(self.options.hop)) {
            let letters = self.loops[address.loop].letters
            self.loops[address.loop] = ([], false)
            for letter in letters { self.connections[letter.connection]?.take(letter.mail) }
        }
    }

    // MARK: The logic

    func feed(_ event: (inout NodeLogic, Instant, inout NodeOutput) -> Void) {
        var output = NodeOutput()
        event(&self.logic, self.now, &output)
        for notice in output.notices { self.post(.notice(notice.notice), to: notice.address) }
        for effect in output.effects { self.perform(effect) }
        self.armTimer()
    }

    private func perform(_ effect: NodeEffect) {
        switch effect {
        case .poll(let cursor): self.poll(after: cursor)
        case .commit(let operation): self.gateway.submit(SubmittedOperation(operation))
        case .attach(let operation, let address): self.submit(.attach(operation), for: address)
        case .run(let run): self.handle(run)
        case .cancel(let id): self.cancel(id)
        case .decide(let run):
            self.schedule(after: self.random.latency(self.options.handler)) {
                let decision: HandlerDecision = self.random.happens(400) ? .skip : self.random.happens(500) ? .close : .retry
                self.world.checker.decided(decision, about: run)
                self.feed { $0.decided(run.id, decision, now: $1, into: &$2) }
            }
        case .observe: break
        case .started: break
        case .leave: self.world.leaves(self)
        case .drained: self.world.drained(self)
        }
    }

    private func armTimer() {
        guard let deadline = self.logic.nextDeadline else { return }
        if let alarm = self.alarm, alarm <= deadline { return }
        self.alarm = deadline
        self.schedule(at: max(deadline, self.now)) {
            guard self.alarm == deadline else { return }
            self.timerFired()
        }
    }

    private func timerFired() {
        self.alarm = nil
        self.feed { $0.timerFired(wallClock: self.wallClock, now: $1, into: &$2) }
    }

    /// Another process hints; hints get lost, come late and come twice.
    func woken() {
        self.schedule(after: self.random.latency(self.options.hop)) {
            self.feed { $0.woken(now: $1, into: &$2) }
        }
    }

    // MARK: The store

    func submit(_ operation: StoreOperation, for address: ConnectionAddress) {
        self.gateway.submit(SubmittedOperation(operation, connection: address))
    }

    func read(_ request: ReadRequest, for address: ConnectionAddress) {
        self.afterStore {
            let fails = !self.world.isHealed && self.random.happens(self.options.failingReads)
            let receipt = fails ? nil : try? self.world.store.read(request, by: self)
            self.schedule(after: self.random.latency(self.options.hop)) {
                self.post(receipt.map { .loaded($0) } ?? .notice(.storeFailed(.read)), to: address)
            }
        }
    }

    private func poll(after cursor: SignalCursor) {
        self.afterStore {
            let batch = try? self.world.store.signals(for: self, after: cursor)
            self.schedule(after: self.random.latency(self.options.hop)) {
                self.feed { logic, now, output in
                    if let batch { logic.polled(batch, now: now, into: &output) } else { logic.pollFailed(now: now) }
                }
            }
        }
    }

    /// A reader's turn: after its latency, and not while the store stands still.
    private func afterStore(_ action: @escaping () -> Void) {
        self.schedule(at: self.world.store.ready(after: self.random.latency(self.options.read), now: self.now), action)
    }

    // MARK: The application

    func authenticate(_ client: ClientID?, token: String?, for connection: SimulatedConnection) {
        let outcome = self.world.authenticate(client, token: token)
        self.schedule(after: self.random.latency(self.options.hop)) {
            self.post(.authenticated(outcome), to: connection.address)
        }
    }

    private func handle(_ run: HandlerRun) {
        self.world.checker.handlerBegan(run, on: self)
        self.handlers[run.id] = false
        // By what it is given, so that a message more or less changes nothing for the others.
        var random = SeededRandom(
            seed: self.world.plan.seed,
            stream: "handler",
            UInt64(self.place),
            run.delivery.client.description.utf8.reduce(0) { $0 &* 31 &+ UInt64($1) },
            run.delivery.number.rawValue,
            UInt64(run.failures)
        )
        self.schedule(after: random.latency(self.options.handler)) {
            self.finish(run, using: &random)
        }
    }

    private func finish(_ run: HandlerRun, using random: inout SeededRandom) {
        guard let isCancelled = self.handlers[run.id] else { return }
        self.handlers[run.id] = nil
        let throwsAway = random.happens(self.options.failingHandlers) || (isCancelled && random.happens(700))
        let replies = random.happens(self.options.replies) ? self.world.replies(to: run.delivery) : []
        self.world.checker.handlerEnded(run, sends: throwsAway ? nil : replies, wasCancelled: isCancelled, on: self)
        self.world.note(
            .handler,
            UInt64(self.place),
            run.id.number,
            "\(self.name) handler of \(run.delivery.client) \(run.delivery.number) \(throwsAway ? "throws" : "returns")"
        )
        self.feed { logic, now, output in
            if throwsAway {
                logic.handlerThrew(run.id, now: now, into: &output)
            } else {
                logic.handlerReturned(run.id, sends: replies, now: now, into: &output)
            }
        }
    }

    private func cancel(_ id: HandlerRun.ID) {
        if self.handlers[id] != nil { self.handlers[id] = true }
    }
}
