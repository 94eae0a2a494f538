import Testing

@testable import GaplessCore

@Suite("Outbox")
struct OutboxTests {
    private let window = Window(messages: 4, bytes: 100)

    private func outbox(
        assigned: UInt64 = 0,
        acknowledged: UInt64 = 0,
        _ texts: [String] = []
    ) -> Outbox {
        var luck = SeededLuck(1)
        return Outbox(
            OutboxRecord(
                id: OutboxID(using: &luck),
                assigned: SequenceNumber(assigned),
                acknowledged: SequenceNumber(acknowledged),
                messages: texts.map { Payload(text: $0) }
            )
        )
    }

    /// Numbers and writes what the window lets out; nothing waits for a disk.
    private func write(_ outbox: inout Outbox, within window: Window? = nil) -> [String] {
        let window = window ?? self.window
        if outbox.number(within: window) != nil {
            outbox.saving(SaveVersion(1))
            outbox.saved(through: SaveVersion(1))
        }
        var written: [String] = []
        while let message = outbox.next(within: window) { written.append("\(message.sequence)\(message.payload.text ?? "?")") }
        return written
    }

    private func add(_ outbox: inout Outbox, _ texts: [String]) {
        for text in texts { _ = try? outbox.enqueue(Payload(text: text), maxMessages: 1_000, maxBytes: 1_000_000) }
    }

    private func tickets(_ raw: UInt64...) -> [UplinkTicket] { raw.map { UplinkTicket($0) } }

    @Test("[R7.1-1] numbers are given when messages are written, after a WELCOME, from the higher of last assigned and mark")
    func numbersFromTheMark() {
        var outbox = self.outbox()
        self.add(&outbox, ["a", "b"])
        #expect(outbox.number(within: self.window) == nil)
        #expect(outbox.assigned == .zero)
        #expect(outbox.welcomed(mark: SequenceNumber(9)) == .confirmed([]))
        #expect(self.write(&outbox) == ["10a", "11b"])
    }

    @Test("[R7.1-2] a message is written only after its number is saved, and no other number is given meanwhile")
    func numbersAreSavedFirst() {
        var outbox = self.outbox()
        _ = outbox.welcomed(mark: .zero)
        self.add(&outbox, ["a"])
        #expect(outbox.number(within: self.window) == SequenceNumber(1))
        outbox.saving(SaveVersion(7))
        self.add(&outbox, ["b"])
        #expect(outbox.number(within: self.window) == nil)
        #expect(outbox.next(within: self.window) == nil)
        outbox.saved(through: SaveVersion(6))
        #expect(outbox.next(within: self.window) == nil)
        outbox.saved(through: SaveVersion(7))
        #expect(outbox.next(within: self.window)?.sequence == SequenceNumber(1))
        #expect(outbox.next(within: self.window) == nil)
        #expect(outbox.number(within: self.window) == SequenceNumber(2))
    }

    @Test("[R7.1-3] [R7.1-4] after a WELCOME what is above the mark is written again, same numbers, same payloads")
    func resends() {
        var outbox = self.outbox()
        _ = outbox.welcomed(mark: .zero)
        self.add(&outbox, ["a", "b", "c"])
        #expect(self.write(&outbox) == ["1a", "2b", "3c"])
        outbox.connectionEnded()
        self.add(&outbox, ["d"])
        #expect(outbox.welcomed(mark: SequenceNumber(1)) == .confirmed(self.tickets(1)))
        #expect(self.write(&outbox) == ["2b", "3c", "4d"])
    }

    @Test("[R7.1-5] [R7.1-6] the first number on a connection is the mark's next, the others follow without a hole")
    func consecutive() {
        var outbox = self.outbox(assigned: 6, acknowledged: 3, ["d", "e", "f", "g"])
        #expect(outbox.welcomed(mark: SequenceNumber(4)) == .confirmed(self.tickets(1)))
        #expect(self.write(&outbox) == ["5e", "6f", "7g"])
    }

    @Test("[R7.1-8] a mark beyond everything assigned confirms what had a number, and the numbering goes on behind it")
    func recordWentBack() {
        var outbox = self.outbox(assigned: 2, acknowledged: 0, ["a", "b", "c"])
        #expect(outbox.welcomed(mark: SequenceNumber(7)) == .confirmed(self.tickets(1, 2)))
        #expect(self.write(&outbox) == ["8c"])
        #expect(outbox.record.assigned == SequenceNumber(8))
        #expect(outbox.record.acknowledged == SequenceNumber(7))
    }

