import GaplessCore
import Testing

@Suite("ClientSession connecting")
struct ClientSessionConnectingTests {
    @Test("nothing happens before the application starts the session")
    func idle() {
        let rig = ClientRig()
        #expect(rig.session.nextDeadline == nil)
        #expect(rig.fire() == [])
        #expect(rig.session.state == .idle)
    }

    @Test("[R4.0-1] [R4.1-5] the first frame is a HELLO without a position, with a first attempt and an outbox")
    func firstHello() {
        let rig = ClientRig { configuration in
            configuration.window = Window(messages: 32, bytes: 65_536)
            configuration.keep = .seconds(3_600)
            configuration.agent = "example/1.0"
            configuration.token = "secret"
        }
        #expect(rig.start() == [.deliver(.state(.connecting(endpoint: .a))), .connect(ConnectionID(1), endpoint: .a)])
        let hello = Hello(
            client: .phone,
            instance: rig.session.record.identity.instance,
            attempt: .first,
            outbox: rig.session.record.outbox.id,
            window: Window(messages: 32, bytes: 65_536),
            keep: .seconds(3_600),
            token: "secret",
            agent: "example/1.0"
        )
        #expect(rig.opened(1) == [.send(ConnectionID(1), .hello(hello))])
        #expect(rig.opened(1) == [], "and exactly once")
    }

    @Test("[R3.6-3] instance and outbox are random, 128 bits each")
    func randomIDs() {
        let records = (0..<50 as Range<UInt64>).map { seed in
            var luck = SeededLuck(seed)
            return ClientRecord(client: nil, using: &luck)
        }
        #expect(Set(records.map(\.identity.instance)).count == 50)
        #expect(Set(records.map(\.outbox.id)).count == 50)
        #expect(records.allSatisfy { $0.identity.instance.description.utf8.count == 32 && $0.outbox.id.description.utf8.count == 32 })
    }

    @Test(
        "[R3.1-1] [R3.1-4] a server that selected another subprotocol, or none, hears nothing but a Close",
        arguments: [nil, "", "gapless.v2", "GAPLESS.V1"]
    )
    func wrongSubprotocol(subprotocol: String?) {
        let rig = ClientRig()
        rig.start()
        let actions = rig.opened(1, subprotocol: subprotocol)
        #expect(actions.sent == [])
        #expect(actions.closes == ["1 1000"])
        #expect(rig.connect() == 2)
    }

