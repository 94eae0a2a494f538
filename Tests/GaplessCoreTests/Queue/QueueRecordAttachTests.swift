import GaplessCore
import Testing

/// Protocol.md §5.2, one test a row of the table, and §5.3.
@Suite struct QueueRecordAttachTests {
    @Test func withoutQueueAndPositionTheQueueIsNew() {  // [R5.2-2]
        var queue = QueueFixture()
        let attachment = queue.record.attachFirst(queue.hello(), policy: queue.policy, now: QueueFixture.now, evicted: [])
        #expect(attachment.resume == .new)
        #expect(attachment.after == .zero)
        #expect(attachment.fence == Fence(epoch: QueueFixture.epoch, generation: Generation(1)))
        #expect(attachment.displaced == nil)
    }

    @Test func withoutQueueAPositionIsResetAsUnknown() {  // [R5.2-3]
        var queue = QueueFixture()
        let hello = queue.hello(position: queue.position(9, last: (9, 9), epoch: QueueFixture.freshEpoch), held: 4)
        let attachment = queue.record.attachFirst(hello, policy: queue.policy, now: QueueFixture.now, evicted: [Named.client("alice/old")])
        #expect(attachment.resume == .reset(.unknown))
        #expect(attachment.after == .zero)
        #expect(attachment.fence.epoch == QueueFixture.epoch)
        #expect(attachment.evicted == [Named.client("alice/old")])
    }

    @Test func aQueueThatWasNeverAttachedIsNewAndBeginsWithItsFirstMessage() throws {  // [R5.2-4]
        var queue = QueueFixture(head: 3)
        let attachment = try queue.attached(queue.hello())
        #expect(attachment.resume == .new)
        #expect(attachment.after == .zero)
        #expect(attachment.head == SequenceNumber(3))
    }

    @Test func withoutPositionAnAttachedQueueResumesAtTheFloor() throws {  // [R5.2-5]
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        let attachment = try queue.attached(queue.hello())
        #expect(attachment.resume == .resumed)
        #expect(attachment.after == SequenceNumber(2))
        #expect(queue.record.floor == SequenceNumber(2))
    }

    @Test(arguments: [
        Epoch(incarnation: Incarnation(rawValue: 8), queue: 1).token.description, "7Qm2xV9c.1", "0000000000000007.000000000000001",
    ])
    func anotherIncarnationIsARollback(epoch: String) throws {  // [R5.2-6]
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        let kept = queue.record.kept
        let token = try #require(EpochToken(epoch))
        let attachment = try queue.attached(queue.hello(position: Position(epoch: token, handled: SequenceNumber(4))))
        #expect(attachment.resume == .reset(.rollback))
        #expect(attachment.after == SequenceNumber(2))
        #expect(attachment.head == SequenceNumber(5))
        #expect(attachment.fence == Fence(epoch: QueueFixture.freshEpoch, generation: Generation(2)))
        #expect(queue.record.kept == kept)
    }

    @Test func handledAboveTheHeadIsARollback() throws {  // [R5.2-7]
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        let attachment = try queue.attached(queue.hello(position: queue.position(6)))
        #expect(attachment.resume == .reset(.rollback))
        #expect(attachment.after == SequenceNumber(2))
        #expect(attachment.fence.epoch == QueueFixture.freshEpoch)
        #expect(queue.record.floor == SequenceNumber(2))
    }

    @Test func heldAboveTheGenerationIsARollback() throws {  // [R5.2-8]
        var queue = QueueFixture(head: 5, floor: 2, generation: 3, attachedAs: QueueFixture.first)
        let attachment = try queue.attached(queue.hello(position: queue.position(3), held: 4))
        #expect(attachment.resume == .reset(.rollback))
        #expect(attachment.fence == Fence(epoch: QueueFixture.freshEpoch, generation: Generation(4)))
    }

    @Test func anotherTimeOfTheLastMessageIsARollback() throws {  // [R5.2-9]
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        let attachment = try queue.attached(queue.hello(position: queue.position(4, last: (4, 4_001))))
        #expect(attachment.resume == .reset(.rollback))
        #expect(attachment.after == SequenceNumber(2))
    }

