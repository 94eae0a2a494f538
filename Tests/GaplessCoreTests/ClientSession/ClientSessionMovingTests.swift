import GaplessCore
import Testing

@Suite("ClientSession moving")
struct ClientSessionMovingTests {
    private func attached(_ welcome: Welcome = .test(), endpoints: [String] = [.a]) -> ClientRig {
        ClientRig.attached(welcome) { $0.endpoints = endpoints }
    }

    private func drain(_ rig: ClientRig, _ seconds: Int = 30, _ endpoints: [String]? = nil, on id: UInt64 = 1) -> [ClientAction] {
        rig.receive(.drain(Drain(within: .seconds(seconds), endpoints: endpoints)), on: id)
    }

    /// Attached on 1, with 2 opening because of DRAIN.
    private func moving() -> ClientRig {
        let rig = self.attached()
        #expect(self.drain(rig).connects == ["2 \(String.a)"])
        return rig
    }

    // MARK: The second connection

    @Test("[R10.1-2] with nothing in flight the second connection is opened at once, with the next attempt; the first stays")
    func opensSecond() {
        let rig = self.attached()
        let actions = self.drain(rig)
        #expect(actions.connects == ["2 \(String.a)"])
        #expect(actions.closes == [] && actions.states == [])
        #expect(rig.opened(2).hello?.attempt == Attempt(2))
    }

    @Test("[R10.1-1] [R10.1-2] it waits for the uplink in flight, and new uplink waits for it")
    func settles() {
        let rig = self.attached()
        rig.send(["a", "b"])
        #expect(self.drain(rig) == [])
        #expect(rig.send("c") == [])
        #expect(rig.receive(.acknowledge(through: .first)).connects == [])
        let actions = rig.receive(.acknowledge(through: SequenceNumber(2)))
        #expect(actions.connects == ["2 \(String.a)"])
        #expect(actions.uplink == [])
        rig.opened(2)
        #expect(rig.receive(.welcome(.test(generation: 2, mark: 2)), on: 2).uplink(on: 2) == ["3 c"])
    }

    @Test("[R10.1-2] or until half of the time is over")
    func settlesAtHalf() {
        let rig = self.attached()
        rig.send("a")
        _ = self.drain(rig)
        rig.live(for: .milliseconds(14_999))
        #expect(rig.fire().connects == [])
        rig.pass(.milliseconds(1))
        #expect(rig.fire().connects == ["2 \(String.a)"])
    }

    @Test("[R10.1-1] what the window held back is held back too")
    func heldBackByWindow() {
        let rig = self.attached(.test(up: Window(messages: 1, bytes: 100)))
        rig.send(["a", "b"])
        _ = self.drain(rig)
        let actions = rig.receive(.acknowledge(through: .first))
        #expect(actions.uplink == [])
        #expect(actions.connects.count == 1)
    }

    @Test("[R10.1-1] numbers that were being saved are not sent on the first any more")
    func savedWhileMoving() {
        let rig = ClientRig.durablyAttached()
        let queued = rig.send("a")
        let draining = self.drain(rig)
        #expect(rig.settle(queued).sent == [])
        rig.settle(draining)
        rig.settle(rig.opened(2))
        #expect(rig.settle(rig.receive(.welcome(.test(generation: 2)), on: 2)).uplink(on: 2) == [])
        #expect(rig.session.record.outbox.assigned == .first)
    }

    @Test("[R10.1-3] the first is in full use until the WELCOME on the second")
    func firstInFullUse() {
        let rig = self.moving()
        rig.opened(2)
        #expect(rig.messages(1...32).delivered.count == 32)
        #expect(rig.handleAll().sent(on: 1) == [.acknowledge(through: SequenceNumber(32))])
        #expect(rig.receive(.ping(5)).sent(on: 1) == [.pong(5)])
        #expect(rig.receive(.ping(6), on: 2).sent(on: 2) == [.pong(6)])
        #expect(rig.messages(33...34).delivered == [33, 34])
    }

    @Test("[R10.1-5] after the WELCOME on the second nothing is sent on the first, except its Close")
    func nothingOnTheFirst() {
        let rig = self.moving()
        rig.messages(1...3)
        rig.opened(2)
        var actions = rig.receive(.welcome(.test(generation: 2)), on: 2)
        actions += rig.handleAll() + rig.send("a")
        actions += rig.receive(.ping(1)) + rig.receive(.authenticate(within: .seconds(9))) + rig.messages(4...40)
        actions += rig.handleAll() + rig.run(for: .seconds(4))
        #expect(actions.sent(on: 1) == [])
        #expect(actions.uplink(on: 2) == ["1 a"])
        #expect(actions.acknowledged.last == 40)
        #expect(rig.run(for: .seconds(1)).closes == ["1 1000"], "left open for 5 s")
    }

