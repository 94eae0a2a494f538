import GaplessCore
import Testing

@Suite("The server's state table of Protocol.md §12.1, row by row")
struct DocumentServerStateTests {
    @Test("each row has its check, in the order of the document, and each check its row")
    func complete() {
        #expect(Self.rows.map(\.testDescription) == DocumentStateRow.documented("12.1"))
    }

    @Test("the session does what the row says", arguments: rows)
    func row(_ row: DocumentStateRow) {
        row.check()
    }

    private static let attaching: [ServerRig.Phase] = [.admitting, .authenticating, .attaching]
    private static let beforeClosing: [ServerRig.Phase] = [.awaitingHello, .admitting, .authenticating, .attaching, .attached]

    private static let rows: [DocumentStateRow] = Self.untilAttached + Self.whileAttached + Self.untilClosed

    private static let untilAttached: [DocumentStateRow] = [
        DocumentStateRow("opened", "`HELLO`") {
            let rig = ServerRig()
            #expect(rig.receive(.hello(.test())) == .does(.admit))
            #expect(rig.admitted() == .does(.authenticate(.test())))
        },
        DocumentStateRow("opened", "another frame") {
            for frame in [ClientFrame.msg(1), .ack(1), .ping(1), .pong(1), .authenticate(token: "t"), .bye] {
                #expect(ServerRig().receive(frame).closeCode == .outOfOrder)
            }
        },
        DocumentStateRow("opened", "hello deadline") {
            let rig = ServerRig()
            #expect(rig.wait(.milliseconds(9_999)) == .nothing)
            #expect(rig.wait(.milliseconds(1)).closeCode == .helloTimeout)
        },
        DocumentStateRow("attaching", "authentication or attach refused") {
            let refusal = SessionEnding(.tokenRefused, "No.")
            #expect(ServerRig.at(.admitting).admitted(.refused(SessionEnding(.overloaded, "Full."))).closeCode == .overloaded)
            #expect(ServerRig.at(.authenticating).authenticated(.refused(refusal)).closeCode == .tokenRefused)
            #expect(ServerRig.at(.attaching).notice(.attached(.late)).closeCode == .superseded)
            #expect(ServerRig.at(.attaching).notice(.attached(.rival)).closeCode == .takenOver)
            #expect(ServerRig.at(.attaching).notice(.attached(.tooManyClients)).closeCode == .tooManyClients)
        },
        DocumentStateRow("attaching", "attached") {
            let rig = ServerRig.at(.attaching)
            let output = rig.notice(.attached(.attached(.test(.partial, after: 4, head: 9))))
            guard case .welcome(let welcome)? = output.frames.first else { return #expect(Bool(false), "no WELCOME") }
            #expect(output.frames.count == 1 && welcome.resume == .partial && welcome.after == SequenceNumber(4))
            #expect(output.effects == [.readTest(after: 4)])
            let slice = QueueSlice.test([.test(7), .test(8), .test(9)], through: 9, floor: 4)
            #expect(rig.loaded(.slice(slice)) == .says(.gap(.test(5, 6)), .msg(7), .msg(8), .msg(9)))
            let small = ServerRig.attached(.test(head: 4), hello: .test(window: Window(messages: 2, bytes: 65_536)))
            #expect(small.loaded(1...4, head: 4).numbers == [1, 2])
        },
        DocumentStateRow("attaching", "`PING`, `PONG`") {
            for phase in Self.attaching {
                let rig = ServerRig.at(phase)
                #expect(rig.receive(.ping(7)) == .says(.pong(7)), "\(phase)")
                #expect(rig.receive(.pong(7)) == .nothing, "\(phase)")
            }
            let rig = ServerRig.at(.admitting)
            _ = rig.wait(.seconds(29))
            rig.bytesTaken()
            _ = rig.receive(.pong(7))
            #expect(rig.wait(.seconds(29)).close == nil, "a sign of life")
        },
        DocumentStateRow("attaching", "another frame") {
            for phase in Self.attaching {
                for frame in [ClientFrame.hello(.test()), .msg(1), .ack(1), .authenticate(token: "t"), .bye] {
                    #expect(ServerRig.at(phase).receive(frame).closeCode == .outOfOrder, "\(frame) while \(phase)")
                }
            }
        },
        DocumentStateRow("attaching", "connection lost") {
            let rig = ServerRig.at(.attaching)
            #expect(rig.peerClosed().effects.isEmpty && !rig.isOver)
            #expect(rig.notice(.attached(.attached(.test()))) == .does(.detachTest))
            #expect(rig.isOver)
            let refused = ServerRig.at(.attaching)
            _ = refused.peerClosed()
            #expect(refused.notice(.attached(.late)) == .nothing && refused.isOver)
        },
    ]

    private static let whileAttached: [DocumentStateRow] = [
        DocumentStateRow("attached", "news in the store, or the window opens") {
            let rig = ServerRig.attached()
            #expect(rig.notice(.news) == .does(.readTest(after: 0)))
            #expect(rig.loaded(1...2) == .says(.msg(1), .msg(2)))
            let full = ServerRig.attached(sent: 2, head: 4, hello: .test(window: Window(messages: 2, bytes: 65_536)))
            #expect(full.receive(.ack(1)).read?.after == SequenceNumber(2))
            #expect(full.loaded(3...3, head: 4) == .says(.msg(3)))
        },
        DocumentStateRow("attached", "`ACK` within the head") {
            #expect(ServerRig.attached(sent: 3).receive(.ack(2)) == .does(.acknowledgeTest(2)))
            let ahead = ServerRig.attached(.test(head: 4))
            #expect(ahead.receive(.ack(3)) == .does(.acknowledgeTest(3)))
            #expect(ahead.loaded(1...4) == .says(.msg(4)), "the cursor moved over what was handled before")
        },
        DocumentStateRow("attached", "`ACK` above the head") {
            for (number, code) in [(3, CloseCode.fenceChanged), (4, .ackBeyondHead)] as [(UInt64, CloseCode)] {
                let rig = ServerRig.attached(sent: 3)
                #expect(rig.receive(.ack(number)) == .does(.acknowledgeTest(number)))
                #expect(rig.notice(.acknowledged(.test(number), .beyondHead(SequenceNumber(2)))).closeCode == code)
            }
        },
        DocumentStateRow("attached", "`MSG` at or below the mark") {
            for number in 1...2 as ClosedRange<UInt64> {
                #expect(ServerRig.attached(.test(mark: 2)).receive(.msg(number)) == .says(.ack(2)))
            }
        },
        DocumentStateRow("attached", "`MSG`, the next") {
            #expect(ServerRig.attached(.test(mark: 2)).receive(.msg(3, "x")) == .does(.deliverTest(3, "x")))
        },
        DocumentStateRow("attached", "`MSG`, another, or over the window") {
            #expect(ServerRig.attached(.test(mark: 2)).receive(.msg(4)).closeCode == .outOfOrder)
            #expect(ServerRig.attached(.test(mark: 2)).receive(.msg(3), .msg(3)).closeCode == .outOfOrder)
            #expect(ServerRig.attached(.test(mark: 2)).receive(.msg(3), .msg(5)).closeCode == .outOfOrder)
            let rig = ServerRig.attached { $0.uplinkWindow = Window(messages: 2, bytes: 100) }
            #expect(rig.receive(.msg(1), .msg(2)) == .does(.deliverTest(1), .deliverTest(2)))
            #expect(rig.receive(.msg(3)).closeCode == .outOfOrder)
        },
        DocumentStateRow("attached", "`MSG`, and the server holds as much uplink as it can") {
            let node = NodeRig.started { $0.maxUplinkBytes = 1 }
            let address = node.attached()
            _ = node.deliver(.test(1, "1"))
            guard case .close(let ending)? = node.deliver(.test(2, "2")).notices(to: address).first else {
                return #expect(Bool(false), "it is taken")
            }
            #expect(ServerRig.attached().notice(.close(ending)).closeCode == .overloaded)
        },
        DocumentStateRow("attached", "a handler and its mark are committed") {
            let rig = ServerRig.attached()
            _ = rig.receive(.msg(1), .msg(2))
            #expect(rig.notice(.handled(through: .first)) == .says(.ack(1)))
            var lane = UplinkLane(client: .phone, policy: HandlerPolicy())
            var actions: [UplinkLane.Action] = []
            lane.deliver(.test(1), into: &actions)
            lane.deliver(.test(2), into: &actions)
            lane.returned(sends: [], into: &actions)
            #expect(actions.count == 2, "one handler at a time")
            actions = []
            lane.committed(.advanced(sends: []), now: rig.now, into: &actions)
            #expect(actions.first == .handled(ServerRig.fence, through: .first))
            guard case .run(let run)? = actions.last else { return #expect(Bool(false), "the next message waits") }
            #expect(run.delivery == .test(2))
        },
        DocumentStateRow("attached", "`PING`") {
            #expect(ServerRig.at(.attached).receive(.ping(5)) == .says(.pong(5)))
        },
        DocumentStateRow("attached", "the authentication ends") {
            #expect(Self.expiring().wait(.seconds(12)) == .says(.authenticate(within: .seconds(25))))
        },
        DocumentStateRow("attached", "`AUTH`") {
            for code in [CloseCode.tokenExpired, .tokenRefused, .forbidden, .wrongUser] {
                let rig = ServerRig.attached()
                #expect(rig.receive(.authenticate(token: "t")) == .does(.authenticateAgain(client: .phone, token: "t")))
                #expect(rig.authenticated(.refused(SessionEnding(code, "No."))).closeCode == code)
            }
            let rig = ServerRig.attached()
            _ = rig.receive(.authenticate(token: "t"))
            #expect(rig.authenticated() == .says(.authenticated))
            #expect(rig.receive(.ping(1)) == .says(.pong(1)), "it goes on")
        },
        DocumentStateRow("attached", "the time of `AUTH` is over") {
            let rig = Self.expiring()
            _ = rig.wait(.seconds(12))
            rig.bytesTaken()
            rig.signOfLife()
            _ = rig.wait(.milliseconds(24_999))
            rig.bytesTaken()
            #expect(rig.wait(.milliseconds(1)).closeCode == .authenticateAgain)
        },
        DocumentStateRow("attached", "the node drains") {
            let rig = ServerRig.attached()
            let order = DrainOrder(within: .seconds(15), jitter: .seconds(5))
            #expect(rig.notice(.drain(order)) == .says(.drain(Drain(within: .seconds(15)))))
            rig.bytesTaken()
            #expect(rig.wait(.milliseconds(14_999)) == .nothing)
            #expect(rig.wait(.milliseconds(1)).closeCode == .draining)
        },
        DocumentStateRow("attached", "`BYE`") {
            let rig = ServerRig.attached()
            #expect(rig.receive(.bye) == .does(.end(EndOperation(client: .phone, fence: ServerRig.fence))))
            #expect(rig.notice(.ended(.ended)).closeCode == .ended)
        },
        DocumentStateRow("attached", "displaced (signal or refused fence)") {
            let other = FenceRefusal.otherEpoch(Epoch(incarnation: Incarnation(rawValue: 7), queue: 2))
            let own = FenceRefusal.newer(Generation(4), instance: ServerRig.instance)
            let rival = FenceRefusal.newer(Generation(4), instance: Named.instance("i2"))
            for (refusal, code) in [(.gone, .queueRemoved), (other, .fenceChanged), (own, .superseded), (rival, .takenOver)]
                as [(FenceRefusal, CloseCode)]
            {
                let signalled = ServerRig.attached().notice(.displaced(refusal))
                #expect(signalled.closeCode == code && signalled.effects == [.displacedTest], "\(refusal)")
                let reading = ServerRig.attached()
                _ = reading.notice(.look)
                #expect(reading.loaded(.refused(refusal)).closeCode == code, "\(refusal)")
                let acknowledging = ServerRig.attached(sent: 1)
                _ = acknowledging.receive(.ack(1))
                #expect(acknowledging.notice(.acknowledged(.test(1), .refused(refusal))).closeCode == code, "\(refusal)")
            }
        },
        DocumentStateRow("attached", "`HELLO`") {
            #expect(ServerRig.at(.attached).receive(.hello(.test())).closeCode == .outOfOrder)
        },
        DocumentStateRow("attached", "nothing sent for `heartbeat`") {
            let rig = ServerRig.at(.attached)
            _ = rig.wait(.milliseconds(19_999))
            #expect(rig.wait(.milliseconds(1)) == .says(.ping(1)))
        },
    ]

    private static let untilClosed: [DocumentStateRow] = [
        DocumentStateRow("any before closing", "nothing received for `silence`") {
            for rig in [ServerRig { $0.helloDeadline = .seconds(100) }, .at(.admitting), .at(.attached)] {
                _ = rig.wait(.milliseconds(29_999))
                rig.bytesTaken()
                #expect(rig.wait(.milliseconds(1)).closeCode == .silent)
            }
        },
        DocumentStateRow("any before closing", "malformed, too large, not UTF-8") {
            for phase in Self.beforeClosing {
                for code in [CloseCode.malformed, .tooLarge, .notUTF8] {
                    #expect(ServerRig.at(phase).misread(code).closeCode == code, "\(phase)")
                }
            }
        },
        DocumentStateRow("attached", "connection lost or closed by the client") {
            let rig = ServerRig.attached()
            _ = rig.receive(.msg(1))
            // A handler is cancelled by a displacement alone, and none is told of.
            #expect(rig.peerClosed().effects == [.detachTest])
            #expect(rig.isOver)
        },
        DocumentStateRow("closing", "any frame") {
            let frames = [ClientFrame.hello(.test()), .msg(1), .ack(1), .ping(1), .pong(1), .authenticate(token: "t"), .bye]
            for frame in frames { #expect(ServerRig.at(.closing).receive(frame) == .nothing) }
            #expect(ServerRig.at(.closing).misread(.malformed) == .nothing)
        },
        DocumentStateRow("closing", "the client's Close, or 5 s") {
            let closed = ServerRig.at(.closing)
            #expect(closed.peerClosed().close == .drop && closed.isOver)
            let left = ServerRig.at(.closing)
            #expect(left.wait(.milliseconds(4_999)) == .nothing && !left.isOver)
            #expect(left.wait(.milliseconds(1)).close == .drop && left.isOver)
        },
    ]

    /// Attached by a proof that ends in 12 s.
    private static func expiring() -> ServerRig {
        let identity = Identity(user: ClientID.phone.user, expires: Timestamp(milliseconds: 1_767_225_600_000) + .seconds(12))
        return .attached(outcome: .proved(identity))
    }
}
