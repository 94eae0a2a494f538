import GaplessCore
import Testing

@Suite("Server session: displacement")
struct ServerSessionDisplacementTests {
    static let refusals: [(FenceRefusal, CloseCode)] = [
        (.gone, .queueRemoved),
        (.otherEpoch(Epoch(incarnation: Incarnation(rawValue: 7), queue: 2)), .fenceChanged),
        (.otherEpoch(Epoch(incarnation: Incarnation(rawValue: 8), queue: 1)), .fenceChanged),
        (.newer(Generation(4), instance: ServerRig.instance), .superseded),
        (.newer(Generation(4), instance: Named.instance("i2")), .takenOver),
        (.newer(Generation(4), instance: nil), .superseded),
    ]

    @Test(
        "a displaced connection gets the code of its loss, by signal or by a refused fence, and gives nothing back [R5.3-5, R5.3-6]",
        arguments: refusals
    )
    func codes(refusal: FenceRefusal, code: CloseCode) {
        let reading = ServerRig.attached(.test(head: 1))
        let acknowledging = ServerRig.attached(sent: 1)
        let leaving = ServerRig.at(.leaving)
        let outputs = [
            ServerRig.attached().notice(.displaced(refusal)),
            reading.loaded(.refused(refusal)),
            acknowledging.notice(.acknowledged(.test(1), .refused(refusal))),
            leaving.notice(.ended(.refused(refusal))),
            ServerRig.at(.leaving).notice(.displaced(refusal)),
        ]
        for output in outputs {
            #expect(output.closeCode == code)
            #expect(output.effects == [.displacedTest])
        }
    }

    @Test("once a fence was refused nothing more is judged, not even a fault [R5.3-7]")
    func nothingJudged() {
        let rig = ServerRig.attached(.test(head: 1))
        #expect(rig.loaded(.refused(.newer(Generation(4), instance: nil))).closeCode == .superseded)
        #expect(rig.receive(.ack(900), .msg(77), .hello(.test()), .bye) == .nothing)
        #expect(rig.misread(.malformed) == .nothing)
        #expect(rig.peerClosed().effects.isEmpty)
    }

    @Test("a connection that is closing or gone is not displaced any more")
    func afterTheEnd() {
        #expect(ServerRig.at(.closing).notice(.displaced(.gone)) == .nothing)
        #expect(ServerRig.at(.closed).notice(.displaced(.gone)) == .nothing)
        #expect(ServerRig.at(.closed).loaded(.refused(.gone)) == .nothing)
    }

    @Test("a doubt about the attachment asks the store, even with a full window and a full socket [R5.3-5]")
    func look() {
        let rig = ServerRig.attached(sent: 1, hello: .test(window: Window(messages: 1, bytes: 1)))
        _ = rig.writable(false)
        #expect(rig.notice(.look) == .does(.readTest(after: 1, messages: 0, bytes: 1)))
        #expect(rig.loaded(.refused(.newer(Generation(9), instance: Named.instance("i2")))).closeCode == .takenOver)
    }

    @Test(
        "an operator's removal is 4452 or the operator's code, when the store says that the queue is gone",
        arguments: [
            FenceRefusal.gone, .otherEpoch(ServerRig.epoch),
        ]
    )
    func removed(refusal: FenceRefusal) {
        let rig = ServerRig.attached()
        #expect(rig.notice(.removed(.removedByOperator)) == .does(.readTest(after: 0)))
        let output = rig.loaded(.refused(refusal))
        #expect(output.closeCode == .removedByOperator)
        #expect(output.effects == [.displacedTest])
    }

    @Test("a removal that is old news does not end the connection that came after it [R5.3-9]")
    func removedBefore() {
        let rig = ServerRig.attached(sent: 1)
        _ = rig.notice(.removed(.removedByOperator))
        #expect(rig.loaded(.slice(.test(through: 1))) == .nothing)
        #expect(rig.receive(.ping(1)) == .says(.pong(1)))
        // Nor does it give its code to an end that comes later for another reason.
        _ = rig.notice(.look)
        #expect(rig.loaded(.refused(.otherEpoch(ServerRig.epoch))).closeCode == .fenceChanged)
    }

    @Test("a queue that is found gone without an operator's word is 4201")
    func foundGone() {
        let rig = ServerRig.attached(.test(head: 1))
        #expect(rig.loaded(.refused(.gone)).closeCode == .queueRemoved)
    }
}

@Suite("Server session: BYE, ERROR and Close")
struct ServerSessionEndingTests {
    @Test("BYE removes the queue under the fence; 4502 comes after the commit [R10.3-1, R10.3-2]")
    func bye() {
        let rig = ServerRig.attached()
        #expect(rig.receive(.bye) == .does(.end(EndOperation(client: .phone, fence: ServerRig.fence))))
        let output = rig.notice(.ended(.ended))
        #expect(output.closeCode == .ended)
        #expect(output.effects == [.displacedTest])
    }

