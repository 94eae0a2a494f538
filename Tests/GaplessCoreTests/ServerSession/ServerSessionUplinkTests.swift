import GaplessCore
import Testing

@Suite("Uplink receiver: numbers and window")
struct UplinkReceiverTests {
    private func receiver(mark: UInt64 = 0, messages: UInt64 = 4, bytes: UInt64 = 100) -> UplinkReceiver {
        UplinkReceiver(outbox: ServerRig.outbox, mark: SequenceNumber(mark), window: Window(messages: messages, bytes: bytes))
    }

    private func receive(_ receiver: inout UplinkReceiver, _ number: UInt64, bytes: Int = 1) -> UplinkReceiver.Verdict {
        receiver.receive(SequenceNumber(number), bytes: bytes)
    }

    @Test(
        "the first number is at most mark + 1 [R7.1-5, R7.2-5]",
        arguments: [
            (UInt64(1), true), (4, true), (5, true), (6, true), (7, false), (9_007_199_254_740_991, false),
        ]
    )
    func first(number: UInt64, isTaken: Bool) {
        var receiver = self.receiver(mark: 5)
        let verdict = self.receive(&receiver, number)
        if isTaken {
            #expect(verdict == (number == 6 ? .deliver(ServerRig.outbox) : .acknowledge(through: SequenceNumber(5))))
        } else {
            #expect(verdict == .outOfOrder("MSG \(number) is above the mark, 5, plus 1."))
        }
    }

    @Test(
        "each following number is the one before plus 1, also below the mark [R7.1-6, R7.2-5]",
        arguments: [
            (UInt64(3), [UInt64(4)], true), (3, [3], false), (3, [5], false), (3, [2], false), (3, [4, 5, 6], true), (1, [1], false),
        ]
    )
    func following(first: UInt64, then numbers: [UInt64], isTaken: Bool) {
        var receiver = self.receiver(mark: 4)
        _ = self.receive(&receiver, first)
        var verdicts: [UplinkReceiver.Verdict] = []
        for number in numbers { verdicts.append(self.receive(&receiver, number)) }
        let isOutOfOrder = verdicts.contains { if case .outOfOrder = $0 { true } else { false } }
        #expect(isOutOfOrder == !isTaken)
    }

    @Test("at or below the mark is acknowledged through the mark and not handed over [R7.2-2]")
    func duplicate() {
        var receiver = self.receiver(mark: 3)
        #expect(self.receive(&receiver, 2) == .acknowledge(through: SequenceNumber(3)))
        #expect(self.receive(&receiver, 3) == .acknowledge(through: SequenceNumber(3)))
        #expect(self.receive(&receiver, 4) == .deliver(ServerRig.outbox))
        #expect(receiver.messagesInFlight == 1)
    }

    @Test("without an outbox every message is out of order [R7.2-5]")
    func noOutbox() {
        var receiver = UplinkReceiver(outbox: nil, mark: .zero, window: .defaultUplink)
        #expect(self.receive(&receiver, 1) == .outOfOrder("HELLO named no outbox."))
    }

    @Test("more messages in flight than the window is over [R7.3-2]")
    func overMessages() {
        var receiver = self.receiver(messages: 2)
        #expect(self.receive(&receiver, 1) == .deliver(ServerRig.outbox))
        #expect(self.receive(&receiver, 2) == .deliver(ServerRig.outbox))
        #expect(self.receive(&receiver, 3) == .overWindow)
    }

    @Test("a mark makes room [R7.3-2]")
    func room() {
        var receiver = self.receiver(messages: 1)
        #expect(self.receive(&receiver, 1) == .deliver(ServerRig.outbox))
        let isNews = receiver.handled(through: .first)
        #expect(isNews)
        #expect(self.receive(&receiver, 2) == .deliver(ServerRig.outbox))
    }

    @Test("more bytes in flight than the window is over; one message may always be in flight [R7.3-2]")
    func overBytes() {
        var receiver = self.receiver(bytes: 10)
        #expect(self.receive(&receiver, 1, bytes: 500) == .deliver(ServerRig.outbox))
        #expect(self.receive(&receiver, 2, bytes: 0) == .overWindow)
        var other = self.receiver(bytes: 10)
        #expect(self.receive(&other, 1, bytes: 6) == .deliver(ServerRig.outbox))
        #expect(self.receive(&other, 2, bytes: 4) == .deliver(ServerRig.outbox))
        #expect(self.receive(&other, 3, bytes: 1) == .overWindow)
    }

