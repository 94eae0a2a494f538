import GaplessCore
import Testing

@Suite("ClientSession downlink")
struct ClientSessionDownlinkTests {
    private let small = Window(messages: 16, bytes: 800)

    // MARK: Order

    @Test("[R6.1-2] [R6.1-5] messages are handed over in the order of their numbers")
    func order() {
        let rig = ClientRig.attached(.test(after: 6))
        #expect(rig.messages(7...20).delivered == Array(7...20))
    }

    @Test("[R6.1-3] what the client has is dropped, without a word")
    func duplicates() {
        let rig = ClientRig.attached()
        rig.messages(1...5)
        #expect(rig.messages(1...5) == [])
        #expect(rig.messages(6...6).delivered == [6])
    }

    @Test("[R6.1-4] a hole that no gap explains: 4400, and back with the same position and backoff")
    func hole() {
        let rig = ClientRig.attached()
        rig.messages(1...4)
        let actions = rig.receive(.message(.test(6)))
        #expect(actions.closes == ["1 4400"])
        #expect(actions.events == [])
        guard case .offline(.serverAtFault, let wait)? = actions.states.last else { return #expect(Bool(false)) }
        #expect(wait <= .milliseconds(500))
        #expect(rig.hello()?.position == .test(handled: 0, last: nil))
        rig.receive(.welcome(.test(generation: 2)), on: 2)
        #expect(rig.messages(1...6, on: 2).delivered == [5, 6])
    }

    @Test(
        "[R6.2-10] [R4.5-1] each gap is told, with its range and reason, known or not",
        arguments: ["expired", "overflow", "removed", "quota"]
    )
    func gapTold(reason: String) {
        let rig = ClientRig.attached()
        guard let reason = GapReason(reason) else { return #expect(Bool(false)) }
        let gap = Gap.test(1, 900, reason)
        #expect(rig.receive(.gap(gap)).gaps == [gap])
        #expect(rig.messages(901...902).delivered == [901, 902])
    }

    @Test("[R6.2-7] of a gap that was partly taken only the rest is told")
    func gapTrimmed() {
        let rig = ClientRig.attached()
        rig.messages(1...3)
        #expect(rig.receive(.gap(.test(2, 3))) == [])
        #expect(rig.receive(.gap(.test(2, 5))).gaps == [.test(4, 5)])
        #expect(rig.receive(.gap(.test(1, 5))) == [])
    }

    @Test("[R6.2-8] a gap behind a hole: 4400, and back")
    func gapBehindHole() {
        let rig = ClientRig.attached()
        rig.messages(1...3)
        #expect(rig.receive(.gap(.test(5, 6))).closes == ["1 4400"])
        #expect(rig.connect() == 2)
    }

    @Test("gaps and messages interleave without a hole")
    func interleaved() {
        let rig = ClientRig.attached()
        let actions =
            rig.receive(.gap(.test(1, 2))) + rig.messages(3...3) + rig.receive(.gap(.test(4, 9, .overflow)))
            + rig.receive(.gap(.test(10, 10))) + rig.messages(11...12)
        #expect(actions.events.count == 6)
        #expect(rig.handleAll().acknowledged == [])
        #expect(rig.run(for: .milliseconds(250)).acknowledged == [12])
    }

    // MARK: Acknowledging

    @Test("[R6.3-1] nothing is acknowledged before everything below it is handled")
    func unbrokenRun() {
        let rig = ClientRig.attached(.test(down: self.small))
        rig.messages(1...6)
        let early = [5, 4, 3, 2, 1].flatMap { rig.handle($0) } + rig.run(for: .seconds(2))
        #expect(early.acknowledged == [])
        #expect(rig.handle(0).acknowledged == [6])
    }

    @Test("[R6.3-3] [R4.2-3] an eighth of the messages of the window that WELCOME told is acknowledged at once")
    func eighthOfMessages() {
        let rig = ClientRig.attached(.test(down: Window(messages: 16, bytes: 1_048_576)))
        rig.messages(1...5)
        #expect((0..<5).map { rig.handle($0).acknowledged } == [[], [2], [], [4], []])
        #expect(rig.run(for: .milliseconds(250)).acknowledged == [5])
    }

    @Test("[R6.3-3] a window of less than eight acknowledges each")
    func tinyWindow() {
        let rig = ClientRig.attached(.test(down: Window(messages: 2, bytes: 65_536)))
        rig.messages(1...2)
        #expect((0..<2).map { rig.handle($0).acknowledged } == [[1], [2]])
    }

    @Test("[R6.3-4] an eighth of the bytes is acknowledged at once")
    func eighthOfBytes() {
        let rig = ClientRig.attached(.test(down: self.small))
        rig.messages(1...1, size: 60)
        rig.messages(2...2, size: 39)
        rig.messages(3...3, size: 1)
        #expect((0..<3).map { rig.handle($0).acknowledged } == [[], [2], []])
    }

    @Test("[R6.3-5] 250 ms after the first handled event at the latest")
    func delayed() {
        let rig = ClientRig.attached()
        rig.messages(1...3)
        rig.handle(0)
        #expect(rig.untilDeadline == .milliseconds(250))
        rig.pass(.milliseconds(249))
        #expect(rig.handle(1) == [] && rig.fire() == [])
        rig.pass(.milliseconds(1))
        #expect(rig.fire() == [.send(ConnectionID(1), .acknowledge(through: SequenceNumber(2)))])
        #expect(rig.run(for: .seconds(5)).acknowledged == [])
    }

    @Test("[R6.2-9] [R6.3-5] a gap with nothing behind it is acknowledged as well")
    func gapAcknowledged() {
        let rig = ClientRig.attached()
        rig.receive(.gap(.test(1, 900, .overflow)))
        rig.handle(0)
        #expect(rig.run(for: .milliseconds(250)).acknowledged == [900])
        #expect(rig.session.record.progress.position == .test(handled: 900, last: nil))
    }

    @Test("[R6.2-9] a gap is one event, however many numbers it holds")
    func gapIsOneEvent() {
        let rig = ClientRig.attached(.test(down: Window(messages: 16, bytes: 1_048_576)))
        rig.receive(.gap(.test(1, 900, .overflow)))
        rig.messages(901...901)
        #expect(rig.handle(0).acknowledged == [])
        #expect(rig.handle(1).acknowledged == [901])
    }

    @Test("[R6.3-2] the position is saved before it is acknowledged")
    func savedFirst() {
        let rig = ClientRig.durablyAttached(.test(down: Window(messages: 16, bytes: 1_048_576)))
        rig.messages(1...4)
        rig.handle(0)
        let handled = rig.handle(1)
        #expect(handled.acknowledged == [])
        #expect(handled.changes == [.progress(ClientProgress(position: .test(handled: 2, last: 2), held: Generation(1)))])
        #expect(rig.saved(handled.saves[0]).acknowledged == [2])
    }

    @Test("[R6.3-6] an ACK carries the newest number that is saved; what was handled meanwhile is saved next, not later")
    func handledWhileSaving() {
        let rig = ClientRig.durablyAttached(.test(down: Window(messages: 16, bytes: 1_048_576)))
        rig.messages(1...6)
        rig.handle(0)
        let first = rig.handle(1).saves
        #expect(rig.handle(2).saves == [] && rig.handle(3).saves == [] && rig.handle(4).saves == [])
        let next = rig.saved(first[0])
        #expect(next.acknowledged == [2])
        #expect(next.saves.count == 1)
        #expect(rig.saved(next.saves[0]).acknowledged == [5])
    }

    @Test("[R6.3-6] without a record that outlives the process an ACK carries the newest number handled")
    func newestHandled() {
        let rig = ClientRig.attached()
        rig.messages(1...31)
        rig.handleAll()
        #expect(rig.run(for: .milliseconds(250)).acknowledged == [31])
    }

    @Test("[R6.3-7] what is handled without a connection is told by the next HELLO, and saved meanwhile")
    func offline() {
        let rig = ClientRig.durablyAttached()
        rig.messages(1...3)
        rig.closed(1)
        rig.handleAll()
        let actions = rig.run(for: .milliseconds(250))
        #expect(actions.acknowledged == [])
        #expect(actions.changes.contains(.progress(ClientProgress(position: .test(handled: 3, last: 3), held: Generation(1)))))
    }

    @Test("[R6.3-7] what was handled between HELLO and WELCOME is acknowledged on the new connection, which never sent it")
    func handledDuringHello() {
        let rig = ClientRig.attached()
        rig.messages(1...3)
        rig.closed(1)
        rig.connect()
        rig.opened(2)
        rig.handleAll()
        #expect(rig.receive(.welcome(.test(generation: 2, after: 0)), on: 2).acknowledged == [3])
        #expect(rig.run(for: .milliseconds(250)).acknowledged == [])
    }

    @Test("[R6.3-5] what a WELCOME finds unsaved is saved at once, since its ACK waits for it; else a WELCOME is in no hurry")
    func urgency() {
        let rig = ClientRig.durablyAttached()
        rig.messages(1...1)
        rig.closed(1)
        rig.settle(rig.nextTimer())
        rig.opened(2)
        func urgencies(_ actions: [ClientAction]) -> [SaveUrgency] {
            actions.compactMap { if case .save(.progress, _, let urgency) = $0 { urgency } else { nil } }
        }
        rig.handleAll()
        #expect(urgencies(rig.receive(.welcome(.test(generation: 2)), on: 2)) == [.now])
        let other = ClientRig.durablyAttached()
        other.closed(1)
        other.settle(other.nextTimer())
        other.opened(2)
        #expect(urgencies(other.receive(.welcome(.test(generation: 2)), on: 2)) == [.later])
    }

    @Test("what HELLO told is not acknowledged again")
    func helloAcknowledges() {
        let rig = ClientRig.attached()
        rig.messages(1...3)
        rig.handleAll()
        rig.closed(1)
        let actions = rig.attach(.test(generation: 2, after: 3)) + rig.run(for: .seconds(1))
        #expect(actions.acknowledged == [])
    }

    @Test("[R6.3-7] [R5.4-1] a save for an old epoch that ends after a reset acknowledges nothing")
    func saveOfOldEpoch() {
        let rig = ClientRig.durablyAttached()
        rig.messages(1...40)
        let version = rig.handleAll().saves
        rig.closed(1)
        let connecting = rig.nextTimer()
        rig.saved(connecting.saves[connecting.saves.count - 1])
        rig.opened(2)
        let welcomed = rig.receive(.welcome(.test(epoch: "e.2", .reset(.epoch))), on: 2)
        #expect(welcomed.acknowledged == [], "40 is no number of this epoch")
        #expect((rig.saved(version[0]) + rig.saved(welcomed.saves[welcomed.saves.count - 1])).acknowledged == [])
    }

    @Test("a bookmark is saved with the position that it belongs to")
    func bookmark() {
        let rig = ClientRig.durablyAttached(.test(down: Window(messages: 2, bytes: 65_536)))
        rig.messages(1...3)
        rig.handle(2, bookmark: 300)
        let actions = rig.handle(0, bookmark: 100)
        #expect(actions.changes == [.progress(ClientProgress(position: .test(handled: 1, last: 1), held: Generation(1), bookmark: 100))])
        rig.saved(actions.saves[0])
        #expect(
            rig.handle(1).changes == [.progress(ClientProgress(position: .test(handled: 3, last: 3), held: Generation(1), bookmark: 300))]
        )
    }

    @Test("a server that floods the client beyond every window is at fault")
    func flood() {
        let rig = ClientRig.attached(.test(head: 5_000, down: Window(messages: 1, bytes: 1)))
        #expect(rig.messages(1...600).closes == ["1 4400"])
    }
}

extension ClientRig {
    /// A session with a record that outlives the process, whose connection 1 is attached and whose saves are all confirmed.
    static func durablyAttached(_ welcome: Welcome = .test()) -> ClientRig {
        let rig = ClientRig { $0.persistence = .durable }
        rig.settle(rig.start())
        rig.settle(rig.opened(1))
        rig.settle(rig.receive(.welcome(welcome)))
        return rig
    }

    /// Confirms the saves among the actions; what follows from that.
    @discardableResult func settle(_ actions: [ClientAction]) -> [ClientAction] {
        guard let version = actions.saves.last else { return [] }
        return self.saved(version)
    }
}