    @Test("after BYE nothing is sent and nothing read, whatever happens in the queue [R10.3-3]")
    func afterBye() {
        let rig = ServerRig.at(.leaving)
        #expect(rig.notice(.news, .look, .handled(through: .first), .removedLate, .gaveUp) == .nothing)
        #expect(rig.loaded(1...1) == .nothing)
        #expect(rig.writable(true) == .nothing)
        #expect(rig.authenticated() == .nothing)
    }

    @Test("a BYE that the store could not do is 4102, and the attachment is given back")
    func byeFailed() {
        let output = ServerRig.at(.leaving).notice(.storeFailed(.end))
        #expect(output.closeCode == .storeUnavailable)
        #expect(output.effects == [.detachTest])
    }

    @Test("a connection that is lost after BYE is detached as well: the removal may have failed [R3.7-7]")
    func lostAfterBye() {
        #expect(ServerRig.at(.leaving).peerClosed().effects == [.detachTest])
    }

    @Test("an operator may end a connection that leaves; a node may close it")
    func closedWhileLeaving() {
        #expect(ServerRig.at(.leaving).notice(.removed(.removedByOperator)).closeCode == .removedByOperator)
        #expect(ServerRig.at(.leaving).notice(.close(SessionEnding(.draining, "Stop."))).closeCode == .draining)
        let rig = ServerRig.at(.leaving)
        _ = rig.wait(.seconds(25))
        rig.bytesTaken()
        #expect(rig.wait(.seconds(5)).closeCode == .silent)
    }

    @Test("ERROR is the last frame, with the code of the Close, and the connection is dropped 5 s later [R3.7-1, R3.7-2, R3.7-3]")
    func errorThenClose() {
        let rig = ServerRig.attached()
        let output = rig.notice(.gaveUp)
        #expect(output.closeCode == .internalError)
        #expect(rig.nextDeadline() == .seconds(5))
        #expect(rig.receive(.ping(1), .ack(1)) == .nothing)
        #expect(rig.notice(.news, .handled(through: .first)) == .nothing)
        #expect(rig.wait(.milliseconds(4_999)) == .nothing)
        #expect(rig.wait(.milliseconds(1)).close == .drop)
        #expect(rig.nextDeadline() == nil)
        #expect(rig.isOver)
    }

    @Test("the peer's Close ends the wait [R3.7-3]")
    func peerCloses() {
        let rig = ServerRig.at(.closing)
        #expect(rig.peerClosed().close == .drop)
        #expect(rig.isOver)
        #expect(rig.peerClosed() == .nothing)
        #expect(rig.wait(.seconds(60)) == .nothing)
    }

    @Test("a connection that ends is detached exactly once, and its queue is never removed for it [R3.7-7]", arguments: [true, false])
    func detachesOnce(isFirst: Bool) {
        let rig = ServerRig.attached()
        let first = isFirst ? rig.peerClosed() : rig.notice(.close(SessionEnding(.rebalance, "Move.", jitter: .seconds(1))))
        #expect(first.effects == [.detachTest])
        #expect(rig.peerClosed().effects.isEmpty)
        #expect(rig.wait(.seconds(30)).effects.isEmpty)
    }

    @Test(
        "the node closes a connection in any open state",
        arguments: [
            ServerRig.Phase.awaitingHello, .admitting, .authenticating, .attaching, .attached, .leaving,
        ]
    )
    func closedByNode(phase: ServerRig.Phase) {
        let ending = SessionEnding(.storeUnavailable, "The store cannot be reached.")
        #expect(ServerRig.at(phase).notice(.close(ending)).closeCode == .storeUnavailable)
    }

    @Test(
        "notices that are not for it mean nothing to a connection that is not attached",
        arguments: [
            ServerRig.Phase.awaitingHello, .admitting, .authenticating, .attaching,
        ]
    )
    func noticesBeforeAttach(phase: ServerRig.Phase) {
        let rig = ServerRig.at(phase)
        let drain = DrainOrder(within: .seconds(1), jitter: .zero)
        #expect(rig.notice(.news, .look, .removedLate, .drain(drain), .handled(through: .first)) == .nothing)
    }

    @Test("a connection at its maximum age is closed with 4002 and jitter, whatever it does")
    func maxAge() {
        let rig = ServerRig.attached { configuration in
            configuration.maxAge = .seconds(15)
            configuration.maxAgeJitter = .seconds(3)
        }
        #expect(rig.wait(.seconds(14)) == .nothing)
        let output = rig.wait(.seconds(1))
        #expect(output.closeCode == .maxAge)
        #expect(output.error?.jitter == .seconds(3))
    }

    @Test("every code that a session can say by itself is one of the table, with its name [R11.1-1]")
    func codes() {
        let endings = ServerSessionDisplacementTests.refusals.map { SessionEnding(displacedBy: $0.0, instance: ServerRig.instance) }
        for ending in endings {
            #expect(CloseCode.named.contains { $0.code == ending.error.code && $0.name == ending.error.name })
        }
        for phase in ServerRig.Phase.allCases {
            for output in [ServerRig.at(phase).receive(.hello(.test())), ServerRig.at(phase).wait(.seconds(31))] {
                guard let error = output.error else { continue }
                #expect(CloseCode.named.contains { $0.code == error.code && $0.name == error.name })
            }
        }
    }