    @Test func anotherTimeOfTheMessageAtTheFloorIsARollback() throws {  // [R5.2-14]
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        let same = try queue.attached(queue.hello(position: queue.position(2, last: (2, 2_000))))
        #expect(same.resume == .resumed)
        let other = try queue.attached(queue.hello(attempt: 7, position: queue.position(2, last: (2, 2_001))))
        #expect(other.resume == .reset(.rollback))
    }

    @Test func whatIsNotKnownOfTheLastMessageContradictsNothing() throws {  // [R5.2-14]
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        queue.kept[4] = nil
        let gone = try queue.attached(queue.hello(position: queue.position(4, last: (4, 3_500))))
        #expect(gone.resume == .resumed)
        let below = try queue.attached(queue.hello(attempt: 7, position: queue.position(4, last: (1, 1))))
        #expect(below.resume == .resumed)
        #expect(queue.record.floor == SequenceNumber(4))
    }

    @Test func aLaterTimeOfALowerNumberIsARollback() throws {  // [R5.2-14] [R4.3-5]
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        queue.kept[4] = nil
        let later = try queue.attached(queue.hello(position: queue.position(4, last: (4, 3_000))))
        #expect(later.resume == .resumed)
        var other = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        other.kept[4] = nil
        #expect(try other.attached(other.hello(position: other.position(4, last: (4, 2_999)))).resume == .reset(.rollback))
    }

    @Test func aLaterTimeAtTheFloorIsARollback() throws {  // [R5.2-14]
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        queue.kept[3] = nil
        let hello = queue.hello(position: queue.position(3, last: (3, 1_999)))
        #expect(try queue.attached(hello).resume == .reset(.rollback))
    }

    @Test(
        "[R5.2-18] what was taken is compared, and moves nothing",
        arguments: [
            (taken: (4, 4_000), resume: Resume.resumed), (taken: (4, 4_001), resume: .reset(.rollback)),
            (taken: (5, 5_000), resume: .resumed),
            (taken: (6, 6_000), resume: .reset(.rollback)), (taken: (5, 4_000), resume: .reset(.rollback)),
        ] as [(taken: (UInt64, UInt64), resume: Resume)]
    )
    func whatWasTakenIsCompared(taken: (UInt64, UInt64), resume: Resume) throws {
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        let attachment = try queue.attached(queue.hello(position: queue.position(3, last: (3, 3_000)), taken: taken))
        #expect(attachment.resume == resume)
        #expect(attachment.after == SequenceNumber(resume == .resumed ? 3 : 2))
    }

    @Test func whatWasToldAsGoneCannotBeDeliveredAgain() throws {  // [R5.2-14]
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        #expect(try queue.attached(queue.hello(position: queue.position(4, last: (3, 3_000)))).resume == .reset(.rollback))
        var expired = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        for number: UInt64 in 4...5 { expired.kept[number] = KeptTimes(time: QueueFixture.time(of: number), expires: QueueFixture.now) }
        #expect(try expired.attached(expired.hello(position: expired.position(4, last: (3, 3_000)), taken: (5, 3_000))).resume == .partial)
    }

    @Test func anotherEpochOfTheQueueIsAResetThatChangesNothing() throws {  // [R5.2-10]
        var queue = QueueFixture(head: 5, floor: 2, generation: 3, attachedAs: QueueFixture.first)
        let hello = queue.hello(position: queue.position(9, last: (9, 1), epoch: QueueFixture.freshEpoch), held: 9)
        let attachment = try queue.attached(hello)
        #expect(attachment.resume == .reset(.epoch))
        #expect(attachment.after == SequenceNumber(2))
        #expect(attachment.fence == Fence(epoch: QueueFixture.epoch, generation: Generation(4)))
        #expect(queue.record.floor == SequenceNumber(2))
    }

