import GaplessCore
import Testing

@Suite("Server session: from HELLO to WELCOME")
struct ServerSessionGreetingTests {
    @Test("a HELLO is admitted, authenticated and attached, in this order [R4.0-5, R9.1-1]")
    func order() {
        let rig = ServerRig()
        let hello = Hello.test()
        #expect(rig.receive(.hello(hello)) == .does(.admit))
        #expect(rig.admitted() == .does(.authenticate(hello)))
        let attach = AttachOperation(
            client: .phone,
            node: ServerRig.node,
            instance: ServerRig.instance,
            attempt: Attempt(2),
            outbox: ServerRig.outbox
        )
        #expect(rig.authenticated() == .does(.attach(attach)))
        let welcome = rig.notice(.attached(.attached(.test(after: 4, head: 4, mark: 9))))
        #expect(
            welcome
                == .says(
                    .welcome(
                        Welcome(
                            client: .phone,
                            epoch: ServerRig.epoch.token,
                            generation: Generation(3),
                            resume: .resumed,
                            after: SequenceNumber(4),
                            head: SequenceNumber(4),
                            mark: SequenceNumber(9),
                            node: "a"
                        )
                    )
                )
        )
    }

    @Test("everything that a HELLO says of its position goes into the attach [R9.1-1]")
    func attachOperation() {
        var hello = Hello.test()
        hello.position = .test(handled: 7, last: 6)
        hello.held = Generation(2)
        hello.force = true
        hello.keep = .seconds(5)
        let rig = ServerRig()
        _ = rig.receive(.hello(hello))
        _ = rig.admitted()
        guard case .attach(let operation) = rig.authenticated().effects.first else {
            Issue.record("no attach")
            return
        }
        #expect(operation.position == hello.position)
        #expect(operation.held == Generation(2))
        #expect(operation.force)
        #expect(operation.keep == .seconds(5))
    }

    @Test("WELCOME tells the bounds and intervals in force, and no feature [R4.2-1, R4.11-1, R4.11-2]")
    func welcomeTellsAll() throws {
        let rig = ServerRig.attachedLate { configuration in
            configuration.heartbeat = .seconds(7)
            configuration.silence = .seconds(11)
            configuration.uplinkWindow = Window(messages: 3, bytes: 33)
            configuration.endpoints = ["wss://a.example.com/gapless"]
            configuration.limits = WireLimits(message: 77)
        }
        var attachment = GaplessCore.Attachment.test(.reset(.rollback), after: 37, head: 40)
        attachment.retention.maxMessages = 5
        let output = rig.notice(.attached(.attached(attachment)))
        guard case .welcome(let welcome) = try #require(output.frames.first) else { return #expect(Bool(false)) }
        #expect(welcome.resume == .reset(.rollback))
        #expect(welcome.heartbeat == .seconds(7) && welcome.silence == .seconds(11))
        #expect(welcome.uplinkWindow == Window(messages: 3, bytes: 33))
        #expect(welcome.endpoints == ["wss://a.example.com/gapless"])
        #expect(welcome.limits.message == 77)
        #expect(welcome.retention.maxMessages == 5)
        #expect(welcome.features.isEmpty)
    }

    @Test("features that a HELLO names and nobody knows are not on [R4.11-1, R4.11-2]", arguments: [["x"], ["presence", "x-1"]])
    func unknownFeatures(features: [String]) throws {
        let rig = ServerRig()
        _ = rig.receive(.hello(.test(features: features)))
        _ = rig.admitted()
        _ = rig.authenticated()
        let output = rig.notice(.attached(.attached(.test())))
        guard case .welcome(let welcome) = try #require(output.frames.first) else { return #expect(Bool(false)) }
        #expect(welcome.features.isEmpty)
    }

    @Test(
        "the downlink window is the smaller of the server's and the wish, in each dimension [R4.2-2]",
        arguments: [
            (Window(messages: 2, bytes: 65_536), Window(messages: 2, bytes: 65_536)),
            (Window(messages: 10_000, bytes: 1), Window(messages: 256, bytes: 1)),
            (Window(messages: 1, bytes: 1 << 40), Window(messages: 1, bytes: 1_048_576)),
        ]
    )
    func window(wish: Window, granted: Window) throws {
        let rig = ServerRig()
        _ = rig.receive(.hello(.test(window: wish)))
        _ = rig.admitted()
        _ = rig.authenticated()
        let output = rig.notice(.attached(.attached(.test())))
        guard case .welcome(let welcome) = try #require(output.frames.first) else { return #expect(Bool(false)) }
        #expect(welcome.downlinkWindow == granted)
    }

    @Test("what follows the position is asked for right after WELCOME")
    func readsAtOnce() {
        let rig = ServerRig.at(.attaching)
        let output = rig.notice(.attached(.attached(.test(after: 2, head: 4))))
        #expect(output.effects == [.readTest(after: 2)])
        let idle = ServerRig.at(.attaching)
        #expect(idle.notice(.attached(.attached(.test(after: 4, head: 4)))).effects.isEmpty)
    }

    @Test("no HELLO within its deadline is 4106 [R5.1-1]")
    func helloDeadline() {
        let rig = ServerRig()
        #expect(rig.nextDeadline() == .seconds(10))
        #expect(rig.wait(.milliseconds(9_999)) == .nothing)
        #expect(rig.wait(.milliseconds(1)).closeCode == .helloTimeout)
    }

    @Test("the hello deadline does not count once HELLO came")
    func helloInTime() {
        let rig = ServerRig()
        _ = rig.wait(.seconds(9))
        _ = rig.receive(.hello(.test()))
        _ = rig.admitted()
        rig.bytesTaken()
        #expect(rig.wait(.seconds(2)) == .nothing)
    }

    @Test("a node that takes no clients says why, and nobody is asked anything [R5.1-2, R5.1-3, R5.1-4]")
    func refusedByNode() {
        let rig = ServerRig.at(.admitting)
        let ending = SessionEnding(.overloaded, "This node is draining.", retryAfter: .seconds(2), jitter: .seconds(3))
        let output = rig.admitted(.refused(ending))
        #expect(output.frames == [.error(ending.error)])
        #expect(output.close == .handshake(.overloaded))
        #expect(output.effects.isEmpty)
    }

    @Test(
        "each refusal of the store has its code, and nothing is left to give back [R5.1-2, R5.1-5, R5.3-2, R5.3-3]",
        arguments: [
            (AttachReceipt.late, CloseCode.superseded),
            (.rival, .takenOver),
            (.tooManyClients, .tooManyClients),
            (.tooManyQueues, .overloaded),
            (.tooManyNewQueues, .rateLimited),
            (.sentAway(.forbidden), .forbidden),
        ]
    )
    func refusedByStore(receipt: AttachReceipt, code: CloseCode) {
        let rig = ServerRig.at(.attaching)
        let output = rig.notice(.attached(receipt))
        #expect(output.closeCode == code)
        #expect(output.effects.isEmpty)
        #expect(rig.peerClosed().effects.isEmpty)
        #expect(rig.isOver)
    }

    @Test("a refusal that passes says when to come again [R5.1-5]", arguments: [AttachReceipt.tooManyQueues, .tooManyNewQueues])
    func comeAgain(receipt: AttachReceipt) {
        guard case .error(let error)? = ServerRig.at(.attaching).notice(.attached(receipt)).frames.last else {
            return #expect(Bool(false))
        }
        #expect(error.retryAfter == .seconds(2) && error.jitter == .seconds(3))
    }

    @Test("a store that cannot be reached is 4102 [R5.1-4]")
    func storeFailed() {
        #expect(ServerRig.at(.attaching).notice(.storeFailed(.attach)).closeCode == .storeUnavailable)
    }

    @Test(
        "a store that takes too long is 4102, an authenticator 4100, though the client pings",
        arguments: [
            (ServerRig.Phase.attaching, CloseCode.storeUnavailable),
            (.authenticating, .overloaded),
        ]
    )
    func takesTooLong(phase: ServerRig.Phase, code: CloseCode) {
        let rig = ServerRig.at(phase)
        _ = rig.wait(.seconds(15))
        _ = rig.receive(.ping(1))
        rig.bytesTaken()
        #expect(rig.wait(.seconds(4)) == .nothing)
        #expect(rig.wait(.seconds(1)).closeCode == code)
    }

    @Test(
        "before WELCOME a PING is answered and a PONG noted [R4.0-4, R4.6-1, R4.6-2]",
        arguments: [
            ServerRig.Phase.admitting, .authenticating, .attaching,
        ]
    )
    func pingBeforeWelcome(phase: ServerRig.Phase) {
        let rig = ServerRig.at(phase)
        #expect(rig.receive(.ping(17)) == .says(.pong(17)))
        #expect(rig.receive(.pong(3)) == .nothing)
    }

    @Test("a connection lost while the store attaches it is detached when the attach is committed all the same", arguments: [true, false])
    func lateAttachment(isClosing: Bool) {
        let rig = ServerRig.at(.attaching)
        let lost = isClosing ? rig.misread(.malformed) : rig.peerClosed()
        #expect(lost.effects.isEmpty)
        #expect(!rig.isOver)
        #expect(rig.notice(.attached(.attached(.test()))) == .does(.detachTest))
        _ = rig.peerClosed()
        #expect(rig.isOver)
        #expect(rig.notice(.news) == .nothing)
    }

    @Test(
        "a connection lost while the store attaches it is over when the attach is refused or fails",
        arguments: [
            SessionNotice.attached(.late), .storeFailed(.attach),
        ]
    )
    func lateRefusal(notice: SessionNotice) {
        let rig = ServerRig.at(.attaching)
        _ = rig.peerClosed()
        #expect(!rig.isOver)
        #expect(rig.notice(notice) == .nothing)
        #expect(rig.isOver)
    }

    @Test("answers for a connection that is gone mean nothing")
    func answersAfterTheEnd() {
        let admitting = ServerRig.at(.admitting)
        _ = admitting.peerClosed()
        #expect(admitting.admitted() == .nothing)
        let authenticating = ServerRig.at(.authenticating)
        _ = authenticating.misread(.malformed)
        #expect(authenticating.authenticated() == .nothing)
    }

    @Test("hooks and logs hear of the attachment, with its outcome")
    func observed() {
        let rig = ServerRig.at(.attaching)
        let attachment = GaplessCore.Attachment.test(.reset(.rollback))
        _ = rig.notice(.attached(.attached(attachment)))
        #expect(rig.observations == [.attached(client: .phone, attachment)])
        #expect(rig.client == .phone)
    }
}

extension ServerRig {
    /// A session that waits for the store.
    static func attachedLate(_ configure: (inout ServerSessionConfiguration) -> Void) -> ServerRig {
        let rig = ServerRig(configure)
        _ = rig.receive(.hello(.test()))
        _ = rig.admitted()
        _ = rig.authenticated()
        return rig
    }
}
