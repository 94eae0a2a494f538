import GaplessCore
import Testing

@Suite("Node: handlers and their marks")
struct NodeLogicHandlerTests {
    private func run(_ number: UInt64, _ delivery: UplinkDelivery, failures: Int = 0) -> HandlerRun {
        HandlerRun(id: HandlerRun.ID(client: delivery.client, number: number), delivery: delivery, failures: failures)
    }

    private func mark(_ number: UInt64, fence: Fence = ServerRig.fence, sends: [AppendOperation] = []) -> MarkOperation {
        MarkOperation(client: .phone, fence: fence, outbox: ServerRig.outbox, number: SequenceNumber(number), sends: sends)
    }

    @Test("a message runs its handler; its mark and sends are one commit; then it is acknowledged and its replies handed over [R7.2-3]")
    func wholeWay() {
        let rig = NodeRig.started()
        let address = rig.attached()
        #expect(rig.deliver(.test(1)) == .does(.run(self.run(1, .test(1)))))
        let reply = AppendOperation(recipients: .clients([.phone], existingOnly: false), payload: Payload(text: "x"))
        #expect(rig.returned(1, sends: [reply]) == .does(.commit(.advanceMark(self.mark(1, sends: [reply])))))
        let receipt = MarkReceipt.advanced(sends: [NodeRig.receipt(9)])
        let output = rig.commit(CommittedOperation(.advanceMark(self.mark(1, sends: [reply])), .advanceMark(receipt)))
        #expect(output == .tells(address, .committed(9), .handled(through: .first)))
    }

    @Test("a message of a connection that is not the voice any more is dropped [R5.3-6]")
    func displaced() {
        let rig = NodeRig.started()
        _ = rig.attached()
        #expect(rig.deliver(.test(1, fence: NodeRig.fence(2))) == .nothing)
        #expect(rig.deliver(.test(1, client: Named.client("bob"))) == .nothing)
    }

    @Test("once a mark was refused, no handler gets what the connection still brings: something before it was dropped [R7.2-1]")
    func nothingBehindARefusedMark() {
        let rig = NodeRig.started()
        let address = rig.attached()
        _ = rig.deliver(.test(1))
        _ = rig.deliver(.test(2))
        _ = rig.returned(1)
        let refusal = FenceRefusal.newer(Generation(9), instance: nil)
        let output = rig.commit(CommittedOperation(.advanceMark(self.mark(1)), .advanceMark(.refused(refusal))))
        #expect(output == .tells(address, .displaced(refusal)))
        #expect(rig.deliver(.test(3)) == .nothing)
    }

    @Test("once the service gave up on a message, no handler gets what the connection still brings [R7.2-1]")
    func nothingBehindAMessageThatWasGivenUp() {
        let rig = NodeRig.started()
        let address = rig.attached()
        _ = rig.deliver(.test(1))
        _ = rig.deliver(.test(2))
        _ = rig.returned(1)
        let output = rig.commit(CommittedOperation(.advanceMark(self.mark(1)), .advanceMark(.notNext(mark: .zero))))
        #expect(output == .tells(address, .gaveUp))
        #expect(rig.deliver(.test(3)) == .nothing)
    }

    @Test("once the queue is gone, no handler gets what the connection still brings [R7.2-1]")
    func nothingBehindTheEndOfAQueue() {
        let rig = NodeRig.started()
        _ = rig.attached()
        _ = rig.deliver(.test(1))
        let remove = RemoveOperation(client: .phone)
        _ = rig.commit(CommittedOperation(.remove(remove), .remove(.removed(holder: nil, code: remove.code))))
        #expect(rig.deliver(.test(2)) == .nothing)
    }

    @Test("a handler outlives its connection, and its mark is committed under the old fence [R7.2-8]")
    func outlives() {
        let rig = NodeRig.started()
        let address = rig.attached()
        _ = rig.deliver(.test(1))
        _ = rig.deliver(.test(2))
        #expect(rig.close(address) == .nothing)
        #expect(rig.returned(1) == .does(.commit(.advanceMark(self.mark(1)))))
        let output = rig.commit(CommittedOperation(.advanceMark(self.mark(1)), .advanceMark(.advanced(sends: []))))
        #expect(output == .does(.run(self.run(2, .test(2)))))
    }

