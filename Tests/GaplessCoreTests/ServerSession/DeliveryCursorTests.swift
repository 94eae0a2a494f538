import GaplessCore
import Testing

@Suite("Delivery cursor: one cursor over the store")
struct DeliveryCursorTests {
    private func cursor(after: UInt64 = 0, head: UInt64, messages: UInt64 = 256, bytes: UInt64 = 1_000) -> DeliveryCursor {
        DeliveryCursor(
            window: Window(messages: messages, bytes: bytes),
            after: SequenceNumber(after),
            head: SequenceNumber(head),
            maxReadMessages: 100,
            maxReadBytes: 500
        )
    }

    /// Reads once, with the slice as the answer; what was sent.
    private func read(_ cursor: inout DeliveryCursor, _ slice: QueueSlice) -> [ServerFrame] {
        var frames: [ServerFrame] = []
        guard cursor.nextRead(isWritable: true) != nil else {
            Issue.record("nothing to read")
            return []
        }
        #expect(cursor.loaded(slice, into: &frames) == .goesOn)
        return frames
    }

    // MARK: Order and gaps

    @Test("messages follow one another from after + 1 on [R6.1-1, R5.2-13, R5.2-15]")
    func order() {
        var cursor = self.cursor(after: 2, head: 4)
        #expect(self.read(&cursor, .test([.test(3), .test(4)], through: 4)) == [.msg(3), .msg(4)])
        #expect(cursor.cursor == SequenceNumber(4))
        #expect(cursor.nextRead(isWritable: true) == nil)
    }

    @Test("what is missing between messages is a gap in its place [R6.1-1, R6.2-1]")
    func gapBetween() {
        var cursor = self.cursor(head: 6)
        let frames = self.read(&cursor, .test([.test(1), .test(4), .test(6)], through: 6))
        #expect(frames == [.msg(1), .gap(.test(2, 3)), .msg(4), .gap(.test(5, 5)), .msg(6)])
    }

    @Test("a gap at the end is reported though nothing follows it [R6.2-1, R6.2-3]")
    func tailGap() {
        var cursor = self.cursor(head: 3)
        #expect(self.read(&cursor, .test([.test(1)], through: 3)) == [.msg(1), .gap(.test(2, 3))])
        #expect(cursor.cursor == SequenceNumber(3))
    }

    @Test("a read that was cut short reports nothing behind it [R6.2-2]")
    func cutShort() {
        var cursor = self.cursor(head: 9)
        #expect(self.read(&cursor, .test([.test(2)], through: 2, head: 9)) == [.gap(.test(1, 1)), .msg(2)])
        #expect(cursor.cursor == SequenceNumber(2))
        #expect(cursor.nextRead(isWritable: true)?.after == SequenceNumber(2))
    }

    @Test("overflow through the number that it reached, above that expired: two frames [R6.2-4]")
    func reasons() {
        var cursor = self.cursor(head: 1_000)
        let frames = self.read(&cursor, .test([.test(1_000)], through: 1_000, overflowedThrough: 900))
        #expect(frames == [.gap(.test(1, 900, .overflow)), .gap(.test(901, 999)), .msg(1_000)])
    }

