import GaplessCore
import Testing

@Suite("ClientSession uplink")
struct ClientSessionUplinkTests {
    // MARK: Numbers

    @Test("[R7.1-1] what is queued while offline gets its numbers after the WELCOME, behind the mark")
    func queuedOffline() {
        let rig = ClientRig()
        #expect(rig.send(["a", "b"]) == [])
        #expect(rig.session.record.outbox.assigned == .zero)
        #expect(rig.attach(.test(mark: 6)).uplink == ["7 a", "8 b"])
    }

    @Test("[R7.1-2] the number is saved before the message is sent, after the message itself")
    func savedFirst() {
        let rig = ClientRig.durablyAttached()
        let actions = rig.send("a")
        #expect(actions.changes == [.queued(Payload(text: "a")), .assigned(through: SequenceNumber(1))])
        #expect(actions.sent == [])
        #expect(rig.saved(actions.saves[0]).sent == [])
        #expect(rig.saved(actions.saves[1]).uplink == ["1 a"])
    }

    @Test("[R7.1-2] while numbers are being saved, the next ones wait and then go together")
    func savedTogether() {
        let rig = ClientRig.durablyAttached()
        let first = rig.send("a")
        #expect(rig.send(["b", "c"]).changes.filter { if case .assigned = $0 { true } else { false } } == [])
        let second = rig.saved(first.saves[1])
        #expect(second.uplink == ["1 a"])
        #expect(second.changes == [.assigned(through: SequenceNumber(3))])
        #expect(rig.settle(second).uplink == ["2 b", "3 c"])
    }

    @Test("[R7.1-3] [R7.1-4] [R7.1-5] [R7.1-6] after a cut what is above the mark goes again, then what is new")
    func resent() {
        let rig = ClientRig.attached()
        #expect(rig.send(["a", "b", "c"]).uplink == ["1 a", "2 b", "3 c"])
        rig.closed(1)
        rig.send("d")
        let actions = rig.attach(.test(generation: 2, mark: 1))
        #expect(actions.confirmed == [1])
        #expect(actions.uplink == ["2 b", "3 c", "4 d"])
    }

    @Test("[R7.1-3] a restarted process sends what the last one left, with the same numbers")
    func restarted() {
        let rig = ClientRig.attached()
        rig.send(["a", "b", "c"])
        rig.receive(.acknowledge(through: .first))
        rig.closed(1)
        rig.send("d")
        let next = ClientRig(record: rig.session.record, seed: 5)
        #expect(next.attach(.test(generation: 2, mark: 1)).uplink == ["2 b", "3 c", "4 d"])
    }

    @Test("[R7.1-8] a mark acknowledges like an ACK")
    func markAcknowledges() {
        let rig = ClientRig.attached()
        rig.send(["a", "b"])
        rig.closed(1)
        let actions = rig.attach(.test(generation: 2, mark: 2))
        #expect(actions.confirmed == [1, 2])
        #expect(actions.uplink == [])
        #expect(rig.session.record.outbox.messages == [])
    }

    @Test("[R7.1-7] HELLO always names an outbox, so that a message can follow any time")
    func alwaysAnOutbox() {
        let rig = ClientRig.attached()
        #expect(rig.session.record.outbox.messages == [])
        rig.closed(1)
        #expect(rig.hello()?.outbox != nil)
    }

    @Test("numbers belong to the outbox, not to the epoch: a reset changes none")
    func resetKeepsNumbers() {
        let rig = ClientRig.attached()
        rig.send(["a", "b"])
        rig.closed(1)
        #expect(rig.attach(.test(epoch: "e.2", .reset(.rollback), mark: 1)).uplink == ["2 b"])
    }

    // MARK: Acknowledgements

    @Test("an ACK confirms to the application, in order")
    func confirmed() {
        let rig = ClientRig.attached()
        rig.send(["a", "b", "c"])
        #expect(rig.receive(.acknowledge(through: SequenceNumber(2))) == [.confirmed([UplinkTicket(1), UplinkTicket(2)])])
        #expect(rig.receive(.acknowledge(through: SequenceNumber(2))) == [])
        #expect(rig.receive(.acknowledge(through: SequenceNumber(3))).confirmed == [3])
    }

    @Test("what is confirmed leaves the record")
    func confirmedIsSaved() {
        let rig = ClientRig.durablyAttached()
        rig.settle(rig.send("a"))
        #expect(rig.receive(.acknowledge(through: .first)).changes == [.acknowledged(through: .first)])
    }

    @Test("[R7.2-10] an ACK above what was assigned: 4400, and back", arguments: [3, 9, Limits.maxInteger])
    func acknowledgedTooMuch(number: UInt64) {
        let rig = ClientRig.attached()
        rig.send(["a", "b"])
        let actions = rig.receive(.acknowledge(through: SequenceNumber(number)))
        #expect(actions.closes == ["1 4400"])
        #expect(actions.confirmed == [])
        #expect(rig.attach(.test(generation: 2)).uplink == ["1 a", "2 b"])
    }