    @Test("a mark that is not above the last one is no news")
    func oldMark() {
        var receiver = self.receiver(mark: 3)
        let isNews = receiver.handled(through: SequenceNumber(3))
        #expect(!isNews)
    }

    @Test("a mark that moved before the message came again makes it a duplicate [R7.2-2, R7.2-8]")
    func takenOver() {
        var receiver = self.receiver(mark: 3)
        _ = receiver.handled(through: SequenceNumber(4))
        #expect(self.receive(&receiver, 4) == .acknowledge(through: SequenceNumber(4)))
        #expect(self.receive(&receiver, 5) == .deliver(ServerRig.outbox))
    }
}

@Suite("Server session: uplink")
struct ServerSessionUplinkTests {
    @Test("a message goes to its lane under the connection's fence, and is acknowledged when its mark is committed [R7.2-3]")
    func deliver() {
        let rig = ServerRig.attached(.test(mark: 6))
        #expect(rig.receive(.msg(7, "pizza")) == .does(.deliverTest(7, "pizza")))
        #expect(rig.notice(.handled(through: SequenceNumber(7))) == .says(.ack(7)))
        #expect(rig.notice(.handled(through: SequenceNumber(7))) == .nothing)
    }

    @Test("transcript 15.10: what was handled before is acknowledged and not handed over [R7.2-2]")
    func duplicate() {
        let rig = ServerRig.attached(.test(mark: 1))
        #expect(rig.receive(.msg(1)) == .says(.ack(1)))
        #expect(rig.receive(.msg(2)) == .does(.deliverTest(2)))
    }

    @Test("acknowledgements of one batch are joined")
    func joined() {
        let rig = ServerRig.attached(.test(mark: 5))
        #expect(rig.receive(.msg(3), .msg(4), .msg(5)) == .says(.ack(5)))
        _ = rig.receive(.msg(6), .msg(7))
        #expect(rig.notice(.handled(through: SequenceNumber(6)), .handled(through: SequenceNumber(7))) == .says(.ack(7)))
    }

    @Test("a message out of order, without an outbox or over the window is 4401 [R7.2-5, R7.3-2]")
    func outOfOrder() {
        #expect(ServerRig.attached(.test(mark: 1)).receive(.msg(3)).closeCode == .outOfOrder)
        #expect(ServerRig.attached(hello: .test(outbox: nil)).receive(.msg(1)).closeCode == .outOfOrder)
        let rig = ServerRig.attached { $0.uplinkWindow = Window(messages: 1, bytes: 9) }
        #expect(rig.receive(.msg(1), .msg(2)).closeCode == .outOfOrder)
    }

    @Test("while a handler runs, ACK, PING, PONG and AUTH are handled [R7.2-9, R4.6-1]")
    func whileHandling() {
        let rig = ServerRig.attached(sent: 1)
        _ = rig.receive(.msg(1))
        #expect(rig.receive(.ack(1)) == .does(.acknowledgeTest(1)))
        #expect(rig.receive(.ping(5)) == .says(.pong(5)))
        #expect(rig.receive(.pong(5)) == .nothing)
        #expect(rig.receive(.authenticate(token: "t")) == .does(.authenticateAgain(client: .phone, token: "t")))
    }

    @Test("a handler that gave up closes with 4103, when the service says so")
    func gaveUp() {
        let rig = ServerRig.attached()
        _ = rig.receive(.msg(1))
        let output = rig.notice(.gaveUp)
        #expect(output.closeCode == .internalError)
        #expect(output.effects == [.detachTest])
    }

    @Test("the loss of a connection asks for no cancellation [R7.2-8]")
    func lost() {
        let rig = ServerRig.attached()
        _ = rig.receive(.msg(1))
        #expect(rig.peerClosed().effects == [.detachTest])
    }

    @Test("while the socket is full one acknowledgement waits, the newest")
    func waitsForRoom() {
        let rig = ServerRig.attached()
        _ = rig.receive(.msg(1), .msg(2))
        _ = rig.writable(false)
        #expect(rig.notice(.handled(through: .first)) == .nothing)
        #expect(rig.notice(.handled(through: SequenceNumber(2))) == .nothing)
        #expect(rig.writable(true) == .says(.ack(2)))
    }
}