    @Test func theFirstRowThatFitsIsTheAnswer() throws {  // [R5.2-1]
        var queue = QueueFixture(head: 5, floor: 2, generation: 3, attachedAs: QueueFixture.first)
        // Below the floor and held beyond the generation: the store went back in time, whatever the floor says.
        let rolledBack = try queue.attached(queue.hello(position: queue.position(1), held: 9))
        #expect(rolledBack.resume == .reset(.rollback))
        // Another incarnation as well as above the head: one rollback, and the queue keeps its messages.
        queue = QueueFixture(head: 5, floor: 2, generation: 3, attachedAs: QueueFixture.first)
        let token = try #require(EpochToken("7Qm2xV9c.1"))
        let foreign = try queue.attached(queue.hello(position: Position(epoch: token, handled: SequenceNumber(9))))
        #expect(foreign.resume == .reset(.rollback))
        #expect(foreign.after == SequenceNumber(2))
    }

    @Test func handledBelowTheFloorIsPartial() throws {  // [R5.2-11]
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        let attachment = try queue.attached(queue.hello(position: queue.position(1, last: (1, 77))))
        #expect(attachment.resume == .partial)
        #expect(attachment.after == SequenceNumber(1))
        #expect(attachment.floor == SequenceNumber(2))
    }

    @Test func aMissingNextMessageIsPartialAndCountsAsAck() throws {  // [R5.2-12]
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        queue.kept[4] = nil
        let attachment = try queue.attached(queue.hello(position: queue.position(3, last: (3, 3_000))))
        #expect(attachment.resume == .partial)
        #expect(attachment.after == SequenceNumber(3))
        #expect(attachment.floor == SequenceNumber(3))
        #expect(queue.record.floorTime == QueueFixture.time(of: 3))
    }

    @Test func anExpiredNextMessageIsPartialThoughItIsStillStored() throws {  // [R6.2-3]
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        queue.kept[3] = KeptTimes(time: QueueFixture.time(of: 3), expires: QueueFixture.now)
        let attachment = try queue.attached(queue.hello(position: queue.position(2)))
        #expect(attachment.resume == .partial)
    }

    @Test(arguments: [2, 4, 5] as [UInt64])
    func aPositionFromFloorToHeadResumesAndCountsAsAck(handled: UInt64) throws {  // [R5.2-13]
        var queue = QueueFixture(head: 5, floor: 2, generation: 1, attachedAs: QueueFixture.first)
        let hello = queue.hello(position: queue.position(handled, last: (handled, handled * 1_000)), held: 1)
        let attachment = try queue.attached(hello)
        #expect(attachment.resume == .resumed)
        #expect(attachment.after == SequenceNumber(handled))
        #expect(attachment.floor == SequenceNumber(handled))
        #expect(queue.record.floor == SequenceNumber(handled))
        #expect(queue.record.discardedThrough == .zero)
    }

    @Test func thePositionOfAnEmptyQueueResumes() throws {  // [R5.2-17]
        var queue = QueueFixture(generation: 1, attachedAs: QueueFixture.first)
        let attachment = try queue.attached(queue.hello(position: queue.position(0), held: 1))
        #expect(attachment.resume == .resumed)
        #expect(attachment.after == .zero)
    }

    @Test func eachAttachRaisesTheGenerationByOneAndDisplacesTheHolder() throws {  // [R5.3-1]
        var queue = QueueFixture(generation: 3, attachedAs: QueueFixture.first)
        let holder = queue.record.holder
        let attachment = try queue.attached(queue.hello(QueueFixture.second, attempt: 1, force: true))
        #expect(attachment.fence.generation == Generation(4))
        #expect(attachment.displaced == holder)
        #expect(queue.record.holder?.instance == QueueFixture.second)
        #expect(queue.record.holder?.fence == attachment.fence)
    }

    @Test(arguments: [(4, true), (5, true), (6, false)] as [(UInt64, Bool)])
    func anAttemptThatIsNotHigherIsLate(attempt: UInt64, isLate: Bool) {  // [R5.3-2]
        var queue = QueueFixture(generation: 3, attachedAs: QueueFixture.first)
        let before = queue.record
        let decision = queue.attach(queue.hello(attempt: attempt, force: true))
        #expect((decision == .refused(.late)) == isLate)
        #expect((queue.record == before) == isLate)
    }

