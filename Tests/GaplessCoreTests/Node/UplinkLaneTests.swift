import GaplessCore
import Testing

@Suite("Uplink lane: one handler at a time")
struct UplinkLaneTests {
    private let now = Instant(nanoseconds: 0)
    private let newer = NodeRig.fence(4)

    /// A lane that is given events, and what each made it do.
    private struct Rig {
        var lane = UplinkLane(client: .phone, policy: HandlerPolicy(maxAttempts: 2))

        mutating func perform(_ event: (inout UplinkLane, inout [UplinkLane.Action]) -> Void) -> [UplinkLane.Action] {
            var actions: [UplinkLane.Action] = []
            event(&self.lane, &actions)
            return actions
        }

        mutating func deliver(_ delivery: UplinkDelivery) -> [UplinkLane.Action] {
            self.perform { $0.deliver(delivery, into: &$1) }
        }

        mutating func attached(
            _ fence: Fence,
            outbox: OutboxID? = ServerRig.outbox,
            mark: SequenceNumber = .zero
        ) -> [UplinkLane.Action] {
            self.perform { $0.attached(under: fence, outbox: outbox, mark: mark, into: &$1) }
        }

        mutating func displaced() -> [UplinkLane.Action] {
            self.perform { $0.displaced(into: &$1) }
        }

        mutating func returned(_ sends: [AppendOperation] = []) -> [UplinkLane.Action] {
            self.perform { $0.returned(sends: sends, into: &$1) }
        }

        mutating func threw(at now: Instant = Instant(nanoseconds: 0)) -> [UplinkLane.Action] {
            self.perform { $0.threw(now: now, into: &$1) }
        }

        mutating func decided(_ decision: HandlerDecision, at now: Instant = Instant(nanoseconds: 0)) -> [UplinkLane.Action] {
            self.perform { $0.decided(decision, now: now, into: &$1) }
        }

        mutating func committed(_ receipt: MarkReceipt, at now: Instant = Instant(nanoseconds: 0)) -> [UplinkLane.Action] {
            self.perform { $0.committed(receipt, now: now, into: &$1) }
        }

        mutating func commitFailed() -> [UplinkLane.Action] {
            self.perform { $0.commitFailed(now: Instant(nanoseconds: 0), into: &$1) }
        }

        mutating func fired(at now: Instant) -> [UplinkLane.Action] {
            self.perform { $0.timerFired(now: now, into: &$1) }
        }
    }

    private func run(_ number: UInt64, _ delivery: UplinkDelivery, failures: Int = 0) -> UplinkLane.Action {
        .run(HandlerRun(id: self.id(number), delivery: delivery, failures: failures))
    }

    private func id(_ number: UInt64) -> HandlerRun.ID {
        HandlerRun.ID(client: .phone, number: number)
    }

    private func commit(_ number: UInt64, fence: Fence = ServerRig.fence, sends: [AppendOperation] = []) -> UplinkLane.Action {
        .commit(
            MarkOperation(client: .phone, fence: fence, outbox: ServerRig.outbox, number: SequenceNumber(number), sends: sends)
        )
    }

    private var reply: AppendOperation {
        AppendOperation(recipients: .clients([.phone], existingOnly: false), payload: Payload(text: "reply"))
    }

    @Test("one at a time, in the order of the numbers, the next only after the mark of the one before [R7.2-1, R7.2-4]")
    func order() {
        var rig = Rig()
        #expect(rig.deliver(.test(1)) == [self.run(1, .test(1))])
        #expect(rig.deliver(.test(2)).isEmpty)
        #expect(rig.returned([self.reply]) == [self.commit(1, sends: [self.reply])])
        #expect(rig.committed(.advanced(sends: [])) == [.handled(ServerRig.fence, through: .first), self.run(2, .test(2))])
        #expect(!rig.lane.isIdle)
        _ = rig.returned()
        _ = rig.committed(.repeated)
        #expect(rig.lane.isIdle && rig.lane.bytes == 0)
    }

