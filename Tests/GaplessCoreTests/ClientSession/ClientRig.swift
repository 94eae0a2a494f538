import GaplessCore

/// SplitMix64: the same luck for the same seed.
struct SeededLuck: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// A client session with a clock and luck of its own: drives it, and hands back what each event made it do.
final class ClientRig {
    var session: ClientSession
    var turn: ClientTurn<SeededLuck>
    /// The references of everything that was handed over, oldest first.
    private(set) var references: [EventReference] = []

    init(
        client: ClientID? = .phone,
        record: ClientRecord? = nil,
        seed: UInt64 = 1,
        _ configure: (inout ClientSessionConfiguration) -> Void = { _ in }
    ) {
        var luck = SeededLuck(seed)
        var configuration = ClientSessionConfiguration(endpoints: [.a])
        configure(&configuration)
        let record = record ?? ClientRecord(client: client, using: &luck)
        self.session = ClientSession(configuration: configuration, record: record, random: &luck)
        self.turn = ClientTurn(now: Instant(nanoseconds: 1_000_000_000_000), random: luck)
    }

    /// A session whose connection 1 is attached.
    static func attached(
        _ welcome: Welcome = .test(),
        seed: UInt64 = 1,
        _ configure: (inout ClientSessionConfiguration) -> Void = { _ in }
    ) -> ClientRig {
        let rig = ClientRig(seed: seed, configure)
        rig.attach(welcome)
        return rig
    }

    // MARK: Time

    func pass(_ time: Duration) { self.turn.now = self.turn.now + time }

    /// Jumps to the next deadline and fires it.
    @discardableResult func nextTimer() -> [ClientAction] {
        guard let deadline = self.session.nextDeadline else { return [] }
        self.turn.now = max(self.turn.now, deadline)
        return self.fire()
    }

    @discardableResult func fire() -> [ClientAction] { self.drive { $0.timerFired(&$1) } }

    /// Lets the time pass in steps of its own deadlines.
    @discardableResult func run(for time: Duration) -> [ClientAction] {
        let end = self.turn.now + time
        var actions: [ClientAction] = []
        while let deadline = self.session.nextDeadline, deadline <= end { actions += self.nextTimer() }
        self.turn.now = end
        return actions
    }

    /// The time to the next deadline.
    var untilDeadline: Duration? { self.session.nextDeadline.map { $0 - self.turn.now } }

    // MARK: Events

    @discardableResult func drive(
        _ event: (inout ClientSession, inout ClientTurn<SeededLuck>) -> Void
    ) -> [ClientAction] {
        event(&self.session, &self.turn)
        let actions = self.turn.takeActions()
        for case .deliver(let event) in actions {
            switch event {
            case .message(let reference, _), .gap(let reference, _): self.references.append(reference)
            case .reset, .uplinkMayRepeat, .state: continue
            }
        }
        return actions
    }

    @discardableResult func start() -> [ClientAction] { self.drive { $0.start(&$1) } }
    @discardableResult func leave() -> [ClientAction] { self.drive { $0.leave(&$1) } }
    @discardableResult func opened(_ id: UInt64, subprotocol: String? = "gapless.v1") -> [ClientAction] {
        self.drive { $0.opened(ConnectionID(id), subprotocol: subprotocol, &$1) }
    }
    @discardableResult func failed(_ id: UInt64, retryAfter: Duration? = nil) -> [ClientAction] {
        self.drive { $0.connectFailed(ConnectionID(id), retryAfter: retryAfter, &$1) }
    }
    @discardableResult func closed(_ id: UInt64, _ code: CloseCode? = nil) -> [ClientAction] {
        self.drive { $0.closed(ConnectionID(id), code: code, &$1) }
    }
    @discardableResult func receive(_ frame: ServerFrame, on id: UInt64 = 1) -> [ClientAction] {
        self.drive { $0.received(frame, on: ConnectionID(id), &$1) }
    }
    @discardableResult func saved(_ version: SaveVersion) -> [ClientAction] { self.drive { $0.saved(version, &$1) } }
    @discardableResult func send(_ text: String) -> [ClientAction] {
        self.drive { _ = try? $0.enqueue(Payload(text: text), &$1) }
    }
    @discardableResult func send(_ texts: [String]) -> [ClientAction] { texts.flatMap { self.send($0) } }