    @Test("[R7.3-1] the window holds messages back by count", arguments: [1, 2, 4] as [UInt64])
    func windowOfMessages(count: UInt64) {
        var outbox = self.outbox()
        _ = outbox.welcomed(mark: .zero)
        self.add(&outbox, ["a", "b", "c", "d", "e"])
        let window = Window(messages: count, bytes: 100)
        #expect(self.write(&outbox, within: window) == Array(["1a", "2b", "3c", "4d"].prefix(Int(count))))
        #expect(outbox.assigned == SequenceNumber(count))
        #expect(outbox.acknowledged(through: SequenceNumber(1)) == .confirmed(self.tickets(1)))
        #expect(self.write(&outbox, within: window).count == 1)
    }

    @Test("[R7.3-1] the window holds messages back by bytes, but one may always be in flight")
    func windowOfBytes() {
        var outbox = self.outbox()
        _ = outbox.welcomed(mark: .zero)
        self.add(&outbox, [String(repeating: "x", count: 200), "y", "z"])
        #expect(self.write(&outbox).count == 1)
        #expect(outbox.acknowledged(through: SequenceNumber(1)) == .confirmed(self.tickets(1)))
        #expect(self.write(&outbox) == ["2y", "3z"])
        self.add(&outbox, [String(repeating: "x", count: 98), "w"])
        #expect(self.write(&outbox).count == 1)
        self.add(&outbox, ["v"])
        #expect(self.write(&outbox) == [])
    }

    @Test("[R7.2-10] an ACK above what was written is a fault", arguments: [(2, true), (3, false), (4, false)] as [(UInt64, Bool)])
    func acknowledgedTooMuch(through: UInt64, isFine: Bool) {
        var outbox = self.outbox()
        _ = outbox.welcomed(mark: .zero)
        self.add(&outbox, ["a", "b", "c"])
        #expect(self.write(&outbox, within: Window(messages: 2, bytes: 100)) == ["1a", "2b"])
        let answer = outbox.acknowledged(through: SequenceNumber(through))
        #expect(answer == (isFine ? .confirmed(self.tickets(1, 2)) : .fault))
    }

    @Test("[R7.2-8] before anything is sent on a connection, an ACK may speak of what was sent on the one before")
    func acknowledgedForTheConnectionBefore() {
        var outbox = self.outbox()
        _ = outbox.welcomed(mark: .zero)
        self.add(&outbox, ["a", "b", "c"])
        #expect(self.write(&outbox, within: Window(messages: 2, bytes: 100)) == ["1a", "2b"])
        outbox.connectionEnded()
        _ = outbox.welcomed(mark: .zero)
        var untouched = outbox
        #expect(untouched.acknowledged(through: SequenceNumber(3)) == .fault)
        #expect(outbox.acknowledged(through: SequenceNumber(2)) == .confirmed(self.tickets(1, 2)))
        #expect(self.write(&outbox) == ["3c"])
    }

    @Test("an ACK at or below the last one changes nothing")
    func acknowledgedAgain() {
        var outbox = self.outbox()
        _ = outbox.welcomed(mark: .zero)
        self.add(&outbox, ["a", "b"])
        _ = self.write(&outbox)
        #expect(outbox.acknowledged(through: SequenceNumber(2)) == .confirmed(self.tickets(1, 2)))
        #expect(outbox.acknowledged(through: SequenceNumber(1)) == .confirmed([]))
        #expect(outbox.acknowledged(through: SequenceNumber(2)) == .confirmed([]))
        #expect(outbox.isEmpty && outbox.isFlightEmpty)
    }

    @Test("an older connection cannot acknowledge beyond the newest one's place, since the next number there could not be sent")
    func acknowledgedByOlder() {
        var outbox = self.outbox()
        _ = outbox.welcomed(mark: .zero)
        self.add(&outbox, ["a", "b", "c"])
        _ = self.write(&outbox)
        _ = outbox.welcomed(mark: SequenceNumber(1))
        #expect(self.write(&outbox, within: Window(messages: 1, bytes: 100)) == ["2b"])
        #expect(outbox.acknowledgedByOlder(through: SequenceNumber(3)) == .confirmed([]))
        #expect(outbox.acknowledgedByOlder(through: SequenceNumber(2)) == .confirmed(self.tickets(2)))
        #expect(outbox.acknowledgedByOlder(through: SequenceNumber(4)) == .fault)
        #expect(self.write(&outbox, within: Window(messages: 1, bytes: 100)) == ["3c"])
    }