    @Test("[R10.1-6] MSG and GAP that still arrive on the first count, by the same numbers")
    func lateFramesCount() {
        let rig = self.moving()
        rig.opened(2)
        rig.receive(.welcome(.test(generation: 2)), on: 2)
        #expect(rig.messages(1...2).delivered == [1, 2])
        #expect(rig.receive(.gap(.test(2, 4))).gaps == [.test(3, 4)])
        #expect(rig.messages(1...6, on: 2).delivered == [5, 6])
        #expect(rig.messages(5...7).delivered == [7])
    }

    @Test("[R10.1-6] [R7.1-6] an ACK on the first counts as far as the second's numbers go on without a hole")
    func lateAcknowledgement() {
        let rig = self.attached(.test(up: Window(messages: 2, bytes: 100)))
        rig.send(["a", "b"])
        _ = self.drain(rig, 2)
        rig.live(for: .seconds(1))
        #expect(rig.fire().connects.count == 1)
        rig.opened(2)
        let welcomed = rig.receive(.welcome(.test(generation: 2, mark: 0, up: Window(messages: 1, bytes: 100))), on: 2)
        #expect(welcomed.uplink(on: 2) == ["1 a"])
        #expect(rig.receive(.acknowledge(through: SequenceNumber(2))).confirmed == [])
        let acknowledged = rig.receive(.acknowledge(through: .first))
        #expect(acknowledged.confirmed == [1])
        #expect(acknowledged.uplink(on: 2) == ["2 b"])
    }

    @Test("[R10.1-7] what the first says or does after that changes nothing", arguments: [4500, 4501, 4451, 4200, 4000, 1006] as [UInt16])
    func lateEndings(code: UInt16) {
        let rig = self.moving()
        rig.opened(2)
        rig.receive(.welcome(.test(generation: 2)), on: 2)
        let state = rig.session.state
        #expect(rig.refuse(1, CloseCode(rawValue: code), forget: true) == [])
        #expect(rig.session.state == state)
        #expect(rig.messages(1...1, on: 2).delivered == [1])
    }

    @Test("[R10.1-7] AUTH and DRAIN on the first after that mean nothing")
    func lateRequests() {
        let rig = ClientRig.attached { configuration in
            configuration.tokenSource = .application
            configuration.token = "t"
        }
        _ = self.drain(rig)
        rig.opened(2)
        rig.receive(.welcome(.test(generation: 2)), on: 2)
        #expect(rig.receive(.authenticate(within: .seconds(9))) == [])
        #expect(rig.receive(.authenticated) == [])
        #expect(self.drain(rig) == [])
    }

    @Test("a server that breaks a rule on the first is closed there, and nothing else changes")
    func lateFault() {
        let rig = self.moving()
        rig.opened(2)
        rig.receive(.welcome(.test(generation: 2)), on: 2)
        let actions = rig.receive(.message(.test(9)))
        #expect(actions.closes == ["1 4400"])
        #expect(actions.states == [])
        #expect(rig.messages(1...1, on: 2).delivered == [1])
    }

    @Test("[R5.4-5] a reset on the second closes the first at once")
    func resetWhileMoving() {
        let rig = self.moving()
        rig.messages(1...2)
        rig.opened(2)
        let actions = rig.receive(.welcome(.test(epoch: "e.2", .reset(.rollback))), on: 2)
        #expect(actions.closes == ["1 1000"])
        #expect(actions.events == [.reset(.rollback)])
        #expect(rig.messages(3...3) == [])
    }

    @Test("an ACK on the first for an outbox that was given up since means nothing")
    func lateAcknowledgementOfAnotherOutbox() {
        let rig = self.moving()
        rig.opened(2)
        rig.receive(.welcome(.test(generation: 2)), on: 2)
        rig.send(["a", "b"])
        rig.refuse(2, .unknownClient, forget: true)
        #expect(rig.receive(.acknowledge(through: .first)) == [])
        #expect(rig.session.record.outbox.messages.count == 2)
    }

    // MARK: Where to

    @Test("the second goes where the server said")
    func toldEndpoint() {
        let rig = self.attached(endpoints: [.a, .b])
        #expect(self.drain(rig, 30, [.c]).connects == ["2 \(String.c)"])
    }

