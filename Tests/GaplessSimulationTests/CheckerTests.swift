import GaplessCore
import GaplessStore
import Testing

@testable import GaplessSimulation

@Suite("Simulation: the checker finds what is broken, and nothing where nothing is")
struct CheckerTests {
    @Test("a history without a fault breaks nothing")
    func clean() {
        let history = History()
        history.append(1)
        history.append(2)
        history.attach(1, head: 2)
        history.welcome()
        history.hand(1)
        history.handle(1)
        history.acknowledge(1)
        history.hand(2)
        history.handle(2)
        history.acknowledge(2)
        #expect(history.broken == [])
    }

    @Test("I1: a number that is not the next")
    func order() {
        let history = History()
        history.append(1)
        history.append(3)
        #expect(history.broken == [.order])
    }

    @Test("I2: a number that was passed over")
    func silentLoss() {
        let history = History()
        for number in UInt64(1)...3 { history.append(number) }
        history.welcome()
        history.hand(1)
        history.hand(3)
        #expect(history.broken == [.noSilentLoss])
    }

    @Test("I2: a stream that goes on somewhere else than its position")
    func resumeAtHead() {
        let history = History()
        for number in UInt64(1)...3 { history.append(number) }
        let position = Position(epoch: History.epoch.token, handled: .zero, last: nil)
        history.attach(1, history.attachOperation(position: position), resume: .resumed, floor: 3, head: 3)
        #expect(history.broken.contains(.noSilentLoss))
    }

    @Test("I3: a number that is handed over twice")
    func duplicate() {
        let history = History()
        history.append(1)
        history.welcome()
        history.hand(1)
        history.hand(1)
        #expect(history.broken == [.noDuplicate])
    }

    @Test("I3: a successor that gets more than a window again")
    func moreThanAWindow() {
        let history = History {
            $0.downlinkMessages = 1
            $0.durableClients = [true]
        }
        for number in UInt64(1)...2 { history.append(number) }
        history.welcome()
        for number in UInt64(1)...2 {
            history.hand(number)
            history.handle(number)
        }
        history.checker.listeners[history.process.number]?.last = 0
        history.checker.listeners[history.process.number]?.isSuccessor = true
        history.hand(1)
        #expect(history.broken == [])
        history.hand(2)
        #expect(history.broken == [.noDuplicate])
    }

    @Test("I3: one send, stored twice; and a key that stands for two contents")
    func storedTwice() {
        let history = History()
        history.append(1, "m1")
        history.append(2, "m1")
        let delivery = Delivery(client: history.client, outcome: .stored(SequenceNumber(2), History.epoch))
        let receipt = AppendReceipt(time: history.world.trueTime, deliveries: [delivery])
        history.checker.accepted(history.operation("m1"), receipt, text: "m1")
        #expect(history.broken == [.noDuplicate])
        history.checker.repeated("m1", receipt, receipt, isChanged: true)
        history.checker.repeated("m1", receipt, receipt, isChanged: false)
        #expect(history.broken == [.noDuplicate, .noDuplicate, .noDuplicate])
    }

    @Test("I4: a payload that nobody appended under the number")
    func invention() {
        let history = History()
        history.append(1)
        history.welcome()
        history.hand(1, "other")
        #expect(history.broken == [.noInvention])
    }

    @Test("I5: gaps over what is not gone", arguments: [GapReason.expired, .overflow, .acknowledged, .removed])
    func dishonestGap(reason: GapReason) {
        let history = History()
        history.append(1)
        history.welcome()
        history.hand(gap: 1, 1, reason)
        #expect(history.broken == [.honestGaps])
    }

    @Test("I5: gaps over what is gone are honest")
    func honestGaps() {
        let history = History { $0.maxMessages = 1 }
        history.append(1)
        history.append(2, discarded: SequenceRange(.first, through: .first))
        history.welcome()
        history.hand(gap: 1, 1, .overflow)
        history.handle(2)
        history.hand(gap: 2, 2, .acknowledged)
        #expect(history.broken == [])
    }

    @Test("I5: resets that are not due", arguments: [ResetReason.rollback, .unknown, .epoch])
    func needlessReset(reason: ResetReason) {
        let history = History()
        history.append(1)
        let position = Position(epoch: History.epoch.token, handled: .zero, last: nil)
        history.attach(1, history.attachOperation(position: position), resume: .reset(reason), head: 1)
        #expect(history.broken == [.honestGaps])
    }