    @Test func anAttemptIsLateAfterTheDetachToo() {  // [R5.3-2]
        var queue = QueueFixture(generation: 3, attachedAs: QueueFixture.first)
        _ = queue.record.detach(DetachOperation(client: queue.record.client, fence: queue.fence), now: QueueFixture.now)
        #expect(queue.attach(queue.hello(attempt: 5)) == .refused(.late))
    }

    @Test func aLateHelloChangesNothingEvenWithAPositionThatWouldBeARollback() {  // [R5.1-2]
        var queue = QueueFixture(head: 5, generation: 3, attachedAs: QueueFixture.first)
        let before = queue.record
        #expect(queue.attach(queue.hello(attempt: 5, position: queue.position(9))) == .refused(.late))
        #expect(queue.record == before)
    }

    @Test func anOldHelloOfAnotherInstanceIsARival() {  // [R5.3-3]
        var queue = QueueFixture(generation: 3, attachedAs: QueueFixture.first)
        let before = queue.record
        let hello = queue.hello(QueueFixture.second, attempt: 9, position: queue.position(0), held: 2)
        #expect(queue.attach(hello) == .refused(.rival))
        #expect(queue.record == before)
    }

    @Test func aRivalAttachesWithForceOrHoldingTheNewestOrWithoutHeldOrInAnotherEpochOrWithoutPosition() throws {  // [R5.3-4]
        let fixture = QueueFixture(generation: 3, attachedAs: QueueFixture.first)
        let here = fixture.position(0)
        let elsewhere = fixture.position(0, epoch: QueueFixture.freshEpoch)
        for hello in [
            fixture.hello(QueueFixture.second, position: here, held: 2, force: true),
            fixture.hello(QueueFixture.second, position: here, held: 3),
            fixture.hello(QueueFixture.second, position: here),
            fixture.hello(QueueFixture.second, position: elsewhere, held: 2),
            fixture.hello(QueueFixture.second),
            fixture.hello(QueueFixture.first, position: here, held: 2),
        ] {
            var queue = fixture
            #expect(try queue.attached(hello).fence.generation == Generation(4))
        }
    }

    @Test func aRivalAttachesWhenTheHolderIsDeadOrGone() throws {  // [R5.3-4]
        var queue = QueueFixture(generation: 3, attachedAs: QueueFixture.first)
        let hello = queue.hello(QueueFixture.second, position: queue.position(0), held: 2)
        var other = queue
        #expect(try queue.attached(hello, isHolderAlive: false).fence.generation == Generation(4))
        _ = other.record.detach(DetachOperation(client: other.record.client, fence: other.fence), now: QueueFixture.now)
        let attachment = try other.attached(hello, isHolderAlive: true)
        #expect(attachment.displaced == nil)
    }

    @Test func theWishedLifetimeIsCapped() throws {
        var queue = QueueFixture()
        #expect(try queue.attached(queue.hello(keep: .seconds(5))).retention.keep == .seconds(5))
        #expect(try queue.attached(queue.hello(attempt: 7, keep: .seconds(99 * 86_400))).retention.keep == queue.policy.maxKeep)
        #expect(try queue.attached(queue.hello(attempt: 8, keep: .zero)).retention.keep == .milliseconds(1))
        #expect(try queue.attached(queue.hello(attempt: 9)).retention.keep == queue.policy.retention.keep)
    }

    @Test func theMarkOfTheNamedOutboxIsToldAndSurvivesARollback() throws {  // [R7.2-6]
        var queue = QueueFixture(head: 1, generation: 1, attachedAs: QueueFixture.first)
        queue.record.outboxes.set(Named.outbox("o1"), to: SequenceNumber(8))
        #expect(try queue.attached(queue.hello(outbox: Named.outbox("o1"))).mark == SequenceNumber(8))
        #expect(try queue.attached(queue.hello(attempt: 7, outbox: Named.outbox("o2"))).mark == .zero)
        #expect(try queue.attached(queue.hello(attempt: 8)).mark == .zero)
        let rolledBack = try queue.attached(queue.hello(attempt: 9, position: queue.position(9), outbox: Named.outbox("o1")))
        #expect(rolledBack.resume == .reset(.rollback))
        #expect(rolledBack.mark == SequenceNumber(8))
    }
}