    @Test("[R11.3-1] an ACK for what was not sent on this connection cannot be followed without a hole: 4400, and the mark tells")
    func acknowledgedElsewhere() {
        let rig = ClientRig.attached()
        rig.send(["a", "b", "c"])
        rig.closed(1)
        let one = Window(messages: 1, bytes: 1_000)
        #expect(rig.attach(.test(generation: 2, up: one)).uplink == ["1 a"])
        #expect(rig.receive(.acknowledge(through: SequenceNumber(2)), on: 2).closes == ["2 4400"])
        let actions = rig.attach(.test(generation: 3, mark: 2, up: one))
        #expect(actions.confirmed == [1, 2])
        #expect(actions.uplink == ["3 c"])
    }

    // MARK: Windows

    @Test("[R7.3-1] [R4.2-3] no more is in flight than the window of the WELCOME")
    func window() {
        let rig = ClientRig.attached(.test(up: Window(messages: 2, bytes: 1_000)))
        #expect(rig.send(["a", "b", "c", "d"]).uplink == ["1 a", "2 b"])
        #expect(rig.receive(.acknowledge(through: .first)).uplink == ["3 c"])
        #expect(rig.receive(.acknowledge(through: SequenceNumber(3))).uplink == ["4 d"])
    }

    @Test("[R7.3-1] one message may always be in flight, whatever its size")
    func largeMessage() {
        let rig = ClientRig.attached(.test(up: Window(messages: 9, bytes: 4)))
        #expect(rig.send(["12345678", "12", "34", "5"]).uplink == ["1 12345678"])
        #expect(rig.receive(.acknowledge(through: .first)).uplink == ["2 12", "3 34"])
    }

    @Test("[R7.3-1] in flight is what this connection carried, so a new one starts with nothing")
    func windowOfEachConnection() {
        let rig = ClientRig.attached(.test(up: Window(messages: 2, bytes: 1_000)))
        rig.send(["a", "b", "c", "d"])
        rig.closed(1)
        #expect(rig.attach(.test(generation: 2, up: Window(messages: 3, bytes: 1_000))).uplink == ["1 a", "2 b", "3 c"])
    }

    // MARK: Refusals

    @Test("the queue is bounded, online or not; a refusal promises nothing")
    func bounded() {
        let rig = ClientRig { configuration in
            configuration.maxQueuedMessages = 2
            configuration.maxQueuedBytes = 10
        }
        rig.send(["a", "b"])
        #expect(throws: UplinkRefusal.queueFull) { try rig.session.enqueue(Payload(text: "c"), &rig.turn) }
        rig.attach(.test(mark: 0))
        #expect(throws: UplinkRefusal.queueFull) { try rig.session.enqueue(Payload(text: "c"), &rig.turn) }
        rig.receive(.acknowledge(through: SequenceNumber(2)))
        #expect(throws: UplinkRefusal.queueFull) { try rig.session.enqueue(Payload(text: "12345678901"), &rig.turn) }
        #expect(rig.send("c").uplink == ["3 c"])
    }

    @Test("1,000 messages or 4 MiB by default")
    func defaultBounds() throws {
        let rig = ClientRig()
        for _ in 0..<1_000 { rig.send("x") }
        #expect(throws: UplinkRefusal.queueFull) { try rig.session.enqueue(Payload(text: ""), &rig.turn) }
        let other = ClientRig()
        let large = Payload(text: String(repeating: "x", count: 1_048_576))
        for _ in 0..<4 { _ = try other.session.enqueue(large, &other.turn) }
        #expect(throws: UplinkRefusal.queueFull) { try other.session.enqueue(Payload(text: "x"), &other.turn) }
    }