    @Test("numbers up to the floor were acknowledged, by another copy of the position [R5.2-11]")
    func acknowledgedGap() {
        var cursor = self.cursor(after: 4, head: 12)
        let slice = QueueSlice.test([.test(12)], through: 12, floor: 9, overflowedThrough: 10)
        #expect(
            self.read(&cursor, slice) == [
                .gap(.test(5, 9, .acknowledged)), .gap(.test(10, 10, .overflow)), .gap(.test(11, 11)), .msg(12),
            ]
        )
    }

    @Test("handled + 1 is gone: the gap is the first frame [R5.2-12, R5.2-16]")
    func partial() {
        var cursor = self.cursor(after: 4, head: 9)
        #expect(self.read(&cursor, .test([.test(9)], through: 9, floor: 4)) == [.gap(.test(5, 8)), .msg(9)])
    }

    // MARK: The window

    @Test("no more messages in flight than the window, by count and not by difference of numbers [R6.4-1]")
    func windowByCount() {
        var cursor = self.cursor(head: 9, messages: 2)
        #expect(cursor.nextRead(isWritable: true)?.maxMessages == 2)
        var frames: [ServerFrame] = []
        _ = cursor.loaded(.test([.test(5), .test(6)], through: 6, head: 9), into: &frames)
        #expect(cursor.messagesInFlight == 2)
        #expect(cursor.nextRead(isWritable: true) == nil)
        #expect(cursor.acknowledge(through: SequenceNumber(5)) == .commit)
        #expect(cursor.nextRead(isWritable: true)?.maxMessages == 1)
    }

    @Test("no more bytes in flight than the window; what does not fit waits for room and is not lost [R6.4-2]")
    func windowByBytes() {
        var cursor = self.cursor(head: 3, bytes: 100)
        let frames = self.read(&cursor, .test([.test(1, size: 60), .test(2, size: 60), .test(3, size: 1)], through: 3))
        #expect(frames == [.msg(1, size: 60)])
        #expect(cursor.bytesInFlight == 60)
        #expect(cursor.nextRead(isWritable: true) == nil)
        _ = cursor.acknowledge(through: SequenceNumber(1))
        #expect(cursor.nextRead(isWritable: true) == DeliveryCursor.Read(after: SequenceNumber(1), maxMessages: 100, maxBytes: 100))
    }

    @Test("one message may always be in flight, whatever its size [R6.4-2]")
    func oneAlways() {
        var cursor = self.cursor(head: 2, bytes: 10)
        #expect(self.read(&cursor, .test([.test(1, size: 5_000)], through: 1, head: 2)) == [.msg(1, size: 5_000)])
        #expect(cursor.nextRead(isWritable: true) == nil)
        _ = cursor.acknowledge(through: SequenceNumber(1))
        #expect(cursor.messagesInFlight == 0 && cursor.bytesInFlight == 0)
        #expect(cursor.nextRead(isWritable: true)?.after == SequenceNumber(1))
    }

    @Test("a read is bounded, whatever the window [R6.4-3]")
    func readIsBounded() {
        var cursor = self.cursor(head: 1_000, bytes: 1 << 30)
        #expect(cursor.nextRead(isWritable: true) == DeliveryCursor.Read(after: .zero, maxMessages: 100, maxBytes: 500))
    }

    @Test("a gap uses no window: with a full one, news asks for what is gone, and the cursor moves over it [R6.2-5, R6.2-6]")
    func gapThroughFullWindow() {
        // Protocol.md §15.8: a queue and a window of two, six more committed at once.
        var cursor = self.cursor(head: 2, messages: 2)
        #expect(self.read(&cursor, .test([.test(1), .test(2)], through: 2)) == [.msg(1), .msg(2)])
        cursor.news()
        #expect(cursor.nextRead(isWritable: true) == DeliveryCursor.Read(after: SequenceNumber(2), maxMessages: 0, maxBytes: 1))
        var frames: [ServerFrame] = []
        _ = cursor.loaded(.test(through: 6, head: 8, overflowedThrough: 6), into: &frames)
        #expect(frames == [.gap(.test(3, 6, .overflow))])
        #expect(cursor.nextRead(isWritable: true) == nil)
        _ = cursor.acknowledge(through: .first)
        #expect(cursor.nextRead(isWritable: true) == DeliveryCursor.Read(after: SequenceNumber(6), maxMessages: 1, maxBytes: 500))
    }

    @Test("what expires behind a live cursor is news, also when nothing follows it [R6.2-6]")
    func expiryIsNews() {
        var cursor = self.cursor(head: 3, messages: 1)
        #expect(self.read(&cursor, .test([.test(1)], through: 1, head: 3)) == [.msg(1)])
        cursor.news()
        #expect(self.read(&cursor, .test(through: 3)) == [.gap(.test(2, 3))])
    }

    @Test("a full window asks for nothing without news")
    func fullIsQuiet() {
        var cursor = self.cursor(head: 9, messages: 1)
        _ = self.read(&cursor, .test([.test(1)], through: 1, head: 9))
        #expect(cursor.nextRead(isWritable: true) == nil)
        let handedOver = cursor.committed(.test(10), discardedThrough: nil, isWritable: true)
        #expect(!handedOver)
        #expect(cursor.nextRead(isWritable: true) == nil)
    }

    // MARK: One read at a time

    @Test("never more than one read is under way; news meanwhile means to read again")
    func oneRead() {
        var cursor = self.cursor(head: 1)
        #expect(cursor.nextRead(isWritable: true) != nil)
        cursor.news()
        #expect(cursor.nextRead(isWritable: true) == nil)
        var frames: [ServerFrame] = []
        _ = cursor.loaded(.test([.test(1)], through: 1), into: &frames)
        #expect(cursor.nextRead(isWritable: true)?.after == SequenceNumber(1))
        _ = cursor.loaded(.test(through: 1), into: &frames)
        #expect(cursor.nextRead(isWritable: true) == nil)
    }

    @Test("a read that failed is tried again, and nothing is handed over in between")
    func readFailed() {
        var cursor = self.cursor(head: 1)
        _ = cursor.nextRead(isWritable: true)
        cursor.readFailed()
        let handedOver = cursor.committed(.test(1), discardedThrough: nil, isWritable: true)
        #expect(!handedOver)
        #expect(cursor.nextRead(isWritable: true) != nil)
    }

    @Test("a store that gives nothing though it is ahead is not asked again before there is news")
    func stuck() {
        var cursor = self.cursor(head: 2)
        #expect(self.read(&cursor, .test(through: 0, head: 2)).isEmpty)
        #expect(cursor.nextRead(isWritable: true) == nil)
        cursor.news()
        #expect(cursor.nextRead(isWritable: true) != nil)
    }

    @Test("a read of nothing but what was acknowledged meanwhile does not end the reading [R6.3-9, R6.1-1]")
    func acknowledgedDuringRead() {
        var cursor = self.cursor(after: 19, head: 63, messages: 5)
        let read = cursor.nextRead(isWritable: true)
        let claim = cursor.acknowledge(through: SequenceNumber(24))
        #expect(read?.after == SequenceNumber(19) && claim == .commit)
        var frames: [ServerFrame] = []
        #expect(cursor.loaded(.test((20...24).map { .test($0) }, through: 24, head: 63, floor: 19), into: &frames) == .goesOn)
        #expect(frames.isEmpty)
        #expect(cursor.nextRead(isWritable: true)?.after == SequenceNumber(24))
    }

    @Test("a look whose read failed is still due, also while the socket takes nothing [R5.3-5]")
    func failedLook() {
        var cursor = self.cursor(head: 0)
        cursor.look()
        let first = cursor.nextRead(isWritable: false)
        cursor.readFailed()
        #expect(first != nil && cursor.isLookDue)
        let second = cursor.nextRead(isWritable: false)
        #expect(second != nil && !cursor.isLookDue)
    }

    @Test("a commit that overtakes a read of nothing does not end the reading [R6.1-1]")
    func committedDuringRead() {
        var cursor = self.cursor(after: 10, head: 10)
        cursor.look()
        #expect(cursor.nextRead(isWritable: true)?.after == SequenceNumber(10))
        // The read looked at the store before the commit, and its answer comes after it.
        let isHandedOver = cursor.committed(.test(11), discardedThrough: nil, isWritable: true)
        #expect(!isHandedOver)
        var frames: [ServerFrame] = []
        #expect(cursor.loaded(.test(through: 10, head: 10), into: &frames) == .goesOn)
        #expect(cursor.nextRead(isWritable: true)?.after == SequenceNumber(10))
        #expect(cursor.loaded(.test([.test(11)], through: 11), into: &frames) == .goesOn)
        #expect(frames == [.msg(11)])
    }

    @Test("while the socket takes nothing, nothing is read; the doubt about the fence is still settled [R6.4-3]")
    func notWritable() {
        var cursor = self.cursor(head: 5)
        cursor.news()
        #expect(cursor.nextRead(isWritable: false) == nil)
        cursor.look()
        #expect(cursor.nextRead(isWritable: false)?.maxMessages == 0)
        var frames: [ServerFrame] = []
        _ = cursor.loaded(.test(through: 0, head: 5), into: &frames)
        #expect(cursor.nextRead(isWritable: false) == nil)
        #expect(cursor.nextRead(isWritable: true)?.maxMessages == 100)
    }

    @Test("a doubt about the fence that comes while a read is under way is settled by another read")
    func lookWhileReading() {
        var cursor = self.cursor(head: 1)
        _ = cursor.nextRead(isWritable: true)
        cursor.look()
        var frames: [ServerFrame] = []
        _ = cursor.loaded(.test([.test(1)], through: 1), into: &frames)
        #expect(cursor.nextRead(isWritable: true) != nil)
    }

    // MARK: The hand-over

    @Test("a fresh message is handed over when it is exactly the next one")
    func handOver() {
        var cursor = self.cursor(head: 0)
        let handedOver = cursor.committed(.test(1), discardedThrough: nil, isWritable: true)
        #expect(handedOver)
        #expect(cursor.cursor == .first && cursor.head == .first && cursor.messagesInFlight == 1)
        #expect(cursor.nextRead(isWritable: true) == nil)
    }

    @Test(
        "a fresh message that is not the next one, or has no room, is read later",
        arguments: [
            (UInt64(2), nil, true, true), (1, 1, true, true), (1, nil, false, true), (1, nil, true, false),
        ] as [(UInt64, UInt64?, Bool, Bool)]
    )
    func noHandOver(number: UInt64, discarded: UInt64?, isWritable: Bool, isOpen: Bool) {
        var cursor = self.cursor(after: 0, head: 0, messages: 1)
        if !isOpen {
            cursor = self.cursor(after: 0, head: 1, messages: 1)
            _ = self.read(&cursor, .test([.test(1)], through: 1))
        }
        let next = isOpen ? number : 2
        let handedOver = cursor.committed(.test(next), discardedThrough: discarded.map { SequenceNumber($0) }, isWritable: isWritable)
        #expect(!handedOver)
        #expect(cursor.head == SequenceNumber(next))
        _ = cursor.acknowledge(through: .first)
        #expect((cursor.nextRead(isWritable: true) != nil) == (cursor.cursor < cursor.head || discarded != nil))
    }

    @Test("nothing is handed over while a read is under way: it may bring the same message")
    func noHandOverWhileReading() {
        var cursor = self.cursor(head: 1)
        _ = cursor.nextRead(isWritable: true)
        let handedOver = cursor.committed(.test(2), discardedThrough: nil, isWritable: true)
        #expect(!handedOver)
        var frames: [ServerFrame] = []
        _ = cursor.loaded(.test([.test(1), .test(2)], through: 2), into: &frames)
        #expect(frames == [.msg(1), .msg(2)])
        #expect(cursor.nextRead(isWritable: true) == nil)
    }
}
