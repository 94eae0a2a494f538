import GaplessCore
import GaplessStore

/// One WebSocket between a client and a node: two ordered pipes that may die.
final class WorldWire {
    let client: WorldClient
    let id: ConnectionID
    let node: WorldNode
    var served: ServedConnectionID?
    /// Nothing passes any more, and nobody is told.
    var isHalfOpen = false
    var isGone = false
    /// When the last frame in each direction arrives.
    var arrivals: (up: Instant, down: Instant)

    init(client: WorldClient, id: ConnectionID, node: WorldNode, now: Instant) {
        self.client = client
        self.id = id
        self.node = node
        self.arrivals = (now, now)
    }
}

/// Real sessions on both sides, real nodes and a real store, on a network that delays, cuts and swallows; one thread, one seed, no clock.
final class World {
    struct Options {
        var nodes = 2
        var clients = 3
        var downlinkWindow = Window(messages: 4, bytes: 200)
        var uplinkWindow = Window(messages: 3, bytes: 200)
        var maxMessages = 100_000
        var faults = true
    }

    let options: Options
    private(set) var now = Instant(nanoseconds: 0)
    var luck: WorldLuck
    private let queues: MemoryQueues
    private(set) var nodes: [WorldNode] = []
    private(set) var clients: [WorldClient] = []
    private var wires: [WorldWire] = []
    private var agenda: [(moment: Instant, order: UInt64, action: (World) -> Void)] = []
    private var scheduled: UInt64 = 0
    private var incarnations: UInt64 = 0
    private var storeFailsUntil = Instant(nanoseconds: -1)
    private var isCalm = false
    private(set) var failures: [String] = []
    private(set) var counts: [String: Int] = [:]

    // What is true, as the commits say.
    private var truth: [ClientID: [UInt64: String]] = [:]
    private var discarded: [ClientID: Set<UInt64>] = [:]
    private var published = 0

    init(seed: UInt64, options: Options = Options()) {
        self.options = options
        self.luck = WorldLuck(seed: seed)
        var policy = StorePolicy()
        policy.retention.maxMessages = options.maxMessages
        self.queues = MemoryQueues(policy: policy, random: WorldLuck(seed: seed, stream: 7))
        for index in 0..<options.nodes { self.nodes.append(self.makeNode(index)) }
        for index in 0..<options.clients { self.clients.append(WorldClient(index: index, seed: seed, world: self)) }
    }

    var wallClock: Timestamp { Timestamp(milliseconds: 1_767_225_600_000 + UInt64(self.now.nanoseconds / 1_000_000)) }
    var latency: Duration { self.luck.milliseconds(0...20) }

    func fail(_ text: String) {
        self.failures.append("at \(self.now.nanoseconds / 1_000_000) ms: \(text)")
    }

    func count(_ what: String) { self.counts[what, default: 0] += 1 }

    private func makeNode(_ index: Int) -> WorldNode {
        self.incarnations += 1
        let node = WorldNode(index: index, incarnation: self.incarnations, queues: self.queues, world: self)
        return node
    }

    // MARK: Time

    func after(_ wait: Duration, _ action: @escaping (World) -> Void) {
        self.at(self.now + wait, action)
    }

    private func at(_ moment: Instant, _ action: @escaping (World) -> Void) {
        self.scheduled += 1
        let entry = (moment: moment, order: self.scheduled, action: action)
        var place = self.agenda.count
        while place > 0, self.agenda[place - 1].moment <= moment { place -= 1 }
        // The agenda is kept with the next entry at the end.
        self.agenda.insert(entry, at: place)
    }

    /// Runs until the moment, or until a promise is broken.
    func run(until end: Instant) {
        while self.failures.isEmpty {
            let deadlines = self.nodes.compactMap(\.nextDeadline) + self.clients.compactMap(\.nextDeadline)
            let next = ([self.agenda.last?.moment].compactMap { $0 } + deadlines).min()
            guard let next, next <= end else { break }
            self.now = max(self.now, next)
            if let entry = self.agenda.last, entry.moment <= self.now {
                self.agenda.removeLast()
                entry.action(self)
            } else {
                for node in self.nodes where node.nextDeadline.map({ $0 <= self.now }) == true { node.fire() }
                for client in self.clients { client.fire() }
            }
        }
        self.now = max(self.now, end)
    }

    // MARK: The network

    func connect(_ client: WorldClient, _ id: ConnectionID, _ endpoint: String) -> WorldWire {
        let index = (0..<self.options.nodes).first { WorldName.endpoint($0) == endpoint } ?? 0
        let node = self.nodes[index]
        let wire = WorldWire(client: client, id: id, node: node, now: self.now)
        self.wires.append(wire)
        self.after(self.latency) { world in
            guard node.isAlive, !wire.isGone else {
                wire.isGone = true
                return client.closedOrFailed(id)
            }
            node.accept(wire)
            client.opened(id)
        }
        return wire
    }