    @Test("[R4.1-7] [R5.5-1] the attempt grows with each connection, and is saved before it")
    func attemptIsSavedFirst() {
        let rig = ClientRig { $0.persistence = .durable }
        let started = rig.start()
        #expect(started.connects == [])
        guard case .identity(let identity)? = started.changes.last, let version = started.saves.last else { return #expect(Bool(false)) }
        #expect(identity.attempt == .first)
        #expect(rig.saved(version).connects == ["1 \(String.a)"])
        rig.failed(1)
        let again = rig.nextTimer()
        #expect(again.connects == [])
        guard case .identity(let next)? = again.changes.last, let nextVersion = again.saves.last else { return #expect(Bool(false)) }
        #expect(next.attempt == Attempt(2))
        #expect(rig.saved(nextVersion).connects == ["2 \(String.a)"])
    }

    @Test("[R5.5-1] a restarted process goes on with the saved instance and a higher attempt")
    func restarted() {
        let rig = ClientRig.attached()
        rig.messages(1...3)
        rig.handleAll()
        rig.send("unsent")
        let record = rig.session.record
        let next = ClientRig(record: record, seed: 9)
        let hello = next.hello()
        #expect(hello?.instance == record.identity.instance)
        #expect(hello?.attempt == Attempt(2))
        #expect(hello?.position == .test(handled: 3, last: 3))
        #expect(hello?.held == Generation(1))
        #expect(hello?.outbox == record.outbox.id)
    }

    @Test("[R4.1-5] [R4.1-6] [R4.1-10] HELLO tells what was handled, never what was merely taken")
    func handledNotTaken() {
        let rig = ClientRig.attached()
        rig.messages(1...9)
        rig.handle(0)
        rig.handle(1)
        rig.handle(5)
        rig.closed(1)
        #expect(rig.hello()?.position == .test(handled: 2, last: 2))
    }

    @Test("[R4.1-9] HELLO tells how far was taken, gaps included, and nothing when all of it is handled")
    func takenAboveHandled() throws {
        let rig = ClientRig.attached()
        rig.messages(1...9)
        rig.handle(0)
        rig.receive(.gap(.test(10, 12)))
        rig.closed(1)
        let hello = try #require(rig.hello())
        #expect(hello.position == .test(handled: 1, last: 1))
        #expect(hello.taken?.through == SequenceNumber(12))
        #expect(hello.taken?.newest == StoredMessage.test(9).time)
        rig.handleAll()
        rig.closed(2)
        #expect(rig.hello()?.taken == nil)
    }

    @Test("[R4.1-5] what was handled since the last save is saved before HELLO tells it, since HELLO acknowledges")
    func savedBeforeHello() {
        let rig = ClientRig { $0.persistence = .durable }
        if let version = rig.start().saves.last { rig.saved(version) }
        rig.opened(1)
        if let version = rig.receive(.welcome(.test())).saves.last { rig.saved(version) }
        rig.messages(1...3)
        rig.closed(1)
        if let version = rig.nextTimer().saves.last { #expect(rig.saved(version).connects.count == 1) }
        rig.handleAll()
        let opened = rig.opened(2)
        #expect(opened.sent == [])
        guard let version = opened.saves.last else { return #expect(Bool(false)) }
        #expect(rig.saved(version).hello?.position == .test(handled: 3, last: 3))
    }

    @Test("[R5.2-17] a position exists from the WELCOME on, without any message")
    func positionWithoutMessages() {
        let rig = ClientRig.attached(.test(generation: 4, .new, after: 7))
        rig.closed(1)
        let hello = rig.hello()
        #expect(hello?.position == .test(handled: 7, last: nil))
        #expect(hello?.held == Generation(4))
    }

    @Test("[R4.0-2] between HELLO and WELCOME only PING and PONG are sent")
    func silentBeforeWelcome() {
        let rig = ClientRig { $0.connectDeadline = .seconds(100) }
        rig.connect()
        rig.send(["one", "two"])
        let opened = rig.opened(1)
        #expect(opened.sent.count == 1)
        let later = rig.send("three") + rig.receive(.ping(4)) + rig.run(for: .seconds(25))
        #expect(later.sent == [.pong(4), .ping(1)])
    }

    @Test("[R4.0-1] [R4.6-1] a PING that comes before HELLO could be sent is answered behind it")
    func earlyPing() {
        let rig = ClientRig { $0.persistence = .durable }
        if let version = rig.start().saves.last { rig.saved(version) }
        #expect(rig.receive(.ping(8)) == [])
        #expect(rig.receive(.ping(9)) == [])
        let opened = rig.opened(1).sent
        #expect(opened.count == 2)
        #expect(opened.last == .pong(9))
    }

    @Test("no WELCOME within 15 s: the connection is given up, the next one tried with backoff")
    func connectDeadline() {
        let rig = ClientRig { $0.endpoints = [.a, .b] }
        let first = rig.start().connects
        #expect(rig.untilDeadline == .seconds(15))
        let actions = rig.nextTimer()
        #expect(actions.closes == ["1 1000"])
        guard case .offline(.timedOut, let wait)? = actions.states.last else { return #expect(Bool(false)) }
        #expect(wait <= .milliseconds(500))
        let second = rig.nextTimer().connects
        #expect(Set((first + second).map { $0.suffix(28) }).count == 2)
        rig.opened(2)
        rig.pass(.milliseconds(14_999))
        #expect(rig.fire().closes == [])
        rig.pass(.milliseconds(1))
        #expect(rig.fire().closes == ["2 1000"])
    }

    @Test("[R8-5] a deadline that fires late, because the process stood still, gives the connection 5 s more")
    func lateConnectDeadline() {
        let rig = ClientRig()
        rig.start()
        rig.opened(1)
        rig.pass(.seconds(18))
        let actions = rig.fire()
        #expect(actions.closes == [])
        #expect(actions.sent == [.ping(1)])
        #expect(rig.untilDeadline == .seconds(5))
        #expect(rig.receive(.welcome(.test())).states.count == 1)
    }

    @Test("a connection that gets nothing in those 5 s is given up")
    func lateConnectDeadlineIsFinal() {
        let rig = ClientRig()
        rig.start()
        rig.pass(.seconds(18))
        rig.fire()
        rig.pass(.seconds(5))
        #expect(rig.fire().closes == ["1 1000"])
    }

    @Test("[R8-5] those 5 s are given once, however late they end too")
    func lateConnectDeadlineIsNotRepeated() {
        let rig = ClientRig()
        rig.start()
        rig.pass(.seconds(18))
        rig.fire()
        rig.pass(.seconds(9))
        #expect(rig.fire().closes == ["1 1000"])
    }

    @Test("[R11.2-2] a failed handshake is tried again with backoff, at the next endpoint")
    func failedHandshake() {
        let rig = ClientRig { $0.endpoints = [.a, .b, .c] }
        var urls: [String] = rig.start().connects.map { String($0.dropFirst(2)) }
        for id in 1...5 as ClosedRange<UInt64> {
            rig.failed(id)
            urls += rig.nextTimer().connects.map { String($0.dropFirst(2)) }
        }
        #expect(Set(urls.prefix(3)) == [.a, .b, .c])
        #expect(urls.prefix(3) == urls.suffix(3))
    }

    @Test("[R11.2-5] a Retry-After of the handshake is heeded")
    func handshakeRetryAfter() {
        let rig = ClientRig()
        rig.start()
        guard case .offline(.lost, let wait)? = rig.failed(1, retryAfter: .seconds(7)).states.last else { return #expect(Bool(false)) }
        #expect(wait == .seconds(7))
    }

    @Test("what is reported of a connection that is closed, or was never opened, is ignored")
    func staleReports() {
        let rig = ClientRig.attached()
        let state = rig.session.state
        rig.closed(1)
        for id in [0, 1, 7] as [UInt64] {
            #expect(rig.opened(id) == [] && rig.failed(id) == [] && rig.closed(id, .takenOver) == [])
            #expect(rig.receive(.welcome(.test()), on: id) == [])
            #expect(rig.receive(.message(.test(1)), on: id) == [])
            #expect(rig.drive { $0.misread(ConnectionID(id), &$1) } == [])
            #expect(rig.drive { $0.signOfLife(ConnectionID(id), &$1) } == [])
        }
        #expect(state != rig.session.state)
    }

    @Test("an attempt that cannot be counted up starts a new instance")
    func exhaustedAttempts() {
        var luck = SeededLuck(77)
        var record = ClientRecord(client: .phone, using: &luck)
        record.identity.attempt = Attempt(Limits.maxInteger)
        let hello = ClientRig(record: record).hello()
        #expect(hello?.attempt == .first)
        #expect(hello?.instance != record.identity.instance)
    }

    @Test("starting twice opens one connection")
    func startTwice() {
        let rig = ClientRig()
        #expect(rig.start().connects.count == 1)
        #expect(rig.start() == [])
        rig.opened(1)
        rig.receive(.welcome(.test()))
        #expect(rig.start() == [])
    }

    @Test("[R3.1-6] the URL is handed to the shell as it was configured; the token travels in HELLO")
    func noSecretInURL() {
        let rig = ClientRig { $0.token = "secret" }
        #expect(rig.start().connects == ["1 \(String.a)"])
        #expect(rig.opened(1).hello?.token == "secret")
    }
}
