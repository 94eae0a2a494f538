import GaplessCore
import GaplessStore

/// Several nodes and clients, one store and a network, in one thread and in virtual time.
///
/// The rules are the product's own: both session machines, the logic of nodes, the queue in front of the store and the rules of queues.
/// Everything around them is simulated and breaks when the plan says so.
final class World {
    static let start = Instant(nanoseconds: 1_000_000_000_000)
    /// So long after a displacement, when everything works, the displaced connection has to be gone.
    static let takeoverTime = Duration.seconds(15)
    /// How often it is looked whether everybody has everything, and after how many looks without any progress it is a standstill.
    static let look = Duration.seconds(5)
    static let patience = 50

    let plan: Plan
    let options: PlanOptions
    var now = World.start
    var events = EventQueue()
    var trace: Trace
    var counters = Counters()
    let clientFrames = ClientFrameDecoder()
    let serverFrames = ServerFrameDecoder()
    let endpoints: [String]
    var nodes: [SimulatedNode] = []
    var clients: [SimulatedClient] = []
    /// Links whose server side is open.
    var openLinks: [SimulatedLink] = []
    var linkCount: UInt64 = 0
    /// All that ever were, to be taken apart in the end.
    var links: [SimulatedLink] = []
    /// How far each node's wall clock is off, in milliseconds.
    var clockOffsets: [Int]
    /// How many clients the server named, and how often its keys were forgotten.
    var namedClients = 0
    var tokenKey = 0
    private(set) lazy var store = SimulatedStore(world: self)
    private(set) lazy var checker = Checker(world: self)
    private(set) lazy var publisher = Publisher(world: self)
    private(set) var eventCount = 0
    /// Whether the faults are over.
    private(set) var isHealed = false

    /// How many microseconds an application takes for an event; it is slow only while there are faults.
    var applicationTime: ClosedRange<Int> {
        self.isHealed ? self.options.application.clamped(to: 100...1_000_000) : self.options.application
    }

    init(_ plan: Plan, isTraced: Bool) {
        self.plan = plan
        self.options = plan.options
        self.trace = Trace(keepsLines: isTraced)
        self.endpoints = (0..<plan.options.nodes).map { "ws://n\($0)" }
        self.clockOffsets = Array(repeating: 0, count: plan.options.nodes)
    }

    // MARK: Time

    func at(_ time: Instant, _ action: @escaping () -> Void) {
        self.events.schedule(at: max(time, self.now), action)
    }

    func after(_ time: Duration, _ action: @escaping () -> Void) {
        self.at(self.now + time, action)
    }

    /// The time of day that no clock in the world needs to agree with.
    var trueTime: Timestamp {
        Timestamp(milliseconds: 1_767_225_600_000 + UInt64((self.now - World.start).milliseconds))
    }

    /// A node's time of day.
    func wallClock(of place: Int) -> Timestamp {
        self.trueTime.advanced(by: .milliseconds(self.clockOffsets[place]))
    }