    func send(_ frame: ClientFrame, on wire: WorldWire) {
        guard !wire.isHalfOpen, !wire.isGone else { return }
        wire.arrivals.up = max(wire.arrivals.up, self.now + self.latency)
        self.at(wire.arrivals.up) { world in
            guard !wire.isGone, let served = wire.served else { return }
            wire.node.feed(served) { $0.received(frame, now: world.now, into: &$1) }
        }
    }

    func send(_ frame: ServerFrame, on wire: WorldWire) {
        if case .message(let message) = frame { self.checkSent(message, to: wire.client.id) }
        guard !wire.isHalfOpen, !wire.isGone else { return }
        wire.arrivals.down = max(wire.arrivals.down, self.now + self.latency)
        self.at(wire.arrivals.down) { _ in
            guard !wire.isGone else { return }
            wire.client.received(frame, on: wire.id)
        }
    }

    func serverCloses(_ wire: WorldWire, _ code: CloseCode) {
        self.count("close \(code.rawValue)")
        guard !wire.isHalfOpen, !wire.isGone else { return }
        wire.arrivals.down = max(wire.arrivals.down, self.now + self.latency)
        self.at(wire.arrivals.down) { world in
            wire.client.closed(wire.id, code)
            world.clientCloses(wire)
        }
    }

    func clientCloses(_ wire: WorldWire) {
        guard !wire.isHalfOpen, !wire.isGone else { return }
        self.at(max(wire.arrivals.up, self.now + self.latency)) { world in
            wire.isGone = true
            if let served = wire.served { wire.node.lost(served) }
        }
    }

    /// The connection dies: with everything on its way, and noticed by both sides at different times - or by nobody.
    func cut(_ wire: WorldWire, isHalfOpen: Bool) {
        guard !wire.isGone, !wire.isHalfOpen else { return }
        wire.isHalfOpen = isHalfOpen
        guard !isHalfOpen else { return }
        wire.isGone = true
        self.after(self.latency) { _ in wire.client.closedOrFailed(wire.id) }
        self.after(self.latency) { _ in
            if let served = wire.served { wire.node.lost(served) }
        }
    }

    // MARK: Faults

    func isStoreFailing() -> Bool { self.now < self.storeFailsUntil }

    /// A node dies, or stops after its drain, and another process takes its place.
    func restart(_ node: WorldNode, isClean: Bool) {
        guard node.isAlive else { return }
        self.count(isClean ? "drained" : "killed")
        node.isAlive = false
        for wire in self.wires where wire.node === node { self.cut(wire, isHalfOpen: false) }
        self.after(self.luck.milliseconds(1...3_000)) { world in
            world.nodes[node.index] = world.makeNode(node.index)
        }
    }

    private func misfortune() {
        let open = self.wires.filter { !$0.isGone && !$0.isHalfOpen }
        self.wires = self.wires.filter { !$0.isGone }
        let wire = open.randomElement(using: &self.luck)
        switch Int.random(in: 0..<10, using: &self.luck) {
        case 0, 1, 2: if let wire { self.cut(wire, isHalfOpen: false) }
        case 3: if let wire { self.cut(wire, isHalfOpen: true) }
        case 4:
            if self.luck.isOnce(in: 3), let node = self.nodes.randomElement(using: &self.luck) { self.restart(node, isClean: false) }
        case 5:
            if self.luck.isOnce(in: 3) { self.storeFailsUntil = self.now + self.luck.milliseconds(1...8_000) }
        case 6:
            if let node = self.nodes.randomElement(using: &self.luck), self.luck.isOnce(in: 4) {
                node.tell { $0.drain(DrainPlan(spread: .seconds(1), within: .seconds(3), hardStop: .seconds(5)), now: self.now, into: &$1) }
            }
        case 7, 8: if let wire, let served = wire.served { self.clog(wire, served) }
        default: break
        }
    }

    private func clog(_ wire: WorldWire, _ served: ServedConnectionID) {
        let node = wire.node
        node.connections[served]?.isWritable = false
        node.feed(served) { $0.writabilityChanged(to: false, now: self.now, into: &$1) }
        self.after(self.luck.milliseconds(1...4_000)) { world in
            guard let connection = node.connections[served] else { return }
            connection.isWritable = true
            connection.session.bytesTaken(pending: 0, now: world.now)
            node.feed(served) { $0.writabilityChanged(to: true, now: world.now, into: &$1) }
        }
    }

    // MARK: The service

