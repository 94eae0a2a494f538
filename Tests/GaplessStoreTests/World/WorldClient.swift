import GaplessCore

/// A client: its session, its application, and the promises that were made to it.
final class WorldClient {
    let index: Int
    let id: ClientID
    private(set) var session: ClientSession
    private var turn: ClientTurn<WorldLuck>
    private unowned let world: World
    /// The wires of the session's connections.
    private var wires: [ConnectionID: WorldWire] = [:]
    /// What the application took last.
    private var last: (epoch: EpochToken, number: UInt64)?
    private(set) var received: [String] = []
    private var receivedOnce: Set<String> = []
    private(set) var resets = 0
    private(set) var gaps = 0
    private(set) var sent: [String] = []
    private(set) var confirmed = 0

    init(index: Int, seed: UInt64, world: World) {
        self.index = index
        self.id = WorldName.client(index)
        self.world = world
        var luck = WorldLuck(seed: seed, stream: UInt64(100 + index))
        let configuration = ClientSessionConfiguration(endpoints: (0..<world.options.nodes).map { WorldName.endpoint($0) })
        let record = ClientRecord(client: self.id, using: &luck)
        self.session = ClientSession(configuration: configuration, record: record, random: &luck)
        self.turn = ClientTurn(now: world.now, random: luck)
    }

    var nextDeadline: Instant? { self.session.nextDeadline }
    var isOnline: Bool { if case .online = self.session.state { true } else { false } }
    var isStopped: Bool { if case .stopped = self.session.state { true } else { false } }
    var handled: UInt64 { self.session.record.progress.position?.handled.rawValue ?? 0 }

    func start() { self.drive { $0.start(&$1) } }

    func fire() {
        if let deadline = self.nextDeadline, deadline <= self.world.now { self.drive { $0.timerFired(&$1) } }
    }

    func enqueue() {
        let text = "up \(self.index) \(self.sent.count + 1)"
        self.sent.append(text)
        self.drive { _ = try? $0.enqueue(Payload(text: text), &$1) }
    }

    func opened(_ id: ConnectionID) { self.drive { $0.opened(id, subprotocol: "gapless.v1", &$1) } }
    func failed(_ id: ConnectionID) { self.drive { $0.connectFailed(id, retryAfter: nil, &$1) } }

    func received(_ frame: ServerFrame, on id: ConnectionID) {
        guard self.wires[id] != nil else { return }
        self.drive { $0.received(frame, on: id, &$1) }
    }

    func closed(_ id: ConnectionID, _ code: CloseCode?) {
        guard self.wires.removeValue(forKey: id) != nil else { return }
        self.drive { $0.closed(id, code: code, &$1) }
    }

    private func drive(_ event: (inout ClientSession, inout ClientTurn<WorldLuck>) -> Void) {
        self.turn.now = self.world.now
        event(&self.session, &self.turn)
        for action in self.turn.takeActions() { self.perform(action) }
    }

    private func perform(_ action: ClientAction) {
        switch action {
        case .connect(let id, let endpoint):
            self.wires[id] = self.world.connect(self, id, endpoint)
        case .send(let id, let frame):
            if let wire = self.wires[id] { self.world.send(frame, on: wire) }
        case .close(let id, _):
            if let wire = self.wires.removeValue(forKey: id) { self.world.clientCloses(wire) }
        case .deliver(let event): self.deliver(event)
        case .confirmed(let tickets): self.confirmed += tickets.count
        case .discarded, .save, .obtainToken: self.world.fail("\(self.id): unexpected \(action)")
        }
    }

    private func deliver(_ event: ClientEvent) {
        switch event {
        case .message(let reference, let message):
            self.follows(reference, from: message.sequence.rawValue, through: message.sequence.rawValue)
            let text = message.payload.text ?? ""
            self.world.check(message, for: self.id, in: reference.epoch)
            if !self.receivedOnce.insert(text).inserted, self.resets == 0 { self.world.fail("\(self.id): twice: \(text)") }
            self.received.append(text)
            self.handle(reference)
        case .gap(let reference, let gap):
            self.follows(reference, from: gap.range.first.rawValue, through: gap.range.last.rawValue)
            self.world.check(gap, for: self.id)
            self.gaps += 1
            self.handle(reference)
        case .reset:
            self.resets += 1
            self.last = nil
        case .uplinkMayRepeat: self.world.fail("\(self.id): the server forgot an outbox")
        case .state(.stopped(let reason)): self.world.fail("\(self.id): stopped: \(reason)")
        case .state: break
        }
    }

    /// I1: each event continues where the last one ended.
    private func follows(_ reference: EventReference, from first: UInt64, through number: UInt64) {
        if let last, last.epoch == reference.epoch, first != last.number + 1 {
            self.world.fail("\(self.id): \(first) after \(last.number)")
        }
        self.last = (reference.epoch, number)
    }

    private func handle(_ reference: EventReference) {
        self.world.after(self.world.latency) { _ in
            self.drive { $0.handled(reference, bookmark: nil, &$1) }
        }
    }
}