    @Test("else to another endpoint of the list, else to the same URL")
    func otherEndpoint() {
        let rig = ClientRig { $0.endpoints = [.a, .b] }
        let first = rig.start().connects.map { $0.dropFirst(2) }
        rig.opened(1)
        rig.receive(.welcome(.test()))
        #expect(self.drain(rig).connects.map { $0.dropFirst(2) } != first)
        #expect(self.drain(self.attached()).connects == ["2 \(String.a)"])
    }

    @Test("a ws: endpoint that comes over wss: is ignored")
    func plainEndpoint() {
        #expect(self.drain(self.attached(), 30, ["ws://b.example.com/gapless"]).connects == ["2 \(String.a)"])
    }

    // MARK: Failing to move

    @Test(
        "[R10.1-4] [R10.1-7] a refused second does not end the first; another one is tried with backoff",
        arguments: [4100, 4451, 4400, 4501, 4200, 4300] as [UInt16]
    )
    func refusedSecond(code: UInt16) {
        let rig = self.moving()
        rig.opened(2)
        let actions = rig.refuse(2, CloseCode(rawValue: code), forget: true)
        #expect(actions.states == [] && actions.events == [] && actions.closes == [])
        #expect(rig.messages(1...1).delivered == [1])
        let wait = rig.untilDeadline ?? .seconds(99)
        #expect(wait <= .milliseconds(500))
        #expect(rig.nextTimer().connects == ["3 \(String.a)"])
        #expect(rig.opened(3).hello?.client == .phone)
    }

    @Test("[R5.3-11] a second that is answered with 4500 takes a new instance")
    func supersededSecond() {
        let rig = self.moving()
        let instance = rig.opened(2).hello?.instance
        rig.refuse(2, .superseded)
        rig.nextTimer()
        let hello = rig.opened(3).hello
        #expect(hello?.instance != instance && hello?.attempt == .first)
    }