    /// A handler: takes its time, sometimes fails, and answers each message with one of its own.
    func handle(_ run: HandlerRun, on node: WorldNode) {
        self.after(self.luck.milliseconds(0...400)) { world in
            guard node.isAlive else { return }
            if !world.isCalm, world.luck.isOnce(in: 10) {
                node.tell { $0.handlerThrew(run.id, now: world.now, into: &$1) }
                return
            }
            let reply = AppendOperation(
                recipients: .clients([run.delivery.client], existingOnly: false),
                payload: Payload(text: "re \(run.delivery.payload.text ?? "")")
            )
            node.tell { $0.handlerReturned(run.id, sends: [reply], now: world.now, into: &$1) }
        }
    }

    private func publish() {
        guard let node = self.nodes.randomElement(using: &self.luck), node.isAlive,
            let client = self.clients.randomElement(using: &self.luck)
        else { return }
        self.published += 1
        let append = AppendOperation(
            recipients: .clients([client.id], existingOnly: false),
            payload: Payload(text: "down \(self.published)")
        )
        node.submit(SubmittedOperation(.append(append)))
    }

    /// What the store really did, whoever learns of it.
    func committed(_ operations: [(StoreOperation, StoreReceipt)]) {
        for (operation, receipt) in operations {
            switch (operation, receipt) {
            case (.append(let append), .append(let receipt)): self.note(append, receipt)
            case (.advanceMark(let mark), .advanceMark(.advanced(let sends))):
                self.count("mark")
                for (append, receipt) in zip(mark.sends, sends) { self.note(append, receipt) }
            case (.advanceMark, .advanceMark(.refused)): self.count("mark refused")
            case (.attach, .attach(.attached(let attachment))):
                self.count(attachment.displaced == nil ? "attach" : "takeover")
            default: break
            }
        }
    }

    private func note(_ append: AppendOperation, _ receipt: AppendReceipt) {
        for delivery in receipt.deliveries {
            guard case .stored(let sequence, _) = delivery.outcome else { continue }
            self.truth[delivery.client, default: [:]][sequence.rawValue] = append.payload.text
            if let range = delivery.discarded {
                self.discarded[delivery.client, default: []].formUnion(range.first.rawValue...range.last.rawValue)
            }
        }
    }

    /// I4, I6: what is sent was committed, under this number.
    private func checkSent(_ message: StoredMessage, to client: ClientID) {
        if self.truth[client]?[message.sequence.rawValue] != message.payload.text {
            self.fail("\(client): sent \(message.sequence), which is not in the store")
        }
    }

    func check(_ message: StoredMessage, for client: ClientID, in epoch: EpochToken) {
        if self.truth[client]?[message.sequence.rawValue] != message.payload.text {
            self.fail("\(client): \(message.sequence) carries another payload")
        }
    }

    /// I5: a gap holds only what retention took.
    func check(_ gap: Gap, for client: ClientID) {
        self.count("gap")
        for number in gap.range.first.rawValue...gap.range.last.rawValue
        where self.discarded[client]?.contains(number) != true {
            self.fail("\(client): gap over \(number), which nobody dropped")
        }
    }

    // MARK: The whole

    /// A minute of misfortune, then two of calm; what is not as it should be then.
    func live() {
        for client in self.clients { client.start() }
        for step in 0..<600 {
            self.run(until: Instant(nanoseconds: Int64(step) * 100_000_000))
            if self.luck.isOnce(in: 2) { self.publish() }
            if self.luck.isOnce(in: 4), let client = self.clients.randomElement(using: &self.luck) { client.enqueue() }
            if self.options.faults, self.luck.isOnce(in: 8) { self.misfortune() }
        }
        self.isCalm = true
        self.storeFailsUntil = self.now
        self.run(until: self.now + .seconds(150))
        self.settle()
    }

    private func settle() {
        guard self.failures.isEmpty else { return }
        for client in self.clients {
            let numbers = self.truth[client.id] ?? [:]
            let head = numbers.keys.max() ?? 0
            if !client.isOnline { self.fail("\(client.id) is not online") }
            if client.handled != head { self.fail("\(client.id) handled \(client.handled) of \(head)") }
            if client.confirmed != client.sent.count {
                self.fail("\(client.id): \(client.confirmed) of \(client.sent.count) uplink messages confirmed")
            }
            // I11: a reply exists if and only if its mark does, and each mark moved once.
            let replies = numbers.values.filter { $0.hasPrefix("re ") }
            if replies.count != client.sent.count || Set(replies).count != replies.count {
                self.fail("\(client.id): \(replies.count) replies to \(client.sent.count) messages")
            }
        }
    }
}

extension WorldClient {
    /// The connection could not be opened, or is gone without a code.
    func closedOrFailed(_ id: ConnectionID) {
        self.closed(id, nil)
    }
}
