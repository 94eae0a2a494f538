import GaplessCore
import NIOCore
import Testing

@Suite("Server session: downlink")
struct ServerSessionDeliveryTests {
    private func committed(_ number: UInt64, fence: Fence = ServerRig.fence, discarded: UInt64? = nil) -> SessionNotice {
        .committed(
            CommittedMessage(message: .test(number), fence: fence, discardedThrough: discarded.map { SequenceNumber($0) })
        )
    }

    @Test("replay and live traffic are one stream [R6.1-1, R5.2-15]")
    func oneStream() {
        let rig = ServerRig.attached(.test(after: 2, head: 4))
        #expect(rig.loaded(3...4) == .says(.msg(3), .msg(4)))
        #expect(rig.notice(self.committed(5)) == .says(.msg(5)))
        #expect(rig.notice(.news) == .does(.readTest(after: 5, messages: 253, bytes: 262_144)))
        #expect(rig.loaded(6...6) == .says(.msg(6)))
    }

    @Test("transcript 15.1: a window of two, four messages wait [R6.4-1]")
    func smallWindow() {
        let rig = ServerRig.attached(.test(.new, head: 4), hello: .test(window: Window(messages: 2, bytes: 65_536)))
        #expect(rig.loaded(1...2, head: 4) == .says(.msg(1), .msg(2)))
        #expect(rig.receive(.ack(1)) == .does(.acknowledgeTest(1), .readTest(after: 2, messages: 1, bytes: 65_535)))
        #expect(rig.loaded(3...3, head: 4) == .says(.msg(3)))
        #expect(rig.receive(.ack(2)) == .does(.acknowledgeTest(2), .readTest(after: 3, messages: 1, bytes: 65_535)))
        #expect(rig.loaded(4...4) == .says(.msg(4)))
        #expect(rig.receive(.ack(3), .ack(4)) == .does(.acknowledgeTest(3), .acknowledgeTest(4)))
    }

    @Test("transcript 15.2: what was handled on the connection before is skipped [R6.3-9]")
    func handledBefore() {
        let rig = ServerRig.attached(.test(after: 2, head: 4))
        #expect(rig.receive(.ack(3)) == .does(.acknowledgeTest(3)))
        #expect(rig.loaded(3...4) == .says(.msg(4)))
    }

    @Test("transcript 15.3: the gap comes first [R5.2-11, R5.2-12, R5.2-16, R6.2-4]")
    func partial() {
        let expired = ServerRig.attached(.test(.partial, after: 4, head: 9))
        #expect(expired.loaded(.slice(.test([.test(9)], through: 9, floor: 4))) == .says(.gap(.test(5, 8)), .msg(9)))
        let older = ServerRig.attached(.test(.partial, after: 4, floor: 9, head: 10))
        #expect(
            older.loaded(.slice(.test([.test(10)], through: 10, floor: 9))) == .says(.gap(.test(5, 9, .acknowledged)), .msg(10))
        )
    }

    @Test("transcript 15.8: overflow behind a full window is reported at once [R6.2-5, R6.2-6]")
    func overflow() {
        let rig = ServerRig.attached(sent: 2, hello: .test(window: Window(messages: 2, bytes: 65_536)))
        #expect(rig.notice(self.committed(8, discarded: 6)) == .does(.readTest(after: 2, messages: 0, bytes: 1)))
        let gap = rig.loaded(.slice(.test(through: 6, head: 8, overflowedThrough: 6)))
        #expect(gap == .says(.gap(.test(3, 6, .overflow))))
        #expect(rig.receive(.ack(1)) == .does(.acknowledgeTest(1), .readTest(after: 6, messages: 1, bytes: 65_535)))
        #expect(rig.observations.last == .gap(client: .phone, .test(3, 6, .overflow)))
    }

    @Test("a message for another fence is not handed over; the store is asked who holds the queue [R5.3-8]")
    func otherFence() {
        let rig = ServerRig.attached()
        let newer = Fence(epoch: ServerRig.epoch, generation: Generation(4))
        #expect(rig.notice(self.committed(1, fence: newer)) == .does(.readTest(after: 0)))
    }

    @Test("a message is sent only once, whichever way it comes [R6.1-1]")
    func twoWays() {
        let rig = ServerRig.attached()
        #expect(rig.notice(.news).read?.after == .zero)
        #expect(rig.notice(self.committed(1)) == .nothing)
        #expect(rig.loaded(1...1) == .says(.msg(1)))
        #expect(rig.notice(self.committed(1)) == .nothing)
    }

    @Test("the kind of a payload and its bytes are handed on as they are [R3.2-6, R3.2-7]")
    func payload() {
        let rig = ServerRig.attached()
        let message = StoredMessage(
            sequence: .first,
            time: Timestamp(milliseconds: 5),
            payload: Payload(binary: .init(bytes: [0, 255]))
        )
        #expect(
            rig.notice(.committed(CommittedMessage(message: message, fence: ServerRig.fence))) == .says(.message(message))
        )
    }

    @Test("while the socket is full nothing is read and nothing handed over; when it is not, the stream goes on [R6.4-3]")
    func backpressure() {
        let rig = ServerRig.attached()
        #expect(rig.writable(false) == .nothing)
        #expect(rig.notice(self.committed(1), self.committed(2), .news) == .nothing)
        #expect(rig.writable(true) == .does(.readTest(after: 0)))
    }

    @Test("a read that fails is tried again after a while, and nothing else meanwhile")
    func readFailed() {
        let rig = ServerRig.attached(.test(head: 1))
        #expect(rig.notice(.storeFailed(.read)) == .nothing)
        #expect(rig.notice(.news) == .nothing)
        #expect(rig.nextDeadline() == .seconds(1))
        #expect(rig.wait(.seconds(1)) == .does(.readTest(after: 0)))
    }

    @Test("a head below what was sent is 4107, and the attachment is given back [R5.3-14]")
    func wentBack() {
        let rig = ServerRig.attached(sent: 3)
        _ = rig.notice(.news)
        let output = rig.loaded(.slice(.test(through: 3, head: 2)))
        #expect(output.closeCode == .fenceChanged)
        #expect(output.effects == [.detachTest])
    }
}

