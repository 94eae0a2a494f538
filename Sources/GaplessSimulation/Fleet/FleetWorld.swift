import GaplessCore
import GaplessStore

/// Many clients and several nodes behind a balancer, in one thread and in virtual time: who is where, and who moves when.
///
/// The logic of nodes and the store are the product's own. There are no sessions and no frames, which `World` has; so there is room for
/// thousands of clients.
final class FleetWorld {
    /// How long it takes until everybody is where it belongs, once the faults are over.
    private static let settlingTime = Duration.seconds(40)
    /// So long without a move by load, and nobody is moved any more; and when to give up waiting for that.
    private static let quiet = Duration.seconds(200)
    private static let patience = Duration.seconds(4_000)
    /// For so long clients come and go after that.
    private static let day = Duration.seconds(900)

    let plan: FleetPlan
    let options: FleetOptions
    let queues: MemoryQueues
    var now = World.start
    private var events = EventQueue()
    var trace: Trace
    var counters = FleetCounters()
    private(set) var eventCount = 0
    private(set) var nodes: [FleetNode] = []
    private(set) var clients: [FleetClient] = []
    private(set) lazy var balancer = FleetBalancer(self, up: self.options.nodes, of: self.nodes.count)
    private(set) lazy var checker = FleetChecker(self)
    /// When somebody came, left, stood still, went on, was cordoned or drained last.
    private(set) var lastChange = World.start
    /// When that was after a long calm last.
    private(set) var calmEnded = World.start
    /// Whether nothing is wrong any more.
    private(set) var isHealed = false
    /// How many clients there were when that had taken its effect.
    private(set) var clientsAtSettling = 0
    private var isDeploying = false
    private var deployStep = 0

    init(_ plan: FleetPlan, isTraced: Bool) {
        self.plan = plan
        self.options = plan.options
        self.trace = Trace(keepsLines: isTraced)
        self.queues = MemoryQueues(random: SeededRandom(seed: plan.seed, stream: "store"))
        self.nodes = (0..<(2 * plan.options.nodes)).map { FleetNode(self, place: $0, isWanted: $0 < plan.options.nodes) }
    }

    // MARK: Time

    func at(_ time: Instant, _ action: @escaping () -> Void) {
        self.events.schedule(at: max(time, self.now), action)
    }

    func after(_ time: Duration, _ action: @escaping () -> Void) {
        self.at(self.now + time, action)
    }

    /// The time of day.
    var wallClock: Timestamp { Timestamp(milliseconds: 1_767_225_600_000 + UInt64((self.now - World.start).milliseconds)) }

    func note(_ kind: Trace.Kind, _ first: UInt64, _ second: UInt64 = 0, _ line: @autoclosure () -> String) {
        self.trace.note(kind, at: self.now, first, second, line())
    }

    func changed() {
        if self.now - self.lastChange >= FleetChecker.calm { self.calmEnded = self.now }
        self.lastChange = self.now
    }

    /// How many connections a node takes: more than there can be, so that none is full.
    func capacity(of place: Int) -> Int {
        let all = 100 * (self.options.clients + 10_000)
        return place % self.options.nodes == 0 ? all / 100 * self.options.firstCapacity : all
    }

    private func run(until end: Instant) {
        while let next = self.events.nextTime, next <= end, self.checker.violations.isEmpty {
            guard let (time, action) = self.events.popFirst() else { return }
            self.now = time
            self.eventCount += 1
            action()
        }
        self.now = max(self.now, end)
    }

    // MARK: A whole run