    @Test("a lost socket does not repeat a handler: the same outbox attaches here, and the mark moves under the new fence [R7.2-8]")
    func takenOver() {
        let rig = NodeRig.started()
        let old = rig.attached()
        _ = rig.deliver(.test(1))
        _ = rig.close(old)
        let new = rig.open()
        #expect(rig.attach(new, fence: NodeRig.fence(4)).effects.isEmpty)
        #expect(rig.deliver(.test(1, fence: NodeRig.fence(4))) == .nothing)
        let mark = self.mark(1, fence: NodeRig.fence(4))
        #expect(rig.returned(1) == .does(.commit(.advanceMark(mark))))
        #expect(
            rig.commit(CommittedOperation(.advanceMark(mark), .advanceMark(.advanced(sends: []))))
                == .tells(new, .handled(through: .first))
        )
    }

    @Test("a mark refused by the fence displaces the connection that sent the message [R5.3-5, R5.3-7]")
    func refusedMark() {
        let rig = NodeRig.started()
        let address = rig.attached()
        _ = rig.deliver(.test(1))
        _ = rig.returned(1)
        let refusal = FenceRefusal.newer(Generation(4), instance: Named.instance("i2"))
        let output = rig.commit(CommittedOperation(.advanceMark(self.mark(1)), .advanceMark(.refused(refusal))))
        #expect(output == .tells(address, .displaced(refusal)))
        #expect(rig.logic.isDrained == false)
    }

    @Test("a session that finds itself displaced has its handler cancelled; the late answer of it is dropped [R7.2-8]")
    func cancelled() {
        let rig = NodeRig.started()
        _ = rig.attached()
        _ = rig.deliver(.test(1))
        #expect(rig.displaced() == .does(.cancel(HandlerRun.ID(client: .phone, number: 1))))
        #expect(rig.displaced() == .nothing)
        #expect(rig.returned(1) == .nothing)
        #expect(rig.displaced(from: NodeRig.fence(2)) == .nothing)
    }

    @Test(
        "a queue that ended takes its handlers with it",
        arguments: [
            CommittedOperation(.remove(RemoveOperation(client: .phone)), .remove(.removed(holder: nil, code: .removedByOperator))),
            CommittedOperation(.end(EndOperation(client: .phone, fence: ServerRig.fence)), .end(.ended)),
            CommittedOperation(
                .expire(ExpireOperation()),
                .expire(ExpireReceipt(news: [], messages: 0, queues: [.phone], hasMore: false))
            ),
        ]
    )
    func ended(operation: CommittedOperation) {
        let rig = NodeRig.started()
        _ = rig.attached()
        _ = rig.deliver(.test(1))
        #expect(rig.commit(operation).effects == [.cancel(HandlerRun.ID(client: .phone, number: 1))])
    }

    @Test("a handler that fails is tried again on time, five times, then the service decides")
    func retries() {
        let rig = NodeRig.started()
        let address = rig.attached()
        _ = rig.deliver(.test(1))
        var run: UInt64 = 1
        for wait in [100, 200, 400, 800] {
            #expect(rig.threw(run) == .nothing)
            let output = rig.live(for: .milliseconds(wait), storeAnswers: true)
            run += 1
            #expect(output.effects.contains(.run(self.run(run, .test(1), failures: Int(run) - 1))))
        }
        #expect(rig.threw(5) == .does(.decide(self.run(5, .test(1), failures: 5))))
        #expect(rig.decided(5, .close) == .tells(address, .gaveUp))
    }

    @Test("the service may skip: the mark moves, without sends")
    func skip() {
        let rig = NodeRig.started { $0.handlers.maxAttempts = 1 }
        _ = rig.attached()
        _ = rig.deliver(.test(1))
        #expect(rig.threw(1) == .does(.decide(self.run(1, .test(1), failures: 1))))
        #expect(rig.decided(1, .skip) == .does(.commit(.advanceMark(self.mark(1)))))
    }

    @Test("the service may go on trying: the client is told nothing and stays")
    func triedOn() {
        let rig = NodeRig.started { $0.handlers.maxAttempts = 1 }
        _ = rig.attached()
        _ = rig.deliver(.test(1))
        for run in UInt64(1)...12 {
            #expect(rig.threw(run) == .does(.decide(self.run(run, .test(1), failures: Int(run)))))
            #expect(rig.decided(run, .retry) == .nothing)
            let output = rig.live(for: .seconds(30), storeAnswers: true)
            #expect(output.notices.isEmpty)
            #expect(output.effects.contains(.run(self.run(run + 1, .test(1), failures: Int(run)))))
        }
        #expect(rig.returned(13) == .does(.commit(.advanceMark(self.mark(1)))))
    }

    @Test("a mark that the store failed on is committed again, without running the handler again [R7.2-4]")
    func commitAgain() {
        let rig = NodeRig.started()
        let address = rig.attached()
        _ = rig.deliver(.test(1))
        _ = rig.returned(1)
        #expect(rig.commitFailed(SubmittedOperation(.advanceMark(self.mark(1)))) == .nothing)
        let output = rig.live(for: .milliseconds(500), storeAnswers: true)
        #expect(output.effects.contains(.commit(.advanceMark(self.mark(1)))))
        let repeated = rig.commit(CommittedOperation(.advanceMark(self.mark(1)), .advanceMark(.repeated)))
        #expect(repeated == .tells(address, .handled(through: .first)))
    }

    // MARK: The budget of the process

    private func code(_ notices: [SessionNotice]) -> [CloseCode] {
        notices.compactMap { if case .close(let ending) = $0 { ending.error.code } else { nil } }
    }

    @Test("a message that the process has no room for closes its connection with 4100, once, and runs no handler [R7.3-3]")
    func budget() {
        let rig = NodeRig.started { $0.maxUplinkBytes = 10 }
        let address = rig.attached()
        #expect(rig.deliver(.test(1, "1234567890")).effects.count == 1)
        let refused = rig.deliver(.test(2, "1"))
        guard case .close(let ending)? = refused.notices(to: address).first else { return #expect(Bool(false)) }
        #expect(ending.error.code == .overloaded && ending.error.retryAfter == .seconds(2) && ending.error.jitter == .seconds(3))
        #expect(refused.effects.isEmpty && refused.notices.count == 1)
        // What follows would be out of order, also when there is room again.
        #expect(rig.deliver(.test(3, "1")) == .nothing)
        _ = rig.returned(1)
        let handled = rig.commit(CommittedOperation(.advanceMark(self.mark(1)), .advanceMark(.advanced(sends: []))))
        #expect(handled == .tells(address, .handled(through: .first)))
        #expect(rig.deliver(.test(4, "1")) == .nothing)
    }

    @Test("whoever was sent away brings the message again, and those who send nothing notice nothing [R7.3-3]")
    func budgetAgain() {
        let rig = NodeRig.started { $0.maxUplinkBytes = 10 }
        let quiet = rig.open()
        _ = rig.attach(quiet, Named.client("bob"))
        let address = rig.attached()
        _ = rig.deliver(.test(1, "1234567890"))
        #expect(rig.deliver(.test(2, "12")).notices(to: quiet).isEmpty)
        _ = rig.close(address)
        _ = rig.returned(1)
        _ = rig.commit(CommittedOperation(.advanceMark(self.mark(1)), .advanceMark(.advanced(sends: []))))
        let again = rig.open()
        _ = rig.attach(again, fence: NodeRig.fence(4))
        #expect(rig.deliver(.test(2, "12", fence: NodeRig.fence(4))).effects.count == 1)
    }

    @Test("an empty message needs no room, and one that fits exactly is taken")
    func budgetExact() {
        let rig = NodeRig.started { $0.maxUplinkBytes = 3 }
        _ = rig.attached()
        for (number, text) in [(1, "12"), (2, "3"), (3, "")] as [(UInt64, String)] {
            #expect(self.code(rig.deliver(.test(number, text)).notices.map(\.notice)).isEmpty)
        }
        #expect(self.code(rig.deliver(.test(4, "4")).notices.map(\.notice)) == [.overloaded])
    }
}
