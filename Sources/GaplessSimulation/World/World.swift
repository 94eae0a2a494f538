import GaplessCore
import GaplessStore

/// Several nodes and clients, one store and a network, in one thread and in virtual time.
///
/// The rules are the product's own: both session machines, the logic of nodes, the queue in front of the store and the rules of queues.
/// Everything around them is simulated and breaks when the plan says so.
final class World {
    static let start = Instant(nanoseconds: 1_000_000_000_000)

    let plan: Plan
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
    /// How far each node's wall clock is off.
    var clockOffsets: [Int]
    private(set) lazy var store = SimulatedStore(world: self)
    private(set) lazy var checker = Checker(world: self)
    private(set) lazy var publisher = Publisher(world: self)
    private(set) var eventCount = 0
    /// Whether the faults are over.
    var isHealed = false

    init(_ plan: Plan, isTraced: Bool) {
        self.plan = plan
        self.trace = Trace(keepsLines: isTraced)
        self.endpoints = (0..<plan.options.nodes).map { "ws://n\($0)" }
        self.clockOffsets = Array(repeating: 0, count: plan.options.nodes)
    }

    var options: PlanOptions { self.plan.options }

    // MARK: Time

    func at(_ time: Instant, _ action: @escaping () -> Void) {
        self.events.schedule(at: max(time, self.now), action)
    }

    func after(_ time: Duration, _ action: @escaping () -> Void) {
        self.at(self.now + time, action)
    }

    /// A node's time of day.
    func wallClock(of place: Int) -> Timestamp {
        let elapsed = Int((self.now - World.start).milliseconds)
        return Timestamp(milliseconds: UInt64(max(0, 1_767_225_600_000 + elapsed + self.clockOffsets[place])))
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

    /// Runs the plan, then without faults until everything should have arrived.
    func run() {
        for place in 0..<self.options.nodes {
            self.nodes.append(SimulatedNode(world: self, place: place))
            self.nodes[place].start()
        }
        for place in 0..<self.options.clients {
            guard let user = UserID("u\(place % 2)"), let device = UserID("d\(place)") else { preconditionFailure("valid names") }
            let client = SimulatedClient(
                world: self,
                place: place,
                id: ClientID(user: user, device: device),
                isDurable: self.options.durableClients[safe: place] ?? false
            )
            self.clients.append(client)
            client.start(from: nil)
        }
        for (at, step) in self.plan.steps {
            self.at(World.start + .milliseconds(at)) {
                self.trace.note(.step, UInt64(at), 0, "-- \(at) ms: \(step)")
                self.perform(step)
            }
        }
        self.run(until: World.start + .seconds(self.options.seconds))
        self.heal()
        // As long as it takes: small windows and slow handlers may need their time, and somebody who waits for ever is found out.
        for _ in 0..<120 where self.checker.violations.isEmpty {
            self.run(until: self.now + .seconds(30))
            if self.checker.isQuiet { break }
        }
        if self.checker.violations.isEmpty { self.checker.finish() }
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
        self.trace.note(.step, 0, 0, "-- healed")
        self.store.heal()
        for node in self.nodes { node.heal() }
        for link in self.openLinks where link.up.mode == .stuck || link.down.mode == .stuck {
            link.up.mode = link.up.mode == .stuck ? .flowing : link.up.mode
            link.down.mode = link.down.mode == .stuck ? .flowing : link.down.mode
            self.cut(link)
        }
        for client in self.clients {
            client.twin?.kill()
            client.twin = nil
            client.process?.stalledUntil = self.now
            guard !client.hasEnded else { continue }
            if client.process?.isRunning != true { client.start(from: client.disk) }
            self.revive(client)
        }
        self.publisher.heal()
    }

    /// Whoever was told to stop is started again by its user, until it is attached.
    private func revive(_ client: SimulatedClient) {
        client.process?.restart()
        client.process?.comeBack()
    }

    /// A client does not come back by itself: its user starts it again some time later.
    func stopped(_ process: ClientProcess, _ reason: StopReason) {
        self.counters.count(.stopped)
        if reason.code == .ended {
            process.client.hasEnded = true
            self.checker.ended(process)
            return
        }
        self.after(.seconds(8)) {
            guard process.isRunning, process.client.process === process else { return }
            process.restart()
        }
    }

    // MARK: Between processes

    /// Wakes other processes; hints are lost, late and repeated.
    func wake(_ identities: [NodeIdentity]) {
        for identity in identities {
            guard let process = self.nodes.first(where: { $0.process?.identity == identity })?.process else { continue }
            var random = SeededRandom(seed: self.plan.seed, stream: "wake", UInt64(self.eventCount), UInt64(process.place))
            if !self.isHealed, random.happens(self.options.lostSignals) {
                self.counters.count(.signalLost)
                continue
            }
            process.woken()
            if random.happens(100) { self.after(.milliseconds(Int64.random(in: 1...500, using: &random))) { process.woken() } }
        }
    }

    func observed(_ observation: SessionObservation) {}

    func drained(_ process: NodeProcess) {
        self.nodes[process.place].drained(process)
    }

    // MARK: The service

    /// A token: whose it is, and until when it counts.
    func token(for client: ClientID) -> String {
        let life = self.options.tokenLife ?? .seconds(3_600)
        let newest = (0..<self.options.nodes).map { self.wallClock(of: $0).milliseconds }.max() ?? 0
        return "\(client)|\(newest + UInt64(life.milliseconds))"
    }

    func authenticate(_ client: ClientID?, token: String?, wallClock: Timestamp) -> AuthenticationOutcome {
        guard self.options.tokenLife != nil else { return .unneeded }
        guard let client, let parts = token?.split(separator: "|"), parts.count == 2, let end = UInt64(parts[1]) else {
            return .refused(SessionEnding(.tokenRefused, "There is no token."))
        }
        let identity = Identity(user: client.user, expires: Timestamp(milliseconds: end))
        return .proved(identity)
    }

    /// What a handler sends: an answer to the sender.
    func replies(to delivery: UplinkDelivery) -> [AppendOperation] {
        let text = "r\(delivery.payload.text ?? "")"
        return [AppendOperation(recipients: .clients([delivery.client], existingOnly: false), payload: Payload(text: text))]
    }
}