    /// The application is done with the event of that place among those handed over, 0 being the first.
    @discardableResult func handle(_ index: Int, bookmark: UInt64? = nil) -> [ClientAction] {
        let reference = self.references[index]
        return self.drive { $0.handled(reference, bookmark: bookmark, &$1) }
    }

    /// The application is done with everything handed over.
    @discardableResult func handleAll() -> [ClientAction] {
        guard let last = self.references.last else { return [] }
        return self.drive { $0.handled(through: last, &$1) }
    }

    /// Messages `range` come, each with a payload of `size` bytes.
    @discardableResult func messages(_ range: ClosedRange<UInt64>, on id: UInt64 = 1, size: Int = 1) -> [ClientAction] {
        range.flatMap { self.receive(.message(.test($0, size: size)), on: id) }
    }

    /// `ERROR` and the Close with its code.
    @discardableResult func refuse(
        _ id: UInt64,
        _ code: CloseCode,
        retryAfter: Duration? = nil,
        jitter: Duration? = nil,
        forget: Bool = false
    ) -> [ClientAction] {
        self.receive(
            .error(ErrorFrame(code: code, message: "No.", retryAfter: retryAfter, jitter: jitter, forget: forget)),
            on: id
        ) + self.closed(id, code)
    }

    /// Starts if need be, waits until the next connection is opened, and says which. Nil when none is within 10 minutes.
    @discardableResult func connect() -> UInt64? {
        var actions = self.start()
        for _ in 0..<1_000 {
            for case .connect(let id, _) in actions { return id.rawValue }
            guard self.session.nextDeadline != nil else { return nil }
            actions = self.nextTimer()
        }
        return nil
    }

    /// Opens the next connection; its `HELLO`.
    func hello() -> Hello? {
        guard let id = self.connect() else { return nil }
        return self.opened(id).hello
    }

    /// Opens the next connection and welcomes it.
    @discardableResult func attach(_ welcome: Welcome = .test()) -> [ClientAction] {
        guard let id = self.connect() else { return [] }
        return self.opened(id) + self.receive(.welcome(welcome), on: id)
    }
}

extension ClientID {
    static let phone = ClientID(user: UserID.alice, device: UserID.device)
}

extension UserID {
    static var alice: UserID {
        guard let name = UserID("alice") else { preconditionFailure("a valid name") }
        return name
    }
    static var device: UserID {
        guard let name = UserID("phone") else { preconditionFailure("a valid name") }
        return name
    }
}

extension String {
    static let a = "wss://a.example.com/gapless"
    static let b = "wss://b.example.com/gapless"
    static let c = "wss://c.example.com/gapless"
}

extension EpochToken {
    static func test(_ text: String) -> EpochToken {
        guard let token = EpochToken(text) else { preconditionFailure("a valid epoch") }
        return token
    }
}

extension Welcome {
    static func test(
        epoch: String = "e.1",
        generation: UInt64 = 1,
        _ resume: Resume = .resumed,
        after: UInt64 = 0,
        head: UInt64? = nil,
        mark: UInt64 = 0,
        down: Window = .defaultDownlink,
        up: Window = .defaultUplink,
        node: String = "a",
        token: String? = nil,
        endpoints: [String]? = nil,
        limit: Int = 65_536,
        client: ClientID = .phone
    ) -> Welcome {
        Welcome(
            client: client,
            epoch: .test(epoch),
            generation: Generation(generation),
            resume: resume,
            after: SequenceNumber(after),
            head: SequenceNumber(head ?? after + 1_000),
            mark: SequenceNumber(mark),
            downlinkWindow: down,
            uplinkWindow: up,
            node: node,
            token: token,
            endpoints: endpoints,
            limits: WireLimits(message: limit)
        )
    }
}

