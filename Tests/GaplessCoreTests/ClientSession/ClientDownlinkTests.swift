import Testing

@testable import GaplessCore

@Suite("ClientDownlink")
struct ClientDownlinkTests {
    private let now = Instant(nanoseconds: 0)
    private let epoch = EpochToken.test("e.1")

    /// A downlink that was welcomed after a number and took so many messages; the references of those.
    private func welcomed(after: UInt64 = 0, taking count: UInt64 = 0) -> (ClientDownlink, [EventReference]) {
        var downlink = ClientDownlink(ClientProgress())
        _ = downlink.welcomed(.test(after: after))
        var references: [EventReference] = []
        for number in 0..<count {
            if case .message(let reference, _) = downlink.take(.test(after + 1 + number), epoch: self.epoch) {
                references.append(reference)
            }
        }
        return (downlink, references)
    }

    // MARK: Numberings

    @Test("[R5.4-7] the first WELCOME gives epoch and place")
    func first() {
        var downlink = ClientDownlink(ClientProgress())
        #expect(downlink.welcomed(.test(generation: 3, after: 17)) == .first)
        #expect(downlink.taken == SequenceNumber(17))
        #expect(downlink.progress == ClientProgress(position: .test(handled: 17, last: nil), held: Generation(3)))
    }

    @Test("[R5.4-2] the same epoch keeps what was taken and handled")
    func same() {
        var (downlink, references) = self.welcomed(taking: 5)
        downlink.handled(through: references[2], bookmark: nil, now: self.now)
        #expect(downlink.welcomed(.test(generation: 2, after: 1)) == .same)
        #expect(downlink.taken == SequenceNumber(5))
        #expect(downlink.progress.position == .test(handled: 3, last: 3))
        #expect(downlink.progress.held == Generation(2))
    }