    @Test(
        "a mark that stands where it was to go, or above, is acknowledged [R7.2-4]",
        arguments: [
            MarkReceipt.repeated, .notNext(mark: SequenceNumber(7)),
        ]
    )
    func repeatedMark(receipt: MarkReceipt) {
        var rig = Rig()
        _ = rig.deliver(.test(1))
        _ = rig.returned()
        #expect(rig.committed(receipt) == [.handled(ServerRig.fence, through: .first)])
    }

    @Test("a mark that the store forgot ends the connection, and what waited behind it is dropped")
    func forgottenMark() {
        var rig = Rig()
        _ = rig.deliver(.test(5))
        _ = rig.deliver(.test(6))
        _ = rig.returned()
        #expect(rig.committed(.notNext(mark: .zero)) == [.gaveUp(ServerRig.fence)])
        #expect(rig.lane.isIdle)
    }

    @Test("a refused reply makes the handler fail as if it had thrown [R7.2-3]")
    func refusedReply() {
        var rig = Rig()
        _ = rig.deliver(.test(1))
        _ = rig.returned([self.reply])
        #expect(rig.committed(.sendRefused(index: 0, receipt: NodeRig.receipt(1))).isEmpty)
        #expect(rig.lane.nextDeadline == self.now + .milliseconds(100))
        #expect(rig.fired(at: self.now + .milliseconds(99)).isEmpty)
        #expect(rig.fired(at: self.now + .milliseconds(100)) == [self.run(2, .test(1), failures: 1)])
    }

    @Test("a service that is asked about a refused reply hears why the store refused it, and of an error of the handler nothing")
    func refusalIsTold() {
        let refusal = AppendReceipt(
            time: Timestamp(milliseconds: 1),
            deliveries: [Delivery(client: .phone, outcome: .noSuchClient)]
        )
        var rig = Rig()
        _ = rig.deliver(.test(1))
        _ = rig.threw()
        _ = rig.fired(at: self.now + .seconds(1))
        _ = rig.returned([self.reply])
        let asked = HandlerRun(id: self.id(2), delivery: .test(1), failures: 2, refused: refusal)
        #expect(rig.committed(.sendRefused(index: 0, receipt: refusal)) == [.decide(asked)])
        _ = rig.decided(.retry)
        #expect(rig.fired(at: self.now + .seconds(1)) == [self.run(3, .test(1), failures: 2)])
        #expect(rig.threw() == [.decide(HandlerRun(id: self.id(3), delivery: .test(1), failures: 3))])
    }

    @Test(
        "after the last failure the service decides: skip moves the mark, close drops what waits, retry tries on",
        arguments: [
            HandlerDecision.skip, .close, .retry,
        ]
    )
    func decides(decision: HandlerDecision) {
        var rig = Rig()
        _ = rig.deliver(.test(1))
        _ = rig.deliver(.test(2))
        _ = rig.threw()
        _ = rig.fired(at: self.now + .seconds(1))
        #expect(rig.threw() == [.decide(HandlerRun(id: self.id(2), delivery: .test(1), failures: 2))])
        switch decision {
        case .skip: #expect(rig.decided(.skip) == [self.commit(1)])
        case .close:
            #expect(rig.decided(.close) == [.gaveUp(ServerRig.fence)])
            #expect(rig.lane.isIdle)
        case .retry:
            #expect(rig.decided(.retry).isEmpty)
            #expect(rig.fired(at: self.now + .milliseconds(199)).isEmpty)
            #expect(rig.fired(at: self.now + .milliseconds(200)) == [self.run(3, .test(1), failures: 2)])
        }
    }

    @Test("the waits between attempts double up to their bound")
    func waits() {
        let policy = HandlerPolicy(firstWait: .milliseconds(100), maxWait: .seconds(1))
        #expect((1...6).map { policy.testWait(after: $0) } == [100, 200, 400, 800, 1_000, 1_000])
    }