extension StoredMessage {
    static func test(_ number: UInt64, size: Int = 1) -> StoredMessage {
        StoredMessage(
            sequence: SequenceNumber(number),
            time: Timestamp(milliseconds: 1_000 + number),
            payload: Payload(text: String(repeating: "x", count: size))
        )
    }
}

extension Gap {
    static func test(_ first: UInt64, _ last: UInt64, _ reason: GapReason = .expired) -> Gap {
        Gap(SequenceRange(SequenceNumber(first), through: SequenceNumber(last)), reason: reason)
    }
}

extension Position {
    /// As a client has it that handled messages of `StoredMessage.test` only.
    static func test(_ epoch: String = "e.1", handled: UInt64, last: UInt64?) -> Position {
        Position(
            epoch: .test(epoch),
            handled: SequenceNumber(handled),
            last: last.map { LastMessage(sequence: SequenceNumber($0), time: Timestamp(milliseconds: 1_000 + $0)) }
        )
    }
}

extension [ClientAction] {
    /// The frames sent, on whatever connection.
    var sent: [ClientFrame] { self.compactMap { if case .send(_, let frame) = $0 { frame } else { nil } } }

    /// The frames sent on one connection.
    func sent(on id: UInt64) -> [ClientFrame] {
        self.compactMap { if case .send(ConnectionID(id), let frame) = $0 { frame } else { nil } }
    }

    /// The first `HELLO` sent.
    var hello: Hello? {
        for case .hello(let hello) in self.sent { return hello }
        return nil
    }

    /// What the application was told, states left out.
    var events: [ClientEvent] {
        self.compactMap { action in
            guard case .deliver(let event) = action else { return nil }
            if case .state = event { return nil }
            return event
        }
    }

    /// The states that the application was told.
    var states: [ClientState] {
        self.compactMap { if case .deliver(.state(let state)) = $0 { state } else { nil } }
    }

    /// The numbers of the messages handed over.
    var delivered: [UInt64] {
        self.compactMap { if case .deliver(.message(_, let message)) = $0 { message.sequence.rawValue } else { nil } }
    }

    /// The gaps handed over.
    var gaps: [Gap] { self.compactMap { if case .deliver(.gap(_, let gap)) = $0 { gap } else { nil } } }

    /// The numbers acknowledged on the wire.
    var acknowledged: [UInt64] {
        self.sent.compactMap { if case .acknowledge(let through) = $0 { through.rawValue } else { nil } }
    }

    /// The uplink messages written: numbers and texts.
    var uplink: [String] {
        self.sent.compactMap { frame in
            guard case .message(let sequence, let payload) = frame else { return nil }
            return "\(sequence) \(payload.text ?? "?")"
        }
    }

    /// The uplink messages written on one connection.
    func uplink(on id: UInt64) -> [String] {
        self.filter { if case .send(ConnectionID(id), _) = $0 { true } else { false } }.uplink
    }

    /// The connections closed, with their codes.
    var closes: [String] {
        self.compactMap { if case .close(let id, let code) = $0 { "\(id) \(code.rawValue)" } else { nil } }
    }

    /// The connections opened, with their URLs.
    var connects: [String] {
        self.compactMap { if case .connect(let id, let endpoint) = $0 { "\(id) \(endpoint)" } else { nil } }
    }

    /// The tickets confirmed.
    var confirmed: [UInt64] {
        self.flatMap { action -> [UInt64] in
            if case .confirmed(let tickets) = action { tickets.map(\.rawValue) } else { [] }
        }
    }

    /// The versions handed out to be saved.
    var saves: [SaveVersion] { self.compactMap { if case .save(_, let version, _) = $0 { version } else { nil } } }

    /// The changes handed out to be saved.
    var changes: [ClientRecordChange] { self.compactMap { if case .save(let change, _, _) = $0 { change } else { nil } } }
}