    @Test("I5: another epoch without a reset, and a reset to the same one")
    func silentReset() {
        let other = Epoch(incarnation: Incarnation(rawValue: 1), queue: 2)
        let history = History()
        history.append(1)
        history.welcome()
        history.hand(1)
        history.checker.reset(.epoch, history.process)
        history.welcome(after: 0)
        history.hand(gap: 1, 1, .acknowledged)
        #expect(history.broken.contains(.honestGaps))
        let silent = History()
        silent.append(1)
        silent.welcome()
        silent.hand(1)
        silent.welcome(epoch: other)
        let gap = Gap(SequenceRange(.first, through: .first), reason: .expired)
        silent.checker.handed(gap, silent.reference(1, epoch: other), to: silent.process)
        #expect(silent.broken.contains(.honestGaps))
    }

    @Test("I5: a time that nobody may believe yet")
    func earlyTime() {
        let history = History()
        history.checker.clock.move(0, by: 3_600_000, now: history.world.now)
        history.checker.noteTime(history.world.trueTime + .seconds(1))
        #expect(history.broken == [.honestGaps])
    }

    @Test("I6: a receipt for what is not there")
    func receiptWithoutMessage() {
        let history = History()
        let delivery = Delivery(client: history.client, outcome: .stored(.first, History.epoch))
        let receipt = AppendReceipt(time: history.world.trueTime, deliveries: [delivery])
        history.checker.accepted(history.operation("m1"), receipt, text: "m1")
        #expect(history.broken.first == .durableFirst)
    }

    @Test("I7: a queue that keeps too many messages or bytes, and a gateway that lets too many wait")
    func bounds() {
        let history = History { $0.maxMessages = 1 }
        history.append(1)
        history.append(2)
        #expect(history.broken == [.bounded])
        let bytes = History { $0.maxBytes = 3 }
        bytes.append(1)
        bytes.append(2)
        #expect(bytes.broken == [.bounded])
        let waiting = History()
        waiting.checker.waits(3, in: waiting.runningNode().gateway, limit: 2)
        #expect(waiting.broken == [.bounded])
    }

    @Test("I8: a client that is not attached, and a sender that waits for ever")
    func liveness() {
        let history = History()
        #expect(!history.checker.isQuiet)
        history.checker.finish()
        #expect(history.broken.contains(.liveness))
    }

    @Test("I9: what an old fence did, attaches that come late or as a rival, and a generation twice")
    func voices() {
        let history = History()
        history.append(1)
        history.attach(1, head: 1)
        history.attach(2, head: 1)
        history.handle(1)
        history.acknowledge(1, under: 1)
        #expect(history.broken == [.oneVoice])

        let late = History()
        late.attach(1, late.attachOperation(attempt: 5))
        late.attach(2, late.attachOperation(attempt: 5))
        #expect(late.broken == [.oneVoice])
        late.commit(.attach(late.attachOperation(attempt: 6)), .attach(.late))
        #expect(late.broken == [.oneVoice, .oneVoice])

        let rival = History()
        var random = SeededRandom(seed: 2, stream: "rival")
        rival.attach(1)
        rival.attach(2)
        let position = Position(epoch: History.epoch.token, handled: .zero, last: nil)
        let other = rival.attachOperation(instance: InstanceID(using: &random), position: position, held: Generation(1))
        rival.attach(3, other, resume: .resumed)
        #expect(rival.broken == [.oneVoice])

        let again = History()
        again.attach(1)
        again.attach(1, again.attachOperation(attempt: 9))
        #expect(again.broken == [.oneVoice])
    }

    @Test("I9: a detach, a BYE and a mark under an old fence")
    func oldFences() {
        let history = History()
        history.attach(1)
        history.attach(2)
        let old = History.fence(1)
        history.commit(.detach(DetachOperation(client: history.client, fence: old)), .detach(.detached))
        #expect(history.broken == [.oneVoice])
        history.commit(.end(EndOperation(client: history.client, fence: old)), .end(.ended))
        #expect(history.broken == [.oneVoice, .oneVoice])
    }

    @Test("I10: an acknowledgement of what nobody handled")
    func unsafeAcknowledgement() {
        let history = History()
        history.append(1)
        history.attach(1, head: 1)
        history.acknowledge(1)
        #expect(history.broken == [.safeAcknowledgement])
    }

    @Test("a queue that expires or gives way while somebody is attached, or before its time")
    func endsOfQueues() {
        func expire(_ history: History) {
            let receipt = ExpireReceipt(news: [], messages: 0, queues: [history.client], hasMore: false)
            history.commit(.expire(ExpireOperation()), .expire(receipt))
        }
        let attached = History()
        attached.attach(1)
        expire(attached)
        #expect(attached.broken.first == .noSilentLoss)
        let early = History()
        early.append(1)
        expire(early)
        #expect(early.broken == [.noSilentLoss])
    }
}
