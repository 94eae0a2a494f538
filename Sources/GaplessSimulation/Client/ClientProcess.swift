import DequeModule
import GaplessCore

/// One life of a client: its session, its application, and what it has not saved. What `ClientShell` is to sockets and files.
final class ClientProcess {
    unowned let world: World
    let client: SimulatedClient
    let life: UInt64
    /// Tells this process apart from every other one, in streams of luck.
    let number: UInt64
    let name: String
    private(set) var isRunning = true
    var stalledUntil = Instant(nanoseconds: 0)
    private var session: ClientSession
    private var turn: ClientTurn<SeededRandom>
    private var alarm: Instant?
    private var random: SeededRandom
    /// That of the disk, of the application, and of whoever gives tokens.
    private var disk: SeededRandom
    private var application: SeededRandom
    private var tokens: SeededRandom
    /// What the disk will hold when the saves that are under way are done.
    private var saving: Deque<(change: ClientRecordChange, version: SaveVersion)> = []
    private var isSaving = false
    /// What the disk holds.
    private(set) var saved: ClientRecord
    private let isDurable: Bool
    let isTwin: Bool
    var links: [SimulatedLink] = []
    /// Handed over and not handled, oldest first.
    private var inbox: Deque<ClientEvent> = []
    private var isHandling = false
    private var texts: [UplinkTicket: String] = [:]
    private(set) var stopReason: StopReason?
    private(set) var isOnline = false
    /// When it took the queue over last, by a `HELLO` that was answered, and whether its application asked for the next time; for the checker.
    var lastForce: Instant?
    var wasAskedToTakeOver = false
    /// The link of the newest `HELLO`.
    var newestHello: UInt64 = 0
    /// The address; until the server gave it one, an address that nobody has.
    private(set) var clientID: ClientID

    init(client: SimulatedClient, life: UInt64, record: ClientRecord?, isTwin: Bool) {
        let world = client.world
        self.world = world
        self.client = client
        self.life = life
        self.isTwin = isTwin
        self.number = UInt64(client.place) << 32 | life
        self.name = "c\(client.place).\(life)"
        self.random = SeededRandom(seed: world.plan.seed, stream: "client", self.number)
        self.disk = SeededRandom(seed: world.plan.seed, stream: "disk", self.number)
        self.application = SeededRandom(seed: world.plan.seed, stream: "application", self.number)
        self.tokens = SeededRandom(seed: world.plan.seed, stream: "tokens", self.number)
        let record = record ?? ClientRecord(client: client.name, using: &self.random)
        guard let nobody = ClientID("nobody") else { preconditionFailure("a valid address") }
        self.clientID = record.identity.client ?? nobody
        self.isDurable = client.isDurable
        self.saved = record
        let configuration = world.options.clientConfiguration(
            endpoints: world.endpoints,
            isDurable: client.isDurable
        )
        self.session = ClientSession(configuration: configuration, record: record, random: &self.random)
        self.turn = ClientTurn(now: world.now, random: self.random)
        // Messages of the record have the first tickets.
        for (index, payload) in record.outbox.messages.enumerated() {
            self.texts[UplinkTicket(UInt64(index) + 1)] = payload.text ?? ""
        }
    }

    var record: ClientRecord { self.session.record }
    var state: ClientState { self.session.state }
    var unconfirmed: Int { self.session.unconfirmedMessages }
    var hasInbox: Bool { self.isHandling || !self.inbox.isEmpty }

    // MARK: Life

    /// - Parameter isSuccessor: whether it has what its predecessor saved last.
    func start(isSuccessor: Bool) {
        self.world.note(.started, self.number, 0, "\(self.name) starts")
        if self.isDurable, !self.isTwin { self.client.disk = self.saved }
        self.world.checker.began(self, isSuccessor: isSuccessor)
        self.feed { $0.start(&$1) }
    }