    @Test("every end by the server is observed, with its code")
    func observed() {
        let rig = ServerRig.at(.awaitingHello)
        _ = rig.receive(.bye)
        #expect(rig.observations == [.closed(client: nil, .outOfOrder, message: "HELLO comes first.", .greeting)])
    }

    @Test("a peer that goes after its HELLO is observed, with how far it got", arguments: [SessionSide.peer, .node])
    func lost(side: SessionSide) {
        for phase in ServerRig.Phase.allCases {
            let rig = ServerRig.at(phase)
            let before = rig.observations.count
            _ = rig.peerClosed(by: side)
            let lost: [SessionObservation] =
                switch phase {
                case .awaitingHello, .closing, .closed: []
                case .admitting, .authenticating: [.lost(client: nil, by: side, .greeting)]
                case .attaching: [.lost(client: .phone, by: side, .greeting)]
                case .attached, .leaving: [.lost(client: .phone, by: side, .attached)]
                }
            #expect(Array(rig.observations.dropFirst(before)) == lost, "\(phase)")
            #expect(rig.observations.allSatisfy { $0.move == nil }, "nobody was asked to move")
        }
    }
}

@Suite("Server session: drain")
struct ServerSessionDrainTests {
    private let order = DrainOrder(within: .seconds(15), endpoints: ["wss://b.example.com/gapless"], jitter: .seconds(5))

    @Test("DRAIN asks to move, and the connection goes on working in both directions [R10.1-8]")
    func goesOn() {
        let rig = ServerRig.attached(sent: 1)
        let drain = Drain(within: .seconds(15), endpoints: ["wss://b.example.com/gapless"])
        #expect(rig.notice(.drain(self.order)) == .says(.drain(drain)))
        #expect(rig.notice(.news).read != nil)
        #expect(rig.loaded(2...2) == .says(.msg(2)))
        #expect(rig.receive(.ack(2)) == .does(.acknowledgeTest(2)))
        #expect(rig.receive(.msg(1)) == .does(.deliverTest(1)))
        #expect(rig.notice(.handled(through: .first)) == .says(.ack(1)))
    }

    @Test(
        "who is still there when the time is over is closed with 4000, after a rebalance 4001, with jitter [R10.1-9]",
        arguments: [
            CloseCode.draining, .rebalance,
        ]
    )
    func timeIsOver(code: CloseCode) {
        let rig = ServerRig.attached()
        var order = self.order
        order.code = code
        _ = rig.notice(.drain(order))
        rig.bytesTaken()
        #expect(rig.wait(.milliseconds(14_999)) == .nothing)
        let output = rig.wait(.milliseconds(1))
        #expect(output.closeCode == code)
        #expect(output.error?.jitter == .seconds(5))
        #expect(output.effects == [.detachTest])
    }

    @Test("a second DRAIN replaces the first")
    func again() {
        let rig = ServerRig.attached()
        _ = rig.notice(.drain(self.order))
        rig.bytesTaken()
        _ = rig.wait(.seconds(10))
        _ = rig.notice(.drain(self.order))
        rig.bytesTaken()
        #expect(rig.wait(.seconds(8)).close == nil)
    }

    @Test("who moved is superseded [R5.3-5]")
    func moved() {
        let rig = ServerRig.attached()
        _ = rig.notice(.drain(self.order))
        #expect(rig.notice(.displaced(.newer(Generation(4), instance: ServerRig.instance))).closeCode == .superseded)
        #expect(rig.observations.last?.move == .moved)
    }

    @Test("what became of a move is told once, when the connection ends")
    func moves() {
        let endings: [(MoveOutcome, (ServerRig) -> ServerSessionOutput)] = [
            (.moved, { $0.notice(.displaced(.newer(Generation(4), instance: ServerRig.instance))) }),
            (.closed, { $0.notice(.displaced(.newer(Generation(4), instance: Named.instance("i2")))) }),
            (.closed, { $0.wait(.seconds(15)) }), (.closed, { $0.misread(.malformed) }), (.closed, { $0.peerClosed(by: .node) }),
            (.left, { $0.peerClosed() }),
            (
                .left,
                { rig in
                    _ = rig.receive(.bye)
                    return rig.notice(.ended(.ended))
                }
            ),
            (
                .left,
                { rig in
                    _ = rig.receive(.bye)
                    return rig.peerClosed()
                }
            ),
        ]
        for (number, (outcome, end)) in endings.enumerated() {
            let rig = ServerRig.attached()
            _ = rig.notice(.drain(self.order))
            rig.bytesTaken()
            #expect(rig.observations.allSatisfy { $0.move == nil })
            _ = end(rig)
            _ = rig.peerClosed()
            #expect(rig.observations.compactMap(\.move) == [outcome], "ending \(number)")
        }
        let staying = ServerRig.attached()
        _ = staying.notice(.displaced(.newer(Generation(4), instance: ServerRig.instance)))
        #expect(staying.observations.last?.move == nil, "who was not asked to move has not moved")
    }
}

extension SessionNotice {
    /// A message for an attachment that is no more.
    static let removedLate = SessionNotice.committed(CommittedMessage(message: .test(9), fence: ServerRig.fence))
}