    func note(_ kind: Trace.Kind, _ first: UInt64, _ second: UInt64 = 0, _ line: @autoclosure () -> String) {
        self.trace.note(kind, at: self.now, first, second, line())
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

    /// Runs the plan, then without faults until everything has arrived.
    func run() {
        self.populate()
        for node in self.nodes { node.start() }
        for client in self.clients { client.start(from: nil) }
        for appointment in self.plan.steps where appointment.at < self.options.seconds * 1_000 {
            self.at(World.start + .milliseconds(appointment.at)) {
                self.note(.step, UInt64(appointment.number), 0, "-- step \(appointment.number): \(appointment.step)")
                self.publisher.begin(step: appointment.number)
                self.perform(appointment.step)
            }
        }
        self.run(until: World.start + .seconds(self.options.seconds))
        self.heal()
        self.settle()
        if self.checker.violations.isEmpty { self.checker.finish() }
    }

    /// Makes nodes and clients, none of which runs yet.
    func populate() {
        self.nodes = (0..<self.options.nodes).map { SimulatedNode(world: self, place: $0) }
        self.clients = (0..<self.options.clients).map { place in
            SimulatedClient(
                world: self,
                place: place,
                name: self.options.isAnonymous ? nil : self.name(of: place),
                isDurable: self.options.durableClients[safe: place] ?? false
            )
        }
    }

    /// Small windows and slow handlers may need their time, but something has to get further all the while.
    private func settle() {
        var idle = 0
        for _ in 0..<2_000 where self.checker.violations.isEmpty {
            let progress = self.checker.progress
            // Where clocks went back, the time of those who were sent away stands still: the operator lets them in.
            for away in self.checker.truth.away where away.until > self.checker.truth.committed {
                self.publisher.sendAway(away.client, code: nil)
            }
            self.run(until: self.now + World.look)
            if self.checker.isQuiet { break }
            idle = self.checker.progress == progress ? idle + 1 : 0
            if idle == World.patience { break }
        }
    }

    private func name(of place: Int) -> ClientID {
        guard let user = UserID("u\(place % 2)"), let device = UserID("d\(place)") else { preconditionFailure("valid names") }
        return ClientID(user: user, device: device)
    }

    /// Lets go of everything that holds on to one another.
    func dismantle() {
        self.events = EventQueue()
        for link in self.links {
            link.served = nil
            link.client.links = []
        }
    }

    /// No more faults: everything that is down comes back, everything that is stuck is torn, and nobody has a double.
    private func heal() {
        self.isHealed = true
        self.note(.step, UInt64.max, 0, "-- healed")
        self.store.heal()
        for node in self.nodes { node.heal() }
        for link in self.openLinks where link.up.mode == .stuck || link.down.mode == .stuck {
            self.unstick(link)
            self.cut(link)
        }
        for client in self.clients { client.heal() }
        // One more for everybody, whose signal may be the last and lost.
        for client in self.clients where !client.hasEnded && client.process?.isRunning == true {
            let moment = Duration.milliseconds(1_000 * (client.place + 1))
            self.after(moment) { if let id = client.id { self.publisher.send(to: .clients([id], existingOnly: true)) } }
        }
    }

    // MARK: Between processes

    /// Wakes other processes; hints are lost, late and repeated.
    func wake(_ identities: [NodeIdentity]) {
        for identity in identities {
            guard let process = self.nodes.first(where: { $0.process?.identity == identity })?.process else { continue }
            var random = SeededRandom(seed: self.plan.seed, stream: "wake", UInt64(self.eventCount), UInt64(process.place))
            if random.happens(self.options.lostSignals) {
                self.counters.count(.signalLost)
                continue
            }
            let isLate = !self.isHealed && random.happens(100)
            if isLate { self.counters.count(.signalLate) }
            self.after(isLate ? .milliseconds(Int64.random(in: 100...5_000, using: &random)) : .zero) { process.woken() }
            if random.happens(100) {
                self.counters.count(.signalRepeated)
                self.after(.milliseconds(Int64.random(in: 1...500, using: &random))) { process.woken() }
            }
        }
    }

    /// An operator wants the node drained, and its service obeys.
    func leaves(_ process: NodeProcess) {
        let node = self.nodes[process.place]
        if node.process === process { node.drain(down: .milliseconds(200)) }
    }

    func drained(_ process: NodeProcess) {
        self.nodes[process.place].drained(process)
    }

    // MARK: Connections that lost their queue

    /// Somebody else attached: the connection that held the queue has to end, once it can know.
    func displaced(_ holder: Truth.Holder, of client: ClientID) {
        self.counters.count(.takeover)
        self.expectEnd(of: holder, client, displaced: self.now, since: self.now)
    }

    private func expectEnd(of holder: Truth.Holder, _ client: ClientID, displaced: Instant, since: Instant) {
        self.after(World.takeoverTime) {
            // A store that went back gives generations again, to connections that came later.
            let link = self.openLinks.first {
                guard let welcome = $0.served?.welcome, $0.opened <= displaced else { return false }
                return welcome.client == client && welcome.epoch == holder.key.epoch && welcome.generation == holder.generation
            }
            guard let link else { return }
            guard self.store.troubled < since, link.node.stalledUntil < since, !link.node.isOutdated else {
                return self.expectEnd(of: holder, client, displaced: displaced, since: self.now)
            }
            self.checker.requireGone(link)
        }
    }

    /// Whether every client can be attached, and every queue exist.
    var hasRoomForAll: Bool {
        let most = [0, 1].map { user in (0..<self.options.clients).count { $0 % 2 == user } }.max() ?? 0
        return self.options.isAnonymous || (most <= self.options.maxClientsPerUser && self.options.clients <= self.options.maxQueues)
    }
}
