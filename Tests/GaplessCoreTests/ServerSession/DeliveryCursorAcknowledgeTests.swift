import GaplessCore
import Testing

@Suite("Delivery cursor: acknowledgements")
struct DeliveryCursorAcknowledgeTests {
    /// A cursor that sent 1 through 3 of `head`.
    private func sentThree(head: UInt64 = 3) -> DeliveryCursor {
        var cursor = DeliveryCursor(
            window: .defaultDownlink,
            after: .zero,
            head: SequenceNumber(head),
            maxReadMessages: 256,
            maxReadBytes: 1_000
        )
        _ = cursor.nextRead(isWritable: true)
        var frames: [ServerFrame] = []
        _ = cursor.loaded(.test([.test(1), .test(2), .test(3)], through: 3, head: head), into: &frames)
        return cursor
    }

    @Test("an ACK that is not above the last one is ignored [R6.3-8]")
    func ignored() {
        var cursor = self.sentThree()
        #expect(cursor.acknowledge(through: SequenceNumber(2)) == .commit)
        #expect(cursor.acknowledge(through: SequenceNumber(2)) == .ignored)
        #expect(cursor.acknowledge(through: SequenceNumber(1)) == .ignored)
        #expect(cursor.acknowledge(through: SequenceNumber(3)) == .commit)
    }

    @Test("an ACK at or below the position of the HELLO is ignored [R6.3-8]")
    func ignoredBelowPosition() {
        var cursor = DeliveryCursor(
            window: .defaultDownlink,
            after: SequenceNumber(5),
            head: SequenceNumber(9),
            maxReadMessages: 1,
            maxReadBytes: 1
        )
        #expect(cursor.acknowledge(through: SequenceNumber(5)) == .ignored)
        #expect(cursor.acknowledge(through: SequenceNumber(6)) == .commit)
    }

    @Test("an ACK above what was sent, up to the head, moves the cursor [R6.3-9]")
    func movesCursor() {
        var cursor = self.sentThree(head: 9)
        #expect(cursor.acknowledge(through: SequenceNumber(7)) == .commit)
        #expect(cursor.cursor == SequenceNumber(7))
        #expect(cursor.messagesInFlight == 0)
        #expect(cursor.nextRead(isWritable: true)?.after == SequenceNumber(7))
    }

    @Test("what a read brings of numbers acknowledged meanwhile is skipped, without a gap [R6.3-9, R6.1-1]")
    func movesCursorWhileReading() {
        var cursor = self.sentThree(head: 9)
        _ = cursor.nextRead(isWritable: true)
        _ = cursor.acknowledge(through: SequenceNumber(6))
        var frames: [ServerFrame] = []
        _ = cursor.loaded(.test([.test(4), .test(6), .test(8)], through: 9, floor: 0), into: &frames)
        #expect(frames == [.gap(.test(7, 7)), .msg(8), .gap(.test(9, 9))])
    }

    @Test("an ACK above the known head is the store's to judge; when it counts, the cursor moves [R6.3-9]")
    func claimAccepted() {
        var cursor = self.sentThree()
        #expect(cursor.acknowledge(through: SequenceNumber(5)) == .commit)
        #expect(cursor.cursor == SequenceNumber(3) && cursor.messagesInFlight == 3)
        #expect(cursor.acknowledge(through: SequenceNumber(4)) == .ignored)
        #expect(cursor.acknowledged(through: SequenceNumber(5), head: SequenceNumber(8)) == .goesOn)
        #expect(cursor.cursor == SequenceNumber(5) && cursor.messagesInFlight == 0)
        #expect(cursor.nextRead(isWritable: true)?.after == SequenceNumber(5))
    }

    @Test("the answer to an earlier ACK does not settle a later one")
    func claimOutstanding() {
        var cursor = self.sentThree()
        _ = cursor.acknowledge(through: SequenceNumber(2))
        _ = cursor.acknowledge(through: SequenceNumber(5))
        #expect(cursor.acknowledged(through: SequenceNumber(2), head: SequenceNumber(3)) == .goesOn)
        #expect(cursor.cursor == SequenceNumber(3) && cursor.newestAcknowledgement == SequenceNumber(5))
    }

    @Test("a slice whose head proves an ACK settles it, so that no gap is reported for what was handled")
    func claimProvedByRead() {
        var cursor = self.sentThree()
        _ = cursor.acknowledge(through: SequenceNumber(5))
        cursor.news()
        _ = cursor.nextRead(isWritable: true)
        var frames: [ServerFrame] = []
        _ = cursor.loaded(.test([.test(6)], through: 6, floor: 5), into: &frames)
        #expect(frames == [.msg(6)])
    }

    @Test("beyond the head: the store went back when it was sent here, else the client is at fault [R6.3-10, R6.3-11]")
    func beyondHead() {
        let cursor = self.sentThree()
        #expect(cursor.beyondHead(SequenceNumber(3)) == .storeWentBack)
        #expect(cursor.beyondHead(SequenceNumber(4)) == .beyondHead)
    }

    @Test("a head below what was sent here means that the store went back [R5.3-14]")
    func headWentBack() {
        var cursor = self.sentThree()
        cursor.news()
        _ = cursor.nextRead(isWritable: true)
        var frames: [ServerFrame] = []
        #expect(cursor.loaded(.test(through: 2), into: &frames) == .storeWentBack)
        #expect(frames.isEmpty)
        var other = self.sentThree()
        _ = other.acknowledge(through: SequenceNumber(2))
        #expect(other.acknowledged(through: SequenceNumber(2), head: SequenceNumber(2)) == .storeWentBack)
    }

    @Test("an answer that is older than what a read brought meanwhile proves nothing against the store")
    func oldAnswer() {
        var cursor = self.sentThree()
        _ = cursor.acknowledge(through: SequenceNumber(3))
        cursor.news()
        _ = cursor.nextRead(isWritable: true)
        var frames: [ServerFrame] = []
        _ = cursor.loaded(.test([.test(4)], through: 4), into: &frames)
        #expect(cursor.acknowledged(through: SequenceNumber(3), head: SequenceNumber(3)) == .goesOn)
    }

    @Test("an ACK for a gap frees nothing and counts [R6.2-5]")
    func gapAcknowledged() {
        var cursor = self.sentThree(head: 5)
        _ = cursor.nextRead(isWritable: true)
        var frames: [ServerFrame] = []
        _ = cursor.loaded(.test(through: 5), into: &frames)
        #expect(frames == [.gap(.test(4, 5))])
        #expect(cursor.acknowledge(through: SequenceNumber(5)) == .commit)
        #expect(cursor.messagesInFlight == 0)
    }
}