    @Test("[R7.4-1] a mark below what was acknowledged is a forgotten outbox")
    func forgotten() {
        var outbox = self.outbox(assigned: 5, acknowledged: 5, [])
        #expect(outbox.welcomed(mark: SequenceNumber(4)) == .forgotten)
        #expect(outbox.welcomed(mark: SequenceNumber(5)) == .confirmed([]))
    }

    @Test("[R7.4-2] a new outbox numbers from 1 what is not acknowledged, and names what was written before")
    func renewed() {
        var outbox = self.outbox()
        _ = outbox.welcomed(mark: .zero)
        self.add(&outbox, ["a", "b", "c", "d", "e"])
        _ = self.write(&outbox)
        _ = outbox.acknowledged(through: SequenceNumber(2))
        var luck = SeededLuck(2)
        let id = OutboxID(using: &luck)
        #expect(outbox.renew(id) == self.tickets(3, 4))
        #expect(outbox.id == id)
        #expect(outbox.record == OutboxRecord(id: id, messages: ["c", "d", "e"].map { Payload(text: $0) }))
        #expect(outbox.welcomed(mark: .zero) == .confirmed([]))
        #expect(self.write(&outbox) == ["1c", "2d", "3e"])
    }

    @Test("what was being saved for an old outbox gives no leave in a new one")
    func renewedWhileSaving() {
        var outbox = self.outbox()
        _ = outbox.welcomed(mark: .zero)
        self.add(&outbox, ["a"])
        _ = outbox.number(within: self.window)
        outbox.saving(SaveVersion(1))
        var luck = SeededLuck(2)
        #expect(outbox.renew(OutboxID(using: &luck)) == [])
        _ = outbox.welcomed(mark: .zero)
        #expect(outbox.number(within: self.window) == SequenceNumber(1))
        outbox.saving(SaveVersion(3))
        outbox.saved(through: SaveVersion(1))
        #expect(outbox.next(within: self.window) == nil)
    }

    @Test("the queue is bounded by messages and by bytes, acknowledged ones make room")
    func bounds() throws {
        var outbox = self.outbox()
        _ = outbox.welcomed(mark: .zero)
        for _ in 0..<3 { _ = try outbox.enqueue(Payload(text: "abc"), maxMessages: 3, maxBytes: 100) }
        #expect(throws: UplinkRefusal.queueFull) { try outbox.enqueue(Payload(text: ""), maxMessages: 3, maxBytes: 100) }
        #expect(throws: UplinkRefusal.queueFull) { try outbox.enqueue(Payload(text: "ab"), maxMessages: 9, maxBytes: 10) }
        _ = try outbox.enqueue(Payload(text: "a"), maxMessages: 9, maxBytes: 10)
        _ = self.write(&outbox)
        _ = outbox.acknowledged(through: SequenceNumber(3))
        _ = try outbox.enqueue(Payload(text: "abcdefghi"), maxMessages: 2, maxBytes: 10)
    }

    @Test("messages that are too large leave alone, as long as they have no number")
    func discarded() {
        var outbox = self.outbox(assigned: 1, acknowledged: 0, ["a", "bbbb", "c", "dddd"])
        #expect(!outbox.hasNumbered(above: 3))
        #expect(outbox.discard(above: 3) == self.tickets(2, 4))
        _ = outbox.welcomed(mark: .zero)
        #expect(self.write(&outbox) == ["1a", "2c"])
        #expect(self.outbox(assigned: 1, acknowledged: 0, ["aaaa"]).hasNumbered(above: 3))
        #expect(outbox.discard(above: 3) == [])
    }

    @Test(
        "a record whose numbers have no messages is no record",
        arguments: [(0, 0, 0, true), (5, 3, 2, true), (5, 3, 9, true), (5, 3, 1, false), (3, 5, 9, false)] as [(UInt64, UInt64, Int, Bool)]
    )
    func validRecords(assigned: UInt64, acknowledged: UInt64, messages: Int, isValid: Bool) {
        let isAccepted = OutboxRecord.isValid(
            assigned: SequenceNumber(assigned),
            acknowledged: SequenceNumber(acknowledged),
            messages: messages
        )
        #expect(isAccepted == isValid)
    }
}