    /// The process is gone; the kernel tells the peers, or nobody does.
    func kill() {
        self.world.note(.died, self.number, 0, "\(self.name) dies")
        self.isRunning = false
        for link in self.links where !link.isClientOver {
            link.isClientOver = true
            if link.random.happens(self.world.options.silentDeaths) {
                link.up.mode = .stuck
            } else {
                link.up.tear(
                    keeping: Int.random(in: 0...link.up.parcels.count, using: &link.random),
                    endingAt: self.world.now + link.random.latency(self.world.options.latency)
                )
            }
            self.world.pumpUp(link)
        }
    }

    func run(_ action: @escaping () -> Void) {
        guard self.isRunning else { return }
        guard self.stalledUntil <= self.world.now else { return self.world.at(self.stalledUntil) { self.run(action) } }
        action()
    }

    func schedule(after time: Duration, _ action: @escaping () -> Void) {
        self.schedule(at: self.world.now + time, action)
    }

    func schedule(at time: Instant, _ action: @escaping () -> Void) {
        self.world.at(time) { self.run(action) }
    }

    // MARK: What the application wants

    func restart() {
        guard self.stopReason != nil else { return }
        self.stopReason = nil
        self.feed { $0.start(&$1) }
    }

    func takeOver() {
        self.stopReason = nil
        self.wasAskedToTakeOver = true
        self.feed { $0.takeOver(&$1) }
    }

    func leave() { self.feed { $0.leave(&$1) } }
    func comeBack() { self.feed { $0.start(&$1) } }
    func probe() { self.feed { $0.probe(&$1) } }
    func end(_ ending: ClientEnding) { self.feed { $0.end(ending, &$1) } }

    func send(_ text: String) {
        self.feed { session, turn in
            do {
                let ticket = try session.enqueue(Payload(text: text), &turn)
                self.texts[ticket] = text
                self.world.checker.enqueued(text, by: self)
            } catch {
                // Refused: nothing was promised.
            }
        }
    }

    // MARK: From the network

    func opened(_ link: SimulatedLink) {
        self.feed { $0.opened(link.connection, subprotocol: ClientSession.subprotocol, &$1) }
    }

    func connectFailed(_ connection: ConnectionID) {
        self.feed { $0.connectFailed(connection, retryAfter: nil, &$1) }
    }

    func received(_ frame: ServerFrame, on link: SimulatedLink) {
        if case .welcome(let welcome) = frame { self.clientID = welcome.client }
        self.world.checker.received(frame, on: link)
        self.feed { $0.received(frame, on: link.connection, &$1) }
    }

    /// A part of a message came.
    func heard(_ link: SimulatedLink) {
        self.feed { $0.signOfLife(link.connection, &$1) }
    }

    func closed(_ link: SimulatedLink, _ code: CloseCode?) {
        self.links.removeAll { $0 === link }
        self.feed { $0.closed(link.connection, code: code, &$1) }
    }

    // MARK: The session

    private func feed(_ event: (inout ClientSession, inout ClientTurn<SeededRandom>) -> Void) {
        self.turn.now = self.world.now
        event(&self.session, &self.turn)
        for action in self.turn.takeActions() { self.perform(action) }
        self.armTimer()
    }

    private func perform(_ action: ClientAction) {
        switch action {
        case .connect(let id, let endpoint): self.world.connect(self, id, to: endpoint)
        case .send(let id, let frame):
            if let link = self.link(id) { self.world.send(frame, on: link) }
        case .close(let id, let code):
            guard let link = self.link(id) else { return }
            self.world.close(link, byClientWith: code)
            self.links.removeAll { $0 === link }
            if code == .malformed { self.world.checker.serverBlamed(self) }
            if code == .silent { self.world.counters.count(.silentServer) }
        case .deliver(let event): self.deliver(event)
        case .confirmed(let tickets):
            for ticket in tickets {
                if let text = self.texts.removeValue(forKey: ticket) { self.world.checker.confirmed(text, by: self) }
            }
        case .discarded(let tickets, _):
            for ticket in tickets {
                if let text = self.texts.removeValue(forKey: ticket) { self.world.checker.discarded(text, by: self) }
            }
        case .save(let change, let version, let urgency): self.save(change, version, urgency)
        case .obtainToken: self.obtainToken()
        }
    }

