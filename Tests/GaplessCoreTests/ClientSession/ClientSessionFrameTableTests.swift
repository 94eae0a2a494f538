import GaplessCore
import Testing

/// Wrong state times every frame: what a session does with each frame in each situation of a connection.
@Suite("ClientSession frames by state")
struct ClientSessionFrameTableTests {
    /// Where a connection is when the frame comes.
    enum Situation: String, CaseIterable, Sendable {
        case connecting, savingBeforeHello, greeting, refused, attached, afterError, afterBye, draining, older

        /// Everything that comes before `WELCOME`.
        var isBeforeWelcome: Bool {
            switch self {
            case .connecting, .savingBeforeHello, .greeting: true
            case .refused, .attached, .afterError, .afterBye, .draining, .older: false
            }
        }
    }

    /// What a frame led to.
    enum Effect: String, Sendable {
        case nothing, fault, welcomed, delivered, gap, confirmed, pong, token, second
    }

    /// A session with connection 1 in that situation; uplink message 1 is in flight where there can be one.
    private func rig(_ situation: Situation) -> ClientRig {
        let rig = ClientRig { configuration in
            configuration.persistence = situation == .savingBeforeHello ? .durable : .memory
            configuration.tokenSource = .application
            configuration.token = "t"
        }
        let started = rig.start()
        if situation == .connecting { return rig }
        if situation == .savingBeforeHello {
            // A position that was handled while the connection opened has to be saved before HELLO tells it.
            rig.settle(started)
            rig.settle(rig.opened(1))
            rig.settle(rig.receive(.welcome(.test())))
            rig.messages(1...1)
            rig.closed(1)
            rig.settle(rig.nextTimer())
            rig.handleAll()
            rig.opened(2)
            return rig
        }
        rig.opened(1)
        switch situation {
        case .connecting, .savingBeforeHello, .greeting: return rig
        case .refused:
            rig.receive(.error(ErrorFrame(code: .overloaded, message: "No.")))
            return rig
        case .attached, .afterError, .afterBye, .draining, .older:
            rig.receive(.welcome(.test()))
        }
        rig.send("a")
        switch situation {
        case .connecting, .savingBeforeHello, .greeting, .refused, .attached: break
        case .afterError: rig.receive(.error(ErrorFrame(code: .draining, message: "No.")))
        case .afterBye: rig.drive { $0.end(.immediately, &$1) }
        case .draining: rig.receive(.drain(Drain(within: .seconds(30))))
        case .older:
            rig.receive(.drain(Drain(within: .zero)))
            rig.fire()
            rig.opened(2)
            rig.receive(.welcome(.test(generation: 2)), on: 2)
        }
        return rig
    }

    private func effect(_ actions: [ClientAction], on id: UInt64) -> Effect {
        if actions.closes.contains("\(id) 4400") { return .fault }
        if actions.states.contains(where: { if case .online = $0 { true } else { false } }) { return .welcomed }
        if !actions.delivered.isEmpty { return .delivered }
        if !actions.gaps.isEmpty { return .gap }
        if !actions.confirmed.isEmpty { return .confirmed }
        if actions.sent.contains(.pong(7)) { return .pong }
        if actions.contains(where: { if case .obtainToken = $0 { true } else { false } }) { return .token }
        if !actions.connects.isEmpty { return .second }
        return actions.isEmpty ? .nothing : .fault
    }

    private static let frames: [(name: String, frame: ServerFrame)] = [
        ("WELCOME", .welcome(.test(generation: 9))), ("MSG next", .message(.test(1))), ("MSG beyond", .message(.test(3))),
        ("GAP", .gap(.test(1, 4))), ("GAP beyond", .gap(.test(2, 4))), ("ACK", .acknowledge(through: .first)),
        ("ACK beyond", .acknowledge(through: SequenceNumber(2))), ("PING", .ping(7)), ("PONG", .pong(7)),
        ("AUTH within", .authenticate(within: .seconds(9))), ("AUTH ok", .authenticated), ("DRAIN", .drain(Drain(within: .zero))),
        ("ERROR", .error(ErrorFrame(code: .overloaded, message: "No."))),
    ]

    private func expected(_ situation: Situation, _ name: String) -> Effect {
        switch situation {
        case .refused, .afterError: return .nothing
        case .connecting, .savingBeforeHello, .greeting:
            switch name {
            case "WELCOME": return situation == .greeting ? .welcomed : .fault
            case "PING": return situation == .greeting ? .pong : .nothing
            case "PONG", "ERROR": return .nothing
            default: return .fault
            }
        case .attached, .draining, .afterBye, .older:
            switch name {
            case "WELCOME", "MSG beyond", "GAP beyond", "ACK beyond": return .fault
            case "MSG next": return .delivered
            case "GAP": return .gap
            case "ACK": return .confirmed
            case "PING": return situation == .attached || situation == .draining ? .pong : .nothing
            case "AUTH within": return situation == .older ? .nothing : .token
            // While draining, the uplink in flight keeps the second connection waiting.
            default: return .nothing
            }
        }
    }

    @Test("[R11.3-2] [R5.3-10] [R10.1-7] what each frame does in each situation", arguments: Situation.allCases)
    func table(situation: Situation) {
        for (name, frame) in Self.frames {
            let rig = self.rig(situation)
            let id: UInt64 = situation == .savingBeforeHello ? 2 : 1
            let effect = self.effect(rig.receive(frame, on: id), on: id)
            // An ACK that settles the uplink opens the second connection as well; being confirmed comes first.
            #expect(effect == self.expected(situation, name), "\(name) while \(situation)")
        }
    }

    @Test("[R3.3-3] what cannot be read: 4400 and back, unless ERROR came before", arguments: Situation.allCases)
    func misread(situation: Situation) {
        let rig = self.rig(situation)
        let id: UInt64 = situation == .savingBeforeHello ? 2 : 1
        let actions = rig.drive { $0.misread(ConnectionID(id), &$1) }
        let isAfterError = situation == .refused || situation == .afterError
        #expect(actions.closes == (isAfterError ? [] : ["\(id) 4400"]))
        #expect(!actions.states.contains { if case .stopped = $0 { true } else { false } })
    }

    @Test("[R4.11-4] a frame of a later version is a sign of life and nothing else", arguments: Situation.allCases)
    func unknownFrame(situation: Situation) {
        let rig = self.rig(situation)
        #expect(rig.drive { $0.signOfLife(ConnectionID(situation == .savingBeforeHello ? 2 : 1), &$1) } == [])
    }

    @Test("[R11.3-1] after any fault the client comes back by itself, with its position", arguments: Situation.allCases)
    func faultsAreNotFinal(situation: Situation) {
        let rig = self.rig(situation)
        let id: UInt64 = situation == .savingBeforeHello ? 2 : 1
        rig.drive { $0.misread(ConnectionID(id), &$1) }
        #expect(rig.session.nextDeadline != nil)
        if situation.isBeforeWelcome, situation != .savingBeforeHello { #expect(rig.connect() == 2) }
    }

    @Test("a server that always breaks a rule is called ever more rarely")
    func faultsBackOff() {
        let rig = ClientRig(seed: 3)
        rig.start()
        let begin = rig.turn.now
        for id in 1...40 as ClosedRange<UInt64> {
            rig.opened(id)
            rig.receive(.message(.test(1)), on: id)
            rig.nextTimer()
        }
        #expect(rig.turn.now - begin > .seconds(200))
    }
}