    @Test("[R4.3-3] a payload above the limit of the newest WELCOME is refused")
    func tooLarge() throws {
        let rig = ClientRig.attached(.test(limit: 4))
        #expect(throws: UplinkRefusal.tooLarge(limit: 4)) { try rig.session.enqueue(Payload(text: "12345"), &rig.turn) }
        #expect(rig.send("1234").uplink == ["1 1234"])
        let fresh = ClientRig()
        #expect(throws: UplinkRefusal.tooLarge(limit: 1_048_576)) {
            try fresh.session.enqueue(Payload(text: String(repeating: "x", count: 1_048_577)), &fresh.turn)
        }
    }

    @Test("[R4.3-3] what was queued before the limit was known leaves the outbox, and the application is told")
    func tooLargeOffline() {
        let rig = ClientRig()
        rig.send(["a", "12345", "b"])
        let actions = rig.attach(.test(limit: 4))
        #expect(actions.contains(.discarded([UplinkTicket(2)], .tooLarge(limit: 4))))
        #expect(actions.uplink == ["1 a", "2 b"])
    }

    @Test("[R4.3-3] [R7.1-4] one that has a number already takes the outbox with it, since nothing else may have its number")
    func tooLargeWithNumber() {
        let rig = ClientRig.attached(.test(limit: 9))
        rig.send(["a", "12345", "b"])
        rig.closed(1)
        rig.connect()
        let before = rig.opened(2).hello?.outbox
        let actions = rig.receive(.welcome(.test(generation: 2, mark: 1, limit: 4)), on: 2)
        #expect(actions.uplink == [])
        #expect(actions.closes == ["2 1000"])
        #expect(actions.events == [.uplinkMayRepeat([UplinkTicket(2), UplinkTicket(3)])])
        #expect(actions.contains(.discarded([UplinkTicket(2)], .tooLarge(limit: 4))))
        #expect(rig.hello()?.outbox != before)
        #expect(rig.receive(.welcome(.test(generation: 3, limit: 4)), on: 3).uplink == ["1 b"])
    }

    // MARK: The mark went back

    @Test("[R7.4-1] [R7.4-2] [R7.4-3] a mark below what was acknowledged: close, new outbox, numbers from 1, application told")
    func forgottenOutbox() {
        let rig = ClientRig.attached()
        rig.send(["a", "b", "c"])
        rig.receive(.acknowledge(through: SequenceNumber(2)))
        rig.closed(1)
        rig.send("d")
        let before = rig.hello()?.outbox
        let actions = rig.receive(.welcome(.test(generation: 2, mark: 1)), on: 2)
        #expect(actions.sent == [])
        #expect(actions.closes == ["2 1000"])
        #expect(actions.events == [.uplinkMayRepeat([UplinkTicket(3)])])
        let hello = rig.hello()
        #expect(hello?.outbox != before)
        let welcomed = rig.receive(.welcome(.test(generation: 3)), on: 3)
        #expect(welcomed.uplink == ["1 c", "2 d"])
        #expect(rig.receive(.acknowledge(through: SequenceNumber(2)), on: 3).confirmed == [3, 4])
    }

    @Test("[R7.4-2] the new outbox is saved before a HELLO tells it")
    func forgottenOutboxIsSaved() {
        let rig = ClientRig.durablyAttached()
        rig.settle(rig.send("a"))
        rig.settle(rig.receive(.acknowledge(through: .first)))
        rig.closed(1)
        rig.settle(rig.nextTimer())
        rig.opened(2)
        let changes = rig.receive(.welcome(.test(generation: 2)), on: 2).changes
        #expect(changes.contains { if case .outbox(let record) = $0 { record.assigned == .zero } else { false } })
        let connecting = rig.nextTimer()
        #expect(connecting.connects == [])
        #expect(rig.settle(connecting).connects.count == 1)
    }

    @Test("[R7.4-1] while moving, the first connection is let go with the one that told it")
    func forgottenWhileMoving() {
        let rig = ClientRig.attached()
        rig.send("a")
        rig.receive(.acknowledge(through: .first))
        rig.receive(.drain(Drain(within: .seconds(30))))
        rig.opened(2)
        #expect(rig.receive(.welcome(.test(generation: 2)), on: 2).closes == ["1 1000", "2 1000"])
        #expect(rig.connect() == 3)
    }

    @Test("a mark that leaves no numbers is answered with a new outbox", arguments: [Limits.maxInteger, Limits.maxInteger / 2 + 1])
    func absurdMark(mark: UInt64) {
        let rig = ClientRig()
        rig.send("a")
        #expect(rig.attach(.test(mark: mark)).closes == ["1 1000"])
        #expect(rig.attach(.test(generation: 2)).uplink == ["1 a"])
    }

    @Test("[R7.4-4] with a reset, what was sent and neither acknowledged nor marked may be repeated; it keeps its numbers")
    func resetWithUplinkInFlight() {
        let rig = ClientRig.attached()
        rig.send(["a", "b", "c"])
        rig.closed(1)
        rig.send("never sent")
        let outbox = rig.hello()?.outbox
        let actions = rig.receive(.welcome(.test(epoch: "e.2", .reset(.epoch), mark: 1)), on: 2)
        #expect(actions.events == [.reset(.epoch), .uplinkMayRepeat([UplinkTicket(2), UplinkTicket(3)])])
        #expect(actions.uplink == ["2 b", "3 c", "4 never sent"])
        rig.closed(2)
        #expect(rig.hello()?.outbox == outbox)
    }

    @Test("[R7.4-4] when the queue was removed under the connection, the same")
    func removedWithUplinkInFlight() {
        let rig = ClientRig.attached()
        rig.send("a")
        #expect(rig.refuse(1, .queueRemoved).events == [.reset(.unknown), .uplinkMayRepeat([UplinkTicket(1)])])
        #expect(rig.attach(.test(epoch: "e.2", .new)).events == [])
    }

    @Test("a reset and a forgotten outbox in one WELCOME are both told")
    func resetAndForgotten() {
        let rig = ClientRig.attached()
        rig.send("a")
        rig.receive(.acknowledge(through: .first))
        rig.closed(1)
        let actions = rig.attach(.test(epoch: "e.2", .reset(.unknown)))
        #expect(actions.events == [.reset(.unknown), .uplinkMayRepeat([])])
        #expect(actions.closes == ["2 1000"])
        #expect(rig.hello()?.position == .test("e.2", handled: 0, last: nil))
    }
}