    // MARK: The store

    @Test("a mark that may not have been committed is committed again with the same sends [R7.2-4]")
    func commitAgain() {
        var rig = Rig()
        _ = rig.deliver(.test(1))
        _ = rig.returned([self.reply])
        let failed = rig.commitFailed()
        #expect(failed == [])
        #expect(rig.lane.nextDeadline == self.now + .milliseconds(500))
        #expect(rig.fired(at: self.now + .milliseconds(500)) == [self.commit(1, sends: [self.reply])])
    }

    @Test("a refused fence ends the lane and displaces the connection")
    func refused() {
        var rig = Rig()
        _ = rig.deliver(.test(1))
        _ = rig.deliver(.test(2))
        _ = rig.returned()
        #expect(rig.committed(.refused(.gone)) == [.displaced(ServerRig.fence, .gone)])
        #expect(rig.lane.isIdle)
    }

    // MARK: Takeover

    @Test("the same outbox attaches: what is handled goes on under the new fence, what waits is sent again [R7.2-8]")
    func takeover() {
        var rig = Rig()
        _ = rig.deliver(.test(1))
        _ = rig.deliver(.test(2))
        #expect(rig.attached(self.newer).isEmpty)
        #expect(rig.deliver(.test(1, fence: self.newer)).isEmpty)
        #expect(rig.deliver(.test(2, fence: self.newer)).isEmpty)
        #expect(rig.returned() == [self.commit(1, fence: self.newer)])
        #expect(
            rig.committed(.advanced(sends: [])) == [
                .handled(self.newer, through: .first), self.run(2, .test(2, fence: self.newer)),
            ]
        )
    }

    @Test("a takeover while the mark is on its way: refused under the old fence, it is committed under the new one")
    func takeoverWhileCommitting() {
        var rig = Rig()
        _ = rig.deliver(.test(1))
        _ = rig.returned([self.reply])
        _ = rig.attached(self.newer)
        let refusal = FenceRefusal.newer(Generation(4), instance: ServerRig.instance)
        #expect(rig.committed(.refused(refusal)) == [self.commit(1, fence: self.newer, sends: [self.reply])])
        #expect(rig.committed(.advanced(sends: [])) == [.handled(self.newer, through: .first)])
    }

    @Test(
        "a takeover by another outbox while the mark is on its way: whatever becomes of the mark, the new messages wait for it and are handled [R7.2-1]",
        arguments: 0..<6
    )
    func otherOutboxWhileCommitting(answer: Int) throws {
        let other = try #require(OutboxID("o2"))
        var rig = Rig()
        _ = rig.deliver(.test(1))
        _ = rig.returned([self.reply])
        let attached = rig.attached(self.newer, outbox: other)
        #expect(attached == [])
        var first = UplinkDelivery.test(1, fence: self.newer)
        first.outbox = other
        var second = UplinkDelivery.test(2, fence: self.newer)
        second.outbox = other
        let delivered = [rig.deliver(first), rig.deliver(second)]
        #expect(delivered == [[], []])
        let actions =
            switch answer {
            case 0: rig.committed(.advanced(sends: []))
            case 1: rig.committed(.refused(.newer(Generation(4), instance: ServerRig.instance)))
            case 2: rig.committed(.notNext(mark: .zero))
            case 3: rig.committed(.repeated)
            case 4: rig.committed(.refused(.gone))
            default: rig.commitFailed()
            }
        #expect(actions == [self.run(2, first)])
    }

    @Test("a message taken over and then left by its client leaves nothing behind")
    func leftAfterTakeover() {
        var rig = Rig()
        _ = rig.deliver(.test(1))
        _ = rig.attached(self.newer)
        rig.lane.left()
        _ = rig.returned()
        _ = rig.committed(.advanced(sends: []))
        #expect(rig.lane.settled == nil && rig.lane.isIdle)
    }

    @Test("a takeover while the handler waits for its next attempt, or the service is asked, or the commit is repeated")
    func takeoverWhileWaiting() {
        var waiting = Rig()
        _ = waiting.deliver(.test(1))
        _ = waiting.threw()
        _ = waiting.attached(self.newer)
        #expect(waiting.fired(at: self.now + .seconds(1)) == [self.run(2, .test(1, fence: self.newer), failures: 1)])
        _ = waiting.threw()
        let newest = NodeRig.fence(5)
        _ = waiting.attached(newest)
        #expect(waiting.decided(.skip) == [self.commit(1, fence: newest)])
        let unanswered = waiting.commitFailed()
        #expect(unanswered == [])
        _ = waiting.attached(NodeRig.fence(6))
        #expect(waiting.fired(at: self.now + .seconds(1)) == [self.commit(1, fence: NodeRig.fence(6))])
    }

    @Test("a client comes back that was handled elsewhere meanwhile: what is handled here already there is nobody's [R7.2-2]")
    func handledElsewhere() {
        var rig = Rig()
        _ = rig.deliver(.test(1))
        #expect(rig.attached(self.newer, mark: .first) == [.cancel(self.id(1))])
        #expect(rig.deliver(.test(2, fence: self.newer)).isEmpty)
        #expect(rig.returned([self.reply]) == [self.run(2, .test(2, fence: self.newer))])
    }

    @Test(
        "another outbox attaches: the handler is cancelled, its result dropped, and the next waits for its return [R7.2-1]",
        arguments: [true, false]
    )
    func otherOutbox(hasThrown: Bool) {
        var rig = Rig()
        _ = rig.deliver(.test(1))
        _ = rig.deliver(.test(2))
        #expect(rig.attached(self.newer, outbox: Named.outbox("o2")) == [.cancel(self.id(1))])
        let first = UplinkDelivery.test(1, fence: self.newer, outbox: Named.outbox("o2"))
        #expect(rig.deliver(first).isEmpty)
        #expect((hasThrown ? rig.threw() : rig.returned([self.reply])) == [self.run(2, first)])
    }

    @Test("displaced by others: a running handler is cancelled, one that waits is not run again [R7.2-8]")
    func displaced() {
        var running = Rig()
        _ = running.deliver(.test(1))
        #expect(running.displaced() == [.cancel(self.id(1))])
        #expect(running.displaced().isEmpty)
        #expect(running.returned().isEmpty)
        #expect(running.lane.isIdle)
        var waiting = Rig()
        _ = waiting.deliver(.test(1))
        _ = waiting.threw()
        #expect(waiting.displaced().isEmpty)
        #expect(waiting.lane.isIdle && waiting.lane.nextDeadline == nil)
    }

    @Test("displaced while the service is asked or the store works: the answer ends it", arguments: [HandlerDecision.skip, .close, .retry])
    func displacedWhileAsking(decision: HandlerDecision) {
        var asking = Rig()
        _ = asking.deliver(.test(1))
        _ = asking.threw()
        _ = asking.fired(at: self.now + .seconds(1))
        _ = asking.threw()
        #expect(asking.displaced().isEmpty)
        #expect(asking.decided(decision).isEmpty)
        #expect(asking.lane.isIdle)
        var committing = Rig()
        _ = committing.deliver(.test(1))
        _ = committing.returned()
        #expect(committing.displaced().isEmpty)
        #expect(committing.committed(.refused(.gone)) == [])
    }

    // MARK: For as long as it takes

    /// A lane whose first message failed as often as may be and is to be tried on; another one waits behind it.
    private var retrying: Rig {
        var rig = Rig()
        _ = rig.deliver(.test(1))
        _ = rig.deliver(.test(2))
        _ = rig.threw()
        _ = rig.fired(at: self.now + .seconds(1))
        _ = rig.threw()
        _ = rig.decided(.retry)
        return rig
    }

    @Test("tried on for as long as it takes: the service is asked after each failure, the waits double up to 30 s, and nobody is told")
    func retriesWithoutEnd() {
        var rig = self.retrying
        var (moment, waits) = (self.now, [Int64]())
        for failures in 3...60 {
            guard let deadline = rig.lane.nextDeadline else { break }
            waits.append((deadline - moment).milliseconds)
            moment = deadline
            #expect(rig.fired(at: moment) == [self.run(UInt64(failures), .test(1), failures: failures - 1)])
            #expect(rig.threw(at: moment) == [.decide(HandlerRun(id: self.id(UInt64(failures)), delivery: .test(1), failures: failures))])
            #expect(rig.decided(.retry, at: moment).isEmpty)
        }
        #expect(waits.prefix(9) == [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000])
        #expect(waits.count == 58 && waits.dropFirst(9).allSatisfy { $0 == 30_000 })
        // What waits behind it is handled after it, and neither twice.
        _ = rig.fired(at: moment + .seconds(30))
        #expect(rig.returned() == [self.commit(1)])
        #expect(rig.committed(.advanced(sends: [])) == [.handled(ServerRig.fence, through: .first), self.run(62, .test(2))])
    }

    @Test("what is tried on is given up when its client leaves, since it brings the message again")
    func retryEndsWithTheVoice() {
        var waiting = self.retrying
        waiting.lane.left()
        #expect(waiting.lane.isIdle && waiting.lane.nextDeadline == nil && waiting.lane.bytes == 0)
        var running = self.retrying
        _ = running.fired(at: self.now + .seconds(1))
        running.lane.left()
        _ = running.threw()
        #expect(running.decided(.retry) == [.gaveUp(ServerRig.fence)])
        #expect(running.lane.isIdle)
        // The attempts that each message has are made all the same.
        var first = Rig()
        _ = first.deliver(.test(1))
        _ = first.threw()
        first.lane.left()
        #expect(first.fired(at: self.now + .seconds(1)) == [self.run(2, .test(1), failures: 1)])
        #expect(first.returned() == [self.commit(1)])
    }

    @Test("what is tried on is taken over when the client attaches here again")
    func retryIsTakenOver() {
        var waiting = self.retrying
        #expect(waiting.attached(self.newer).isEmpty)
        #expect(waiting.fired(at: self.now + .seconds(1)) == [self.run(3, .test(1, fence: self.newer), failures: 2)])
        var asking = self.retrying
        _ = asking.fired(at: self.now + .seconds(1))
        _ = asking.threw()
        asking.lane.left()
        #expect(asking.attached(self.newer).isEmpty)
        #expect(asking.decided(.retry).isEmpty)
        #expect(asking.lane.nextDeadline != nil)
    }

    @Test("the bytes that a lane holds are those of what waits and of what is handled")
    func bytes() {
        var rig = Rig()
        _ = rig.deliver(.test(1, "12345"))
        _ = rig.deliver(.test(2, "123"))
        #expect(rig.lane.bytes == 8)
        _ = rig.returned()
        _ = rig.committed(.repeated)
        #expect(rig.lane.bytes == 3)
    }
}

extension HandlerPolicy {
    /// The wait before the attempt after so many failures, found by failing.
    fileprivate func testWait(after failures: Int) -> Int64 {
        var policy = self
        policy.maxAttempts = 100
        var lane = UplinkLane(client: .phone, policy: policy)
        var actions: [UplinkLane.Action] = []
        lane.deliver(.test(1), into: &actions)
        let start = Instant(nanoseconds: 0)
        for _ in 1..<failures {
            lane.threw(now: start, into: &actions)
            lane.timerFired(now: start + .seconds(100), into: &actions)
        }
        lane.threw(now: start, into: &actions)
        return lane.nextDeadline.map { ($0 - start).milliseconds } ?? 0
    }
}