    @Test("[R10.1-4] it is tried until the time is over, and only then the first is let go, 5 s later")
    func neverMoved() {
        let rig = self.attached()
        var actions = self.drain(rig, 30)
        let end = rig.turn.now + .seconds(35)
        var attempts = 0
        while rig.turn.now < end {
            for case .connect(let id, _) in actions {
                attempts += 1
                #expect(rig.turn.now < end + .seconds(-5))
                #expect(rig.failed(id.rawValue).states == [])
            }
            if rig.turn.now < end { #expect(rig.receive(.pong(0)) == []) }
            actions = rig.nextTimer()
        }
        #expect(attempts > 3)
        #expect(rig.turn.now == end)
        #expect(actions.closes == ["1 1000"])
        guard case .offline(.notMoved, _)? = actions.states.last else { return #expect(Bool(false)) }
        #expect(rig.connect() != nil)
    }

    @Test("[R11.2-5] a second is not tried where the server asked for time")
    func postponedSecond() {
        let rig = self.attached()
        _ = self.drain(rig)
        rig.opened(2)
        rig.refuse(2, .overloaded, retryAfter: .seconds(20))
        let refused = rig.turn.now
        while rig.nextTimer().connects.isEmpty { rig.receive(.pong(0)) }
        #expect(.seconds(20) <= rig.turn.now - refused)
    }

    @Test(
        "when the first ends while the second is opening, the client goes on with the second",
        arguments: [nil, 4000, 4500, 4501, 4200] as [UInt16?]
    )
    func firstEnds(code: UInt16?) {
        let rig = self.moving()
        let actions = rig.closed(1, code.map { CloseCode(rawValue: $0) })
        #expect(actions.connects == [] && actions.closes == [] && actions.events == [])
        rig.opened(2)
        #expect(rig.receive(.welcome(.test(generation: 2)), on: 2).states.count == 1)
    }

    /// Attached on 1, with 2 opening because of DRAIN and having said `HELLO`; then 1 is told to be superseded.
    private func superseded() -> (rig: ClientRig, attachment: ClientState) {
        let rig = self.moving()
        rig.opened(2)
        let attachment = rig.session.state
        let actions = rig.refuse(1, .superseded)
        #expect(actions.states == [] && actions.connects == [] && actions.closes == [])
        return (rig, attachment)
    }

    @Test("[R10.1-7] 4500 on the first while the second's HELLO waits for its answer is that HELLO's doing: nothing is told")
    func supersededByTheSecond() {
        let (rig, attachment) = self.superseded()
        #expect(rig.send("a").sent == [], "there is nothing to send it on")
        #expect(rig.run(for: .milliseconds(999)).states == [])
        #expect(rig.session.state == attachment)
        let actions = rig.receive(.welcome(.test(generation: 2)), on: 2)
        #expect(actions.states == [], "the same node by the same way: the same state")
        #expect(actions.uplink(on: 2) == ["1 a"])
        #expect(rig.run(for: .seconds(10)).states == [])
        #expect(rig.messages(1...1, on: 2).delivered == [1])
    }

    @Test("unless the answer does not come within 1 s")
    func supersededAndKeptWaiting() {
        let (rig, _) = self.superseded()
        #expect(rig.run(for: .seconds(1)).states == [.connecting(endpoint: .a)])
        #expect(rig.run(for: .seconds(3)).states == [], "once")
        #expect(rig.receive(.welcome(.test(generation: 2)), on: 2).states.count == 1)
    }

    @Test("or the second fails, however it fails", arguments: [nil, 4100, 4500, 4103] as [UInt16?])
    func supersededAndRefused(code: UInt16?) {
        let (rig, _) = self.superseded()
        let actions = code.map { rig.refuse(2, CloseCode(rawValue: $0)) } ?? rig.closed(2)
        guard case .offline? = actions.states.last else { return #expect(Bool(false), "\(actions)") }
        #expect(rig.connect() == 3)
        let more = rig.opened(3) + rig.run(for: .seconds(2))
        #expect(more.states == [], "what was waited for is over")
        #expect(rig.receive(.welcome(.test(generation: 3)), on: 3).states.count == 1)
    }

    @Test("or the second was refused already")
    func supersededAfterARefusal() {
        let rig = self.moving()
        rig.opened(2)
        rig.receive(.error(ErrorFrame(code: .overloaded, message: "No.")), on: 2)
        #expect(rig.refuse(1, .superseded).states == [.connecting(endpoint: .a)])
    }

    @Test("leaving in that moment is leaving")
    func leavingWhileSuperseded() {
        let (rig, _) = self.superseded()
        let actions = rig.leave()
        #expect(actions.states == [.idle])
        #expect(actions.closes == ["2 1000"])
        #expect(rig.session.nextDeadline == nil)
    }

    @Test("unless the code says stop", arguments: [4400, 4449, 4450, 4499] as [UInt16])
    func firstIsStopped(code: UInt16) {
        let rig = self.moving()
        let actions = rig.closed(1, CloseCode(rawValue: code))
        #expect(actions.closes == ["2 1000"])
        #expect(actions.states == [.stopped(StopReason(code: CloseCode(rawValue: code), message: ""))])
        #expect(rig.session.nextDeadline == nil)
    }

    @Test("when the first ends while none is opening, its code decides")
    func firstEndsBetweenTries() {
        let rig = self.moving()
        rig.failed(2)
        let actions = rig.refuse(1, .draining, jitter: .seconds(5))
        guard case .offline(.closed(.draining, _), let wait)? = actions.states.last else { return #expect(Bool(false)) }
        #expect(wait <= .milliseconds(5_500))
        #expect(rig.connect() == 3)
    }

    @Test("a second DRAIN replaces the first; its time counts from its arrival")
    func secondDrain() {
        let rig = self.attached()
        rig.send("a")
        _ = self.drain(rig, 30)
        rig.live(for: .seconds(10))
        #expect(self.drain(rig, 40) == [])
        rig.live(for: .milliseconds(19_999))
        #expect(rig.fire().connects == [])
        rig.pass(.milliseconds(1))
        #expect(rig.fire().connects.count == 1)
        #expect(self.drain(rig, 40).connects == [], "one is on its way already")
    }

    @Test("a DRAIN on the new connection moves again, with at most two connections at a time")
    func movesAgain() {
        let rig = self.moving()
        rig.opened(2)
        rig.receive(.welcome(.test(generation: 2)), on: 2)
        let actions = self.drain(rig, 30, on: 2)
        #expect(actions.closes == ["1 1000"])
        #expect(actions.connects == ["3 \(String.a)"])
    }

    @Test("[R5.6-1] an answer of 4103 to the HELLO of a second counts as a failed resume")
    func failedResumesWhileMoving() {
        let rig = self.moving()
        for id in 2...4 as ClosedRange<UInt64> {
            #expect(rig.opened(id).hello?.position != nil)
            rig.refuse(id, .internalError)
            while rig.nextTimer().connects.isEmpty {}
        }
        #expect(rig.opened(5).hello?.position == nil)
    }
}