    /// Runs the plan, and then without faults until nobody moves any more.
    func run() {
        for node in self.nodes { node.start() }
        self.balancer.start()
        if self.options.reportsFrom > 0 {
            self.counters.count(.reportless)
            self.at(World.start + .milliseconds(self.options.reportsFrom)) { self.changed() }
        }
        self.look()
        var random = SeededRandom(seed: self.plan.seed, stream: "clients")
        for _ in 0..<self.options.clients {
            self.addClient(
                to: random.happens(self.options.skew) ? 0 : self.options.othersOn,
                after: 3_000 + Int.random(in: 0...10_000, using: &random)
            )
        }
        for appointment in self.plan.steps {
            self.at(World.start + .milliseconds(appointment.at)) {
                self.note(.step, UInt64(appointment.number), 0, "-- step \(appointment.number): \(appointment.step)")
                self.perform(appointment.step)
            }
        }
        let last = World.start + .milliseconds(self.plan.steps.map(\.at).max() ?? 0)
        self.run(until: max(World.start + .seconds(self.options.seconds), last + .seconds(1)))
        while self.isDeploying, self.checker.violations.isEmpty { self.run(until: self.now + .seconds(5)) }
        self.note(.step, UInt64.max, 0, "-- healed")
        self.changed()
        self.isHealed = true
        for node in self.nodes { node.heal() }
        self.run(until: self.now + Self.settlingTime)
        self.clientsAtSettling = self.clients.count
        self.checker.settleBegan()
        let began = self.now
        self.comeAndGo(until: began + Self.day)
        let least = self.options.coming + self.options.going > 0 ? Self.day + Self.quiet : .seconds(240)
        while self.checker.violations.isEmpty, self.now - began < Self.patience,
            self.now - max(began, self.checker.lastMoveByLoad) < Self.quiet || self.now - began < least
        {
            self.run(until: self.now + .seconds(10))
        }
        if self.checker.violations.isEmpty { self.checker.finish(isQuiet: self.now - self.checker.lastMoveByLoad >= Self.quiet) }
    }

    /// Clients come through the balancer, and others leave, each second a few.
    private func comeAndGo(until end: Instant) {
        guard self.now < end, self.options.coming + self.options.going > 0 else { return }
        let second = Int((self.now - World.start).milliseconds / 1_000)
        /// How many of the minute's are due in this second.
        func due(_ rate: Int) -> Int {
            let share = rate * self.options.clients
            return share * (second + 1) / 60_000 - share * second / 60_000
        }
        for _ in 0..<due(self.options.coming) { self.addClient(to: nil, after: 0) }
        var random = SeededRandom(seed: self.plan.seed, stream: "going", UInt64(second))
        for _ in 0..<due(self.options.going) {
            guard let client = self.clients.randomElement(using: &random), client.connection?.isOpen == true else { continue }
            self.counters.count(.left)
            client.leave()
        }
        self.after(.seconds(1)) { self.comeAndGo(until: end) }
    }

    private func look() {
        self.checker.look()
        self.after(.seconds(1)) { self.look() }
    }

    private func addClient(to place: Int?, after wait: Int) {
        let client = FleetClient(self, number: self.clients.count)
        self.clients.append(client)
        client.connect(after: .milliseconds(wait), to: place)
    }

    /// Lets go of everything that holds on to one another.
    func dismantle() {
        self.events = EventQueue()
        for node in self.nodes { node.dismantle() }
        for client in self.clients { client.dismantle() }
        self.events = EventQueue()
    }

    // MARK: The store

    /// Something is durable.
    func committed(_ operation: StoreOperation, _ receipt: StoreReceipt, wake: [NodeIdentity]) {
        switch (operation, receipt) {
        case (.heartbeat(let heartbeat), _):
            self.checker.told(heartbeat)
        case (.order(let order), .order(.given(let nodes))):
            self.counters.count(.order)
            self.checker.given(order.order, to: nodes)
        case (.attach(let attach), .attach(.attached(let attachment))):
            guard let number = Int(attach.client.user.description.dropFirst()) else { break }
            self.clients[number].newest = attachment.fence
            self.note(.commit, UInt64(number), attachment.fence.generation.rawValue, "\(attach.client) attaches at \(attach.node.name)")
        default: break
        }
        for identity in wake {
            guard let process = self.nodes.first(where: { $0.process?.identity == identity })?.process else { continue }
            self.after(.milliseconds(1)) { process.woken() }
        }
    }

    // MARK: Steps

