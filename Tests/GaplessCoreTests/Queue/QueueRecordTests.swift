import GaplessCore
import Testing

@Suite struct QueueRecordTests {
    let phone = Named.client("alice/phone")

    // MARK: Fences

    @Test func onlyTheCurrentFenceHasEffects() {  // [R5.3-5] [R5.3-6]
        let queue = QueueFixture(generation: 3, attachedAs: QueueFixture.first)
        #expect(queue.record.refusal(of: queue.fence) == nil)
        #expect(
            queue.record.refusal(of: Fence(epoch: QueueFixture.epoch, generation: Generation(2)))
                == .newer(Generation(3), instance: QueueFixture.first)
        )
        #expect(
            queue.record.refusal(of: Fence(epoch: QueueFixture.freshEpoch, generation: Generation(3))) == .otherEpoch(QueueFixture.epoch)
        )
        let foreign = Epoch(incarnation: Incarnation(rawValue: 9), queue: 1)
        #expect(queue.record.refusal(of: Fence(epoch: foreign, generation: Generation(3))) == .otherEpoch(QueueFixture.epoch))
    }

    @Test func aGenerationFromTheFutureIsAnotherNumbering() {  // [R5.3-14]
        let queue = QueueFixture(generation: 3, attachedAs: QueueFixture.first)
        let fence = Fence(epoch: QueueFixture.epoch, generation: Generation(4))
        #expect(queue.record.refusal(of: fence) == .otherEpoch(QueueFixture.epoch))
    }

    @Test func afterItsDetachAConnectionsHandlerStillWorksUnderItsFence() {  // [R7.2-8]
        var queue = QueueFixture(generation: 3, attachedAs: QueueFixture.first)
        let fence = queue.fence
        #expect(queue.record.detach(DetachOperation(client: self.phone, fence: fence), now: QueueFixture.now) == .detached)
        #expect(queue.record.holder == nil)
        #expect(queue.record.refusal(of: fence) == nil)
        let older = Fence(epoch: fence.epoch, generation: Generation(2))
        #expect(queue.record.refusal(of: older) == .newer(Generation(3), instance: nil))
    }

    @Test func aRepeatedDetachDoesNotProlongTheLifetime() {
        var queue = QueueFixture(generation: 3, attachedAs: QueueFixture.first)
        let detach = DetachOperation(client: self.phone, fence: queue.fence)
        #expect(queue.record.detach(detach, now: Timestamp(milliseconds: 700)) == .detached)
        #expect(queue.record.detach(detach, now: Timestamp(milliseconds: 900)) == .detached)
        #expect(queue.record.lastAttachment?.detached == Timestamp(milliseconds: 700))
    }

    @Test func aDisplacedDetachChangesNothing() {  // [R5.3-6]
        var queue = QueueFixture(generation: 3, attachedAs: QueueFixture.first)
        let before = queue.record
        let old = Fence(epoch: QueueFixture.epoch, generation: Generation(2))
        let receipt = queue.record.detach(DetachOperation(client: self.phone, fence: old), now: QueueFixture.now)
        #expect(receipt == .refused(.newer(Generation(3), instance: QueueFixture.first)))
        #expect(queue.record == before)
    }

    @Test func anAttachInDoubtIsTakenBackByItsAttemptAlone() {
        var queue = QueueFixture(generation: 3, attachedAs: QueueFixture.first)
        let before = queue.record
        let made = queue.hello(QueueFixture.first, attempt: before.lastAttachment?.attempt.rawValue ?? 0)
        var others = [made, made, made]
        others[0].attempt = Attempt(made.attempt.rawValue + 1)
        others[1].instance = QueueFixture.second
        others[2].node = NodeIdentity(name: made.node.name, incarnation: ~made.node.incarnation)
        for other in others {
            let receipt = queue.record.detach(DetachOperation(doubting: other), now: QueueFixture.now)
            #expect(receipt == .refused(.newer(Generation(3), instance: QueueFixture.first)))
            #expect(queue.record == before)
        }
        #expect(queue.record.detach(DetachOperation(doubting: made), now: QueueFixture.now) == .detached)
        #expect(queue.record.holder == nil && queue.record.generation == before.generation)
    }

    // MARK: Acknowledging

    @Test func anAckMovesTheFloorAndRemembersItsTime() {  // [R6.3-9]
        var queue = QueueFixture(head: 5, floor: 1, generation: 1, attachedAs: QueueFixture.first)
        #expect(queue.acknowledge(4) == .acknowledged(floor: SequenceNumber(4), head: SequenceNumber(5)))
        #expect(queue.record.floor == SequenceNumber(4))
        #expect(queue.record.floorTime == QueueFixture.time(of: 4))
        queue.record.removed(KeptSum(messages: 3, bytes: 30))
        #expect(queue.record.kept == KeptSum(messages: 1, bytes: 10))
    }

    @Test func anAckBelowTheFloorMovesNothing() {  // [R6.3-8]
        var queue = QueueFixture(head: 5, floor: 3, generation: 1, attachedAs: QueueFixture.first)
        #expect(queue.acknowledge(2) == .acknowledged(floor: SequenceNumber(3), head: SequenceNumber(5)))
        #expect(queue.record.floorTime == QueueFixture.time(of: 3))
    }

    @Test func anAckBeyondTheHeadChangesNothing() {  // [R6.3-11]
        var queue = QueueFixture(head: 5, floor: 3, generation: 1, attachedAs: QueueFixture.first)
        let before = queue.record
        #expect(queue.acknowledge(6) == .beyondHead(SequenceNumber(5)))
        #expect(queue.record == before)
    }

    @Test func theTimeOfAMessageThatWasGoneIsNotKnownAtTheFloor() {
        var queue = QueueFixture(head: 5, floor: 3, generation: 1, attachedAs: QueueFixture.first)
        queue.kept[4] = nil
        _ = queue.acknowledge(4)
        #expect(queue.record.floorTime == nil)
    }

    // MARK: Room

    @Test func roomIsBoundedByCount() {
        var queue = QueueFixture(head: 5)
        let retention = RetentionPolicy(maxMessages: 6, maxBytes: 1_000)
        #expect(queue.record.room(for: 10, under: retention) == .enough)
        #expect(queue.record.append(bytes: 10) == SequenceNumber(6))
        #expect(queue.record.kept == KeptSum(messages: 6, bytes: 60))
        #expect(queue.record.room(for: 10, under: retention) == .short(KeptSum(messages: 1, bytes: 0)))
        let smaller = RetentionPolicy(maxMessages: 2, maxBytes: 1_000)
        #expect(queue.record.room(for: 10, under: smaller) == .short(KeptSum(messages: 5, bytes: 0)))
    }

    @Test func roomIsBoundedByBytes() {
        let queue = QueueFixture(head: 5)
        #expect(queue.record.room(for: 50, under: RetentionPolicy(maxBytes: 100)) == .enough)
        #expect(queue.record.room(for: 51, under: RetentionPolicy(maxBytes: 100)) == .short(KeptSum(messages: 0, bytes: 1)))
        #expect(queue.record.room(for: 100, under: RetentionPolicy(maxBytes: 100)) == .short(KeptSum(messages: 0, bytes: 50)))
        #expect(queue.record.room(for: 101, under: RetentionPolicy(maxBytes: 100)) == .refused(.tooLarge))
    }

    @Test func aQueueAtTheHighestNumberTakesNothing() {
        var queue = QueueFixture()
        queue.record.head = .max
        #expect(queue.record.room(for: 1, under: RetentionPolicy()) == .refused(.queueFull))
    }

    @Test func retentionMovesWhatIsDiscardedAndNeverTheFloor() {  // [R6.2-4]
        var queue = QueueFixture(head: 9, floor: 1)
        queue.record.overflowed(KeptSum(messages: 2, bytes: 20), through: SequenceNumber(3))
        queue.record.expired(KeptSum(messages: 1, bytes: 10), through: SequenceNumber(6))
        #expect(queue.record.kept == KeptSum(messages: 5, bytes: 50))
        #expect(queue.record.overflowedThrough == SequenceNumber(3))
        #expect(queue.record.discardedThrough == SequenceNumber(6))
        #expect(queue.record.floor == SequenceNumber(1))
    }

    @Test func aMessageExpiresAfterItsTimeToLiveAndNeverLaterThanRetentionSays() {
        let retention = RetentionPolicy(maxAge: .seconds(10))
        let now = Timestamp(milliseconds: 5_000)
        #expect(QueueRecord.expiry(timeToLive: nil, under: retention, now: now) == Timestamp(milliseconds: 15_000))
        #expect(QueueRecord.expiry(timeToLive: .seconds(2), under: retention, now: now) == Timestamp(milliseconds: 7_000))
        #expect(QueueRecord.expiry(timeToLive: .seconds(60), under: retention, now: now) == Timestamp(milliseconds: 15_000))
        #expect(QueueRecord.expiry(timeToLive: .zero, under: retention, now: now) == Timestamp(milliseconds: 5_001))
    }

    // MARK: Marks

    @Test func aMarkMovesByOneOnly() {  // [R7.2-4]
        var queue = QueueFixture(generation: 1, attachedAs: QueueFixture.first)
        #expect(queue.mark("o1", 2) == .notNext(mark: .zero))
        #expect(queue.mark("o1", 0) == .notNext(mark: .zero))
        #expect(queue.mark("o1", 1) == nil)
        #expect(queue.mark("o1", 1) == .repeated)
        #expect(queue.mark("o1", 2) == nil)
        #expect(queue.mark("o1", 1) == .notNext(mark: SequenceNumber(2)))
        #expect(queue.mark("o1", 4) == .notNext(mark: SequenceNumber(2)))
        #expect(queue.record.outboxes[Named.outbox("o1")] == SequenceNumber(2))
    }

    @Test func aMarkUnderAnOldFenceMovesNothing() {  // [R5.3-6]
        var queue = QueueFixture(generation: 2, attachedAs: QueueFixture.first)
        let operation = MarkOperation(
            client: self.phone,
            fence: Fence(epoch: QueueFixture.epoch, generation: Generation(1)),
            outbox: Named.outbox("o1"),
            number: .first
        )
        #expect(queue.record.advanceMark(operation) == .refused(.newer(Generation(2), instance: QueueFixture.first)))
        #expect(queue.record.outboxes[Named.outbox("o1")] == .zero)
    }

    @Test func theFourOutboxesUsedLastAreRemembered() {  // [R7.2-7]
        var marks = OutboxMarks()
        for (index, name) in ["o1", "o2", "o3", "o4"].enumerated() {
            marks.set(Named.outbox(name), to: SequenceNumber(UInt64(index + 1)))
        }
        marks.use(Named.outbox("o1"))
        marks.use(Named.outbox("unknown"))
        marks.set(Named.outbox("o5"), to: .first)
        #expect(marks.entries.map(\.outbox.description) == ["o3", "o4", "o1", "o5"])
        #expect(marks[Named.outbox("o2")] == .zero)
        #expect(marks[Named.outbox("o1")] == .first)
        marks.set(Named.outbox("o3"), to: SequenceNumber(9))
        #expect(marks.entries.map(\.mark.rawValue) == [4, 1, 1, 9])
    }

    @Test func namingAnUnknownOutboxDisplacesNone() throws {  // [R7.2-7]
        var queue = QueueFixture(generation: 1, attachedAs: QueueFixture.first)
        for name in ["o1", "o2", "o3", "o4"] { _ = queue.mark(name, 1) }
        for attempt in 6...12 as ClosedRange<UInt64> {
            _ = try queue.attached(queue.hello(attempt: attempt, outbox: Named.outbox("idle\(attempt)")))
        }
        #expect(queue.record.outboxes[Named.outbox("o1")] == .first)
    }
}

extension QueueFixture {
    mutating func acknowledge(_ number: UInt64) -> AcknowledgeReceipt {
        let kept = self.kept
        let operation = AcknowledgeOperation(client: self.record.client, fence: self.fence, through: SequenceNumber(number))
        return self.record.acknowledge(operation) { kept[$0.rawValue] }
    }

    mutating func mark(_ name: String, _ number: UInt64) -> MarkReceipt? {
        self.record.advanceMark(
            MarkOperation(client: self.record.client, fence: self.fence, outbox: Named.outbox(name), number: SequenceNumber(number))
        )
    }
}