    @Test("[R5.4-3] a place above what was taken is a gap, acknowledged by another copy")
    func skipped() {
        var (downlink, _) = self.welcomed(taking: 5)
        guard case .skipped(let reference, let gap) = downlink.welcomed(.test(after: 9)) else { return #expect(Bool(false)) }
        #expect(gap == .test(6, 9, .acknowledged))
        #expect(reference.through == SequenceNumber(9))
        #expect(downlink.taken == SequenceNumber(9))
    }

    @Test("[R5.4-4] another epoch starts at its place, without a last message")
    func reset() {
        var (downlink, references) = self.welcomed(taking: 5)
        downlink.handled(through: references[4], bookmark: 99, now: self.now)
        #expect(downlink.welcomed(.test(epoch: "e.2", after: 2)) == .reset)
        #expect(downlink.taken == SequenceNumber(2))
        #expect(downlink.progress.position == .test("e.2", handled: 2, last: nil))
        #expect(downlink.progress.bookmark == 99)
        #expect(downlink.deadline == nil, "nothing of the old numbering is to be acknowledged")
    }

    @Test("[R5.4-1] what was taken in an epoch is nothing in the next one, even if that is the same again")
    func staleReferences() {
        var (downlink, old) = self.welcomed(taking: 2)
        _ = downlink.welcomed(.test(epoch: "e.2"))
        _ = downlink.take(.test(1), epoch: .test("e.2"))
        downlink.handled(old[0], bookmark: nil, now: self.now)
        #expect(downlink.progress.position == .test("e.2", handled: 0, last: nil))
        _ = downlink.welcomed(.test(epoch: "e.1"))
        _ = downlink.take(.test(1), epoch: .test("e.1"))
        downlink.handled(old[0], bookmark: nil, now: self.now)
        #expect(downlink.progress.position == .test("e.1", handled: 0, last: nil))
        #expect(downlink.deadline == nil)
    }

    @Test("a forgotten position leaves nothing")
    func forget() {
        var (downlink, references) = self.welcomed(taking: 2)
        downlink.forget()
        downlink.handled(references[0], bookmark: nil, now: self.now)
        #expect(downlink.progress == ClientProgress())
        #expect(downlink.welcomed(.test(after: 1)) == .first)
    }

    // MARK: Taking

    @Test(
        "[R6.1-2] a message is taken only as the next one",
        arguments: [(5, false), (6, true), (7, false), (8, false)] as [(UInt64, Bool)]
    )
    func next(number: UInt64, isTaken: Bool) {
        var (downlink, _) = self.welcomed(taking: 5)
        let taking = downlink.take(.test(number), epoch: self.epoch)
        if isTaken {
            guard case .message(_, let message) = taking else { return #expect(Bool(false), "\(taking)") }
            #expect(message == .test(number))
        } else {
            #expect(taking == (number <= 5 ? .dropped : .fault))
        }
        #expect(downlink.taken == SequenceNumber(isTaken ? number : 5))
    }

    @Test("[R5.4-1] a message of another epoch is dropped, whatever its number", arguments: [1, 5, 6, 7] as [UInt64])
    func foreignEpoch(number: UInt64) {
        var (downlink, _) = self.welcomed(taking: 5)
        #expect(downlink.take(.test(number), epoch: .test("e.9")) == .dropped)
        #expect(downlink.take(.test(number, number), epoch: .test("e.9")) == .dropped)
    }

    @Test(
        "[R6.2-7] [R6.2-8] of a gap only the part that is new counts, and it begins at the next number",
        arguments: [
            (1, 3, nil), (1, 5, nil), (5, 5, nil), (6, 6, 6), (6, 9, 9), (3, 9, 9), (5, 6, 6), (1, 6, 6),
        ] as [(UInt64, UInt64, UInt64?)]
    )
    func gaps(first: UInt64, last: UInt64, taken: UInt64?) {
        var (downlink, _) = self.welcomed(taking: 5)
        let taking = downlink.take(.test(first, last), epoch: self.epoch)
        guard let taken else { return #expect(taking == .dropped) }
        guard case .gap(let reference, let gap) = taking else { return #expect(Bool(false), "\(taking)") }
        #expect(gap == .test(6, taken))
        #expect(reference.through == SequenceNumber(taken))
        #expect(downlink.taken == SequenceNumber(taken))
    }

    @Test("[R6.2-8] a gap that leaves a hole before it is a fault")
    func gapBeyond() {
        var (downlink, _) = self.welcomed(taking: 5)
        #expect(downlink.take(.test(7, 9), epoch: self.epoch) == .fault)
        #expect(downlink.taken == SequenceNumber(5))
    }

    @Test("a server that sends more than two windows without an acknowledgement is at fault")
    func overfilled() {
        var downlink = ClientDownlink(ClientProgress())
        _ = downlink.welcomed(.test(down: Window(messages: 300, bytes: 1_048_576)))
        for number in 1...600 as ClosedRange<UInt64> {
            guard case .message = downlink.take(.test(number), epoch: self.epoch) else { return #expect(Bool(false), "\(number)") }
        }
        #expect(downlink.take(.test(601), epoch: self.epoch) == .fault)
    }

    @Test("[R4.3-4] a message of any size is taken while the window has bytes")
    func large() {
        var downlink = ClientDownlink(ClientProgress())
        _ = downlink.welcomed(.test(down: Window(messages: 8, bytes: 1)))
        guard case .message = downlink.take(.test(1, size: 1_048_576), epoch: self.epoch) else { return #expect(Bool(false)) }
    }

    // MARK: Handling

    @Test("[R6.3-1] the position moves over the longest unbroken run", arguments: [1, 2, 3, 4] as [UInt64])
    func prefix(seed: UInt64) {
        var luck = SeededLuck(seed)
        var (downlink, references) = self.welcomed(taking: 30)
        var done: Set<Int> = []
        for index in Array(references.indices).shuffled(using: &luck) {
            downlink.handled(references[index], bookmark: UInt64(index), now: self.now)
            done.insert(index)
            let run = references.indices.first { !done.contains($0) } ?? references.count
            #expect(downlink.progress.position?.handled == SequenceNumber(UInt64(run)))
            #expect(downlink.progress.bookmark == (run == 0 ? nil : UInt64(run - 1)))
        }
    }

    @Test("an event that is reported twice counts once")
    func twice() {
        var (downlink, references) = self.welcomed(taking: 3)
        for _ in 0..<3 { downlink.handled(references[0], bookmark: nil, now: self.now) }
        #expect(downlink.progress.position?.handled == SequenceNumber(1))
        downlink.handled(through: references[2], bookmark: nil, now: self.now)
        downlink.handled(references[1], bookmark: nil, now: self.now)
        #expect(downlink.progress.position?.handled == SequenceNumber(3))
    }

    @Test("[R6.2-9] a gap is handled like a message, and leaves the last message as it was")
    func gapHandled() {
        var (downlink, references) = self.welcomed(taking: 2)
        guard case .gap(let gap, _) = downlink.take(.test(3, 7), epoch: self.epoch) else { return #expect(Bool(false)) }
        downlink.handled(through: references[1], bookmark: nil, now: self.now)
        downlink.handled(gap, bookmark: nil, now: self.now)
        #expect(downlink.progress.position == .test(handled: 7, last: 2))
    }

    // MARK: Saving

    @Test(
        "[R6.3-3] [R6.3-4] a batch is due at an eighth of the window, at least one",
        arguments: [
            (Window(messages: 16, bytes: 1_000_000), 10, 2), (Window(messages: 256, bytes: 1_000_000), 10, 32),
            (Window(messages: 1, bytes: 9), 1, 1),
            (Window(messages: 23, bytes: 1_000_000), 10, 2), (Window(messages: 1_000, bytes: 800), 10, 10),
            (Window(messages: 1_000, bytes: 7), 0, 125),
        ] as [(Window, Int, UInt64)]
    )
    func batches(window: Window, size: Int, due: UInt64) {
        var downlink = ClientDownlink(ClientProgress())
        _ = downlink.welcomed(.test(down: window))
        for number in 1...due {
            #expect(!downlink.isSaveDue(now: self.now, window: window))
            guard case .message(let reference, _) = downlink.take(.test(number, size: size), epoch: self.epoch) else {
                return #expect(Bool(false))
            }
            downlink.handled(reference, bookmark: nil, now: self.now)
        }
        #expect(downlink.isSaveDue(now: self.now, window: window))
    }

    @Test("[R6.3-5] a batch is due 250 ms after its first event")
    func batchDeadline() {
        var (downlink, references) = self.welcomed(taking: 3)
        #expect(downlink.deadline == nil)
        downlink.handled(references[0], bookmark: nil, now: self.now)
        downlink.handled(references[1], bookmark: nil, now: self.now + .milliseconds(200))
        #expect(downlink.deadline == self.now + .milliseconds(250))
        #expect(!downlink.isSaveDue(now: self.now + .milliseconds(249), window: .defaultDownlink))
        #expect(downlink.isSaveDue(now: self.now + .milliseconds(250), window: .defaultDownlink))
    }

    @Test("while a save is under way the next batch waits for it, unless the save is in no hurry")
    func oneSave() {
        var (downlink, references) = self.welcomed(taking: 3)
        downlink.saving(SaveVersion(1), .later)
        downlink.handled(references[0], bookmark: nil, now: self.now)
        #expect(downlink.deadline != nil)
        downlink.saving(SaveVersion(2), .now)
        downlink.handled(references[1], bookmark: nil, now: self.now)
        #expect(downlink.deadline == nil && downlink.isUnsaved)
        downlink.saved(through: SaveVersion(2))
        #expect(downlink.saved.position == .test(handled: 1, last: 1))
        #expect(downlink.deadline == self.now + .milliseconds(250))
        #expect(!downlink.isSettled)
    }
}