@Suite("Server session: acknowledgements")
struct ServerSessionAcknowledgeTests {
    private func answer(_ number: UInt64, _ receipt: AcknowledgeReceipt) -> SessionNotice {
        .acknowledged(.test(number), receipt)
    }

    @Test("an ACK goes to the store, once, and opens the window")
    func acknowledge() {
        let rig = ServerRig.attached(sent: 3)
        #expect(rig.receive(.ack(2)) == .does(.acknowledgeTest(2)))
        #expect(rig.receive(.ack(2), .ack(1)) == .nothing)
        #expect(rig.notice(self.answer(2, .acknowledged(floor: SequenceNumber(2), head: SequenceNumber(3)))) == .nothing)
        #expect(rig.observations.last == .delivered(client: .phone, fence: ServerRig.fence, through: SequenceNumber(2)))
    }

    @Test("transcript 15.9: an ACK above the newest message is 4403 [R6.3-11]")
    func beyondHead() {
        let rig = ServerRig.attached(sent: 3)
        #expect(rig.receive(.ack(4)) == .does(.acknowledgeTest(4)))
        let output = rig.notice(self.answer(4, .beyondHead(SequenceNumber(3))))
        #expect(output.closeCode == .ackBeyondHead)
        #expect(output.error?.message == "ACK 4 is above the newest message, 3.")
        #expect(output.effects == [.detachTest])
    }

    @Test("an ACK above the head for what was sent here is 4107: the store went back [R6.3-10]")
    func storeWentBack() {
        let rig = ServerRig.attached(sent: 3)
        _ = rig.receive(.ack(3))
        #expect(rig.notice(self.answer(3, .beyondHead(SequenceNumber(1)))).closeCode == .fenceChanged)
    }

    @Test("an ACK above the known head that the store accepts moves the cursor [R6.3-9]")
    func ahead() {
        let rig = ServerRig.attached(sent: 3)
        _ = rig.receive(.ack(5))
        let output = rig.notice(self.answer(5, .acknowledged(floor: SequenceNumber(5), head: SequenceNumber(6))))
        #expect(output.effects == [.readTest(after: 5)])
    }

    @Test("an ACK that the store failed on is told again, the newest of all")
    func failed() {
        let rig = ServerRig.attached(sent: 3)
        _ = rig.receive(.ack(2))
        #expect(rig.notice(.storeFailed(.acknowledge(.test(2)))) == .nothing)
        _ = rig.receive(.ack(3))
        #expect(rig.wait(.seconds(1)) == .does(.acknowledgeTest(3)))
        #expect(rig.wait(.seconds(1)) == .nothing)
    }
}
