import GaplessCore
import Testing

@Suite("ClientSession leaving")
struct ClientSessionLeavingTests {
    private func end(_ rig: ClientRig, _ ending: ClientEnding = .afterUplink) -> [ClientAction] {
        rig.drive { $0.end(ending, &$1) }
    }

    // MARK: Leaving

    @Test("[R3.7-6] leaving closes with 1000 and keeps everything")
    func leave() {
        let rig = ClientRig.attached()
        rig.send("a")
        let record = rig.session.record
        let actions = rig.leave()
        #expect(actions == [.close(ConnectionID(1), .normal), .deliver(.state(.idle))])
        #expect(rig.session.record == record)
        #expect(rig.session.nextDeadline == nil)
        #expect(rig.leave() == [])
    }

    @Test("what was handled is saved and acknowledged before")
    func leaveAfterAcknowledging() {
        let rig = ClientRig.durablyAttached()
        rig.messages(1...3)
        rig.handle(0)
        rig.handle(1)
        let actions = rig.leave()
        #expect(actions.closes == [] && actions.sent == [])
        let saved = rig.settle(actions)
        #expect(saved.acknowledged == [2])
        #expect(saved.closes == ["1 1000"])
        #expect(saved.states == [.idle])
    }

    @Test("a connection that is lost meanwhile is left")
    func leaveAndLose() {
        let rig = ClientRig.durablyAttached()
        rig.messages(1...1)
        rig.handle(0)
        rig.leave()
        #expect(rig.closed(1).states == [.idle])
        #expect(rig.session.nextDeadline == nil)
    }

    @Test("leaving stops what waits, opens or moves")
    func leaveAnywhere() {
        let waiting = ClientRig.attached()
        waiting.closed(1)
        #expect(waiting.leave().states == [.idle])
        #expect(waiting.session.nextDeadline == nil)
        let opening = ClientRig()
        opening.start()
        #expect(opening.leave().closes == ["1 1000"])
        let moving = ClientRig.attached()
        moving.receive(.drain(Drain(within: .seconds(30))))
        #expect(moving.leave().closes == ["2 1000", "1 1000"])
        #expect(moving.session.nextDeadline == nil)
        let saving = ClientRig { $0.persistence = .durable }
        saving.start()
        #expect(saving.leave() == [.deliver(.state(.idle))], "nothing was opened yet")
    }

    @Test("a session that was left starts again where it was")
    func startAgain() {
        let rig = ClientRig.attached()
        rig.messages(1...2)
        rig.handleAll()
        rig.leave()
        let hello = rig.hello()
        #expect(hello?.attempt == Attempt(2))
        #expect(hello?.position == .test(handled: 2, last: 2))
    }

    @Test("starting again while leaving stays")
    func startWhileLeaving() {
        let rig = ClientRig.durablyAttached()
        rig.messages(1...1)
        rig.handle(0)
        let leaving = rig.leave()
        rig.start()
        #expect(rig.settle(leaving).closes == [])
        #expect(rig.messages(2...2).delivered == [2])
    }

    // MARK: BYE

    @Test("[R10.3-4] nothing but the application's wish sends BYE")
    func neverByItself() {
        let rig = ClientRig.attached()
        var actions = rig.messages(1...3) + rig.send("a") + rig.receive(.drain(Drain(within: .seconds(10))))
        actions += rig.run(for: .seconds(60)) + rig.leave()
        #expect(!actions.sent.contains(.bye))
    }

    @Test("[R10.3-3] BYE is the last frame; 4502 confirms it")
    func bye() {
        let rig = ClientRig.attached()
        rig.messages(1...3)
        #expect(self.end(rig) == [.send(ConnectionID(1), .bye)])
        let after = rig.handleAll() + rig.receive(.ping(1)) + rig.receive(.authenticate(within: .seconds(9))) + rig.run(for: .seconds(29))
        #expect(after.sent == [])
        let actions = rig.refuse(1, .ended)
        #expect(actions.states == [.stopped(StopReason(code: .ended, message: "No."))])
        #expect(rig.session.record.progress == ClientProgress())
    }

    @Test("BYE waits until the uplink was handled")
    func byeAfterUplink() {
        let rig = ClientRig.attached()
        rig.send(["a", "b"])
        #expect(self.end(rig) == [])
        #expect(rig.receive(.acknowledge(through: .first)).sent == [])
        #expect(rig.receive(.acknowledge(through: SequenceNumber(2))).sent == [.bye])
    }

    @Test("BYE at once gives the rest up, and says so when it is certain")
    func byeAtOnce() {
        let rig = ClientRig.attached()
        rig.send(["a", "b"])
        #expect(self.end(rig, .immediately).sent == [.bye])
        #expect(rig.refuse(1, .ended).contains(.discarded([UplinkTicket(1), UplinkTicket(2)], .sessionEnded)))
        #expect(rig.session.record.outbox.messages == [])
    }

    @Test("nothing is accepted any more once the end is wanted")
    func refusedAfterEnd() {
        let rig = ClientRig.attached()
        _ = self.end(rig)
        #expect(throws: UplinkRefusal.sessionEnded) { try rig.session.enqueue(Payload(text: "a"), &rig.turn) }
    }

    @Test("a BYE without 4502 is said again")
    func byeAgain() {
        let rig = ClientRig.attached()
        _ = self.end(rig)
        rig.closed(1)
        #expect(rig.attach(.test(epoch: "e.2", .reset(.unknown))).sent.last == .bye)
        #expect(rig.refuse(2, .ended).states.count == 1)
    }

    @Test("[R8-4] a BYE that nothing answers ends in silence, and is said again")
    func byeIntoSilence() {
        let rig = ClientRig.attached()
        _ = self.end(rig)
        let actions = rig.run(for: .seconds(30))
        #expect(actions.closes == ["1 4105"])
        #expect(actions.sent == [])
        #expect(rig.attach(.test(generation: 2)).sent.last == .bye)
    }

    @Test("an end that is wanted while idle or offline is made as soon as there is a connection")
    func endOffline() {
        let rig = ClientRig()
        #expect(self.end(rig).connects.count == 1)
        rig.opened(1)
        #expect(rig.receive(.welcome(.test())).sent == [.bye])
    }

    @Test("an end that is wanted while moving is made when the move is over")
    func endWhileMoving() {
        let rig = ClientRig.attached()
        rig.receive(.drain(Drain(within: .seconds(30))))
        #expect(self.end(rig) == [])
        rig.opened(2)
        let actions = rig.receive(.welcome(.test(generation: 2)), on: 2)
        #expect(actions.sent(on: 2) == [.bye])
    }

    @Test("after the end the application may start a new session")
    func startAfterEnd() {
        let rig = ClientRig.attached()
        let outbox = rig.session.record.outbox.id
        _ = self.end(rig)
        rig.refuse(1, .ended)
        let hello = rig.hello()
        #expect(hello?.position == nil)
        #expect(hello?.outbox != outbox)
        rig.send("a")
        #expect(rig.receive(.welcome(.test(epoch: "e.2", .new)), on: 2).uplink == ["1 a"])
    }
}