    private func link(_ id: ConnectionID) -> SimulatedLink? {
        self.links.first { $0.connection == id && !$0.isClientOver }
    }

    private func armTimer() {
        guard let deadline = self.session.nextDeadline else { return }
        if let alarm = self.alarm, alarm <= deadline { return }
        self.alarm = deadline
        self.schedule(at: max(deadline, self.world.now)) {
            guard self.alarm == deadline else { return }
            self.alarm = nil
            self.feed { $0.timerFired(&$1) }
        }
    }

    // MARK: The disk

    private func save(_ change: ClientRecordChange, _ version: SaveVersion, _ urgency: SaveUrgency) {
        self.saving.append((change, version))
        guard !self.isSaving else { return }
        self.isSaving = true
        let wait = urgency == .now ? self.disk.latency(self.world.options.save) : .milliseconds(200)
        self.schedule(after: wait) { self.saveAll() }
    }

    private func saveAll() {
        self.isSaving = false
        guard let last = self.saving.last?.version else { return }
        for (change, _) in self.saving { self.saved.apply(change) }
        self.saving.removeAll()
        self.world.note(.saved, self.number, last.rawValue, "\(self.name) saved \(last)")
        if !self.isTwin { self.client.disk = self.saved }
        self.world.checker.saved(self)
        self.feed { $0.saved(last, &$1) }
    }

    // MARK: The application

    private func obtainToken() {
        self.schedule(after: self.tokens.latency(self.world.options.hop)) {
            let isBad = !self.world.isHealed && self.tokens.happens(self.world.options.badTokens)
            if isBad, self.tokens.happens(500) { return self.feed { $0.tokenUnavailable(&$1) } }
            let token = self.world.token(for: self.clientID, isBad: isBad)
            self.feed { $0.tokenObtained(token, &$1) }
        }
    }

    private func deliver(_ event: ClientEvent) {
        switch event {
        case .message(let reference, let message):
            self.world.note(.handed, self.number, message.sequence.rawValue, "\(self.name) takes \(message.sequence)")
            self.world.checker.handed(message, reference, to: self)
        case .gap(let reference, let gap):
            self.world.note(.handed, self.number, gap.range.last.rawValue, "\(self.name) takes gap \(gap.range) \(gap.reason)")
            self.world.checker.handed(gap, reference, to: self)
        case .reset(let reason):
            self.world.note(.handed, self.number, 0, "\(self.name) reset \(reason)")
            self.world.checker.reset(reason, self)
            return
        case .uplinkMayRepeat(let tickets):
            self.world.checker.mayRepeat(tickets.compactMap { self.texts[$0] }, self)
            return
        case .state(let state):
            self.world.note(.state, self.number, 0, "\(self.name) is \(state)")
            self.isOnline = if case .online = state { true } else { false }
            if case .stopped(let reason) = state { self.stopped(reason) }
            return
        }
        self.inbox.append(event)
        self.handleNext()
    }

    private func stopped(_ reason: StopReason) {
        self.stopReason = reason
        self.world.stopped(self, reason)
    }

    private func handleNext() {
        guard !self.isHandling, !self.inbox.isEmpty else { return }
        self.isHandling = true
        self.schedule(after: self.application.latency(self.world.applicationTime)) {
            self.isHandling = false
            // Now and then several are done at once.
            let count = self.application.happens(200) ? Int.random(in: 1...self.inbox.count, using: &self.application) : 1
            var last: EventReference?
            for _ in 0..<count {
                switch self.inbox.popFirst() {
                case .message(let reference, _):
                    self.world.checker.handled(reference, isMessage: true, by: self)
                    last = reference
                case .gap(let reference, _):
                    self.world.checker.handled(reference, isMessage: false, by: self)
                    last = reference
                case .reset, .uplinkMayRepeat, .state, nil: break
                }
            }
            if let last { self.feed { $0.handled(through: last, &$1) } }
            self.handleNext()
        }
    }
}