    private func perform(_ step: FleetPlan.Step) {
        switch step {
        case .stall(let place, for: let time):
            guard let process = self.nodes[place].process else { return }
            self.counters.count(.stall)
            process.stall(for: .milliseconds(time))
        case .crash(let place, down: let time):
            guard self.nodes[place].process != nil else { return }
            self.counters.count(.crash)
            self.nodes[place].crash(down: .milliseconds(time))
        case .restart(let place, down: let time, hurry: let hurry):
            guard let process = self.nodes[place].process, process.drainBegan == nil else { return }
            self.counters.count(.restart)
            self.nodes[place].drain(down: .milliseconds(time), hurry: hurry.map { .milliseconds($0) })
        case .cordon(let place, for: let time):
            guard self.nodes[place].process != nil else { return }
            self.counters.count(.cordon)
            self.order(.cordon, to: self.nodes[place])
            self.after(.milliseconds(time)) { self.order(.uncordon, to: self.nodes[place]) }
        case .slowStore(let place, by: let delay, for: let time):
            self.counters.count(.slowStore)
            self.nodes[place].disturbStore(until: self.now + .milliseconds(time), delay: .milliseconds(delay))
        case .failStore(let place, for: let time):
            self.counters.count(.failingStore)
            self.nodes[place].disturbStore(until: self.now + .milliseconds(time), delay: nil)
        case .overload(let place, count: let count, for: let time):
            self.counters.count(.overload)
            for other in 0..<count { self.nodes[(place + other) % self.nodes.count].process?.overload(for: .milliseconds(time)) }
        case .crowd(let place, clients: let count):
            self.counters.count(.crowd)
            for index in 0..<count { self.addClient(to: place, after: index * 10) }
        case .deployInPlace(let pause):
            self.deploy(.inPlace, pause) { place, done in self.nodes[place].drain(down: .seconds(2), then: done) }
        case .deployByKilling(let pause):
            self.deploy(.killing, pause) { place, done in
                self.nodes[place].crash(down: .seconds(2))
                done()
            }
        case .deployWithSurge(let pause): self.deployWithSurge(pause)
        }
    }

    /// An operator gives an order: with a signal, or, as `gapless node` does, through other nodes, and once more where the answer is in doubt.
    func order(_ order: NodeOrder, to node: FleetNode) {
        guard let process = node.process else { return }
        guard self.options.orders > 0 else { return process.run { process.obey(order) } }
        let others = self.nodes.compactMap(\.process).filter { $0 !== process }
        for turn in 0..<self.options.orders {
            let asked = others.isEmpty ? process : others[(node.place + turn) % others.count]
            self.after(.milliseconds(700 * turn)) { asked.run { asked.order(order, to: process.identity.name) } }
        }
    }

    private func deploy(_ kind: FleetCounters.Kind, _ pause: Int, replace: @escaping (Int, @escaping () -> Void) -> Void) {
        guard !self.isDeploying else { return }
        self.isDeploying = true
        self.counters.count(kind)
        if pause >= 120_000 { self.counters.count(.soak) }
        self.checker.deployBegan(withSurge: false)
        let places = self.nodes.filter(\.isWanted).map(\.place)
        func next(_ index: Int) {
            guard index < places.count else { return self.deployEnds() }
            self.step { done in
                replace(places[index], done)
            } then: {
                self.after(.milliseconds(pause + 2_000)) { next(index + 1) }
            }
        }
        next(0)
    }

    private func deployWithSurge(_ pause: Int) {
        guard !self.isDeploying else { return }
        self.isDeploying = true
        self.counters.count(.surge)
        self.checker.deployBegan(withSurge: true)
        let old = self.nodes.filter(\.isWanted)
        for node in self.nodes where !old.contains(where: { $0 === node }) {
            node.isWanted = true
            node.start()
        }
        self.after(.milliseconds(pause)) {
            for node in old { self.order(.cordon, to: node) }
            self.after(.milliseconds(self.options.afterCordon)) {
                for node in old { node.isWanted = false }
                var left = old.count
                self.step { done in
                    for node in old {
                        node.drain(down: .zero) {
                            left -= 1
                            if left == 0 { done() }
                        }
                    }
                } then: {
                    self.deployEnds()
                }
            }
        }
    }

    /// Does something that ends, or that is given up: its process may have died.
    private func step(_ begin: (@escaping () -> Void) -> Void, then action: @escaping () -> Void) {
        self.deployStep += 1
        let step = self.deployStep
        let done = {
            guard self.deployStep == step else { return }
            self.deployStep += 1
            action()
        }
        self.after(.milliseconds(self.options.hardStop) + .seconds(60), done)
        begin(done)
    }

    private func deployEnds() {
        self.after(.seconds(20)) {
            self.isDeploying = false
            self.checker.deployEnded()
        }
    }
}
