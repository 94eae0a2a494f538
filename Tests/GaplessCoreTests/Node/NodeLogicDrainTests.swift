import GaplessCore
import Testing

@Suite("Node: drain")
struct NodeLogicDrainTests {
    private func orders(_ output: NodeOutput) -> [(address: ConnectionAddress, order: DrainOrder)] {
        output.notices.compactMap { if case .drain(let order) = $0.notice { ($0.address, order) } else { nil } }
    }

    private func rig(clients: Int, others: [NodeIdentity] = [NodeRig.other]) -> (NodeRig, [ConnectionAddress]) {
        let rig = NodeRig.started(others: others)
        let addresses = (0..<clients).map { index in
            let address = rig.open(loop: index % 2)
            _ = rig.attach(address, Named.client("alice/d\(index)"))
            return address
        }
        return (rig, addresses)
    }

    @Test("DRAIN goes to every attached connection, spread evenly over the time [R10.1-8, R10.1-10]", arguments: [1, 7, 30, 100])
    func spread(clients: Int) {
        let (rig, addresses) = self.rig(clients: clients)
        var told = self.orders(rig.drain())
        #expect(told.count == 1)
        for second in 1...30 {
            told += self.orders(rig.live(for: .seconds(1), storeAnswers: true))
            let due = Double(clients) * Double(second) / 30
            #expect(abs(Double(told.count) - due) <= 1.01, "after \(second) s: \(told.count) of \(clients)")
        }
        #expect(Set(told.map(\.address)) == Set(addresses))
        #expect(told.count == clients)
    }

    @Test("the time that the look took is not caught up in a burst [R10.1-10]")
    func noBurstAfterTheLook() {
        let (rig, _) = self.rig(clients: 100)
        #expect(self.orders(rig.beginDrain()).isEmpty)
        let first = self.orders(rig.live(for: .seconds(2), storeAnswers: false))
        #expect(first.count <= 2)
        for _ in 1...10 {
            let told = self.orders(rig.live(for: .seconds(3), storeAnswers: true))
            #expect(told.count <= 11)
        }
    }

    @Test("each has its time to move, and none beyond the hard stop [R10.1-9]")
    func within() {
        let (rig, _) = self.rig(clients: 2)
        let first = self.orders(
            rig.drain(DrainPlan(wait: .zero, spread: .seconds(30), within: .seconds(30), hardStop: .seconds(40), jitter: .seconds(4)))
        )
        #expect(first.map(\.order) == [DrainOrder(within: .seconds(30), code: .draining, jitter: .seconds(4))])
        // There are 36 s until the rest are closed, too little for 30 and 30: half of it is for asking.
        let second = self.orders(rig.live(for: .seconds(9), storeAnswers: true))
        #expect(second.map(\.order.within) == [.seconds(27)])
    }

    @Test("at the hard stop all that are left are closed with 4000 and jitter, attached or not [R10.1-9]")
    func hardStop() {
        let (rig, addresses) = self.rig(clients: 3)
        let silent = rig.open()
        _ = rig.drain()
        _ = rig.close(addresses[0])
        #expect(rig.live(for: .milliseconds(59_999), storeAnswers: true).closes.isEmpty)
        let output = rig.live(for: .milliseconds(1), storeAnswers: true)
        #expect(output.closes == [.draining, .draining, .draining])
        #expect(output.notices.contains { $0.address == silent })
        guard case .close(let ending)? = output.notices.first?.notice else { return #expect(Bool(false)) }
        #expect(ending.error.jitter == .seconds(5))
    }

    @Test("a connection that moved before its turn is told nothing")
    func movedBefore() {
        let (rig, addresses) = self.rig(clients: 4)
        _ = rig.drain()
        _ = rig.close(addresses[3])
        let told = self.orders(rig.live(for: .seconds(30), storeAnswers: true))
        #expect(told.map(\.address) == [addresses[1], addresses[2]])
    }

    @Test("whatever time is left, all are asked, each with half its time to move at least, before any is closed [R10.1-9]")
    func fitted() {
        for (wait, hardStop) in [(15, 60), (29, 60), (40, 60), (45, 60), (52, 60), (0, 30), (10, 30)] {
            let (rig, _) = self.rig(clients: 100)
            var output = rig.drain(
                DrainPlan(wait: .seconds(wait), spread: .seconds(30), within: .seconds(10), hardStop: .seconds(hardStop))
            )
            let room = hardStop - min(5, hardStop / 10) - wait
            output.add(rig.live(for: .seconds(wait + room) + .milliseconds(-1), storeAnswers: true))
            let told = self.orders(output)
            #expect(told.count == 100 && output.closes.isEmpty, "\(wait) s of \(hardStop) s")
            let least = told.map(\.order.within).min() ?? .zero
            #expect(least >= min(.seconds(5), .seconds(room) / 2), "\(wait) s of \(hardStop) s")
            #expect(rig.live(for: .milliseconds(1), storeAnswers: true).closes.count == 100)
        }
    }

    @Test("a wait that is longer than everything together leaves time for the closes all the same, and everything ends at the hard stop")
    func endlessWait() {
        let (rig, _) = self.rig(clients: 1)
        _ = rig.drain(DrainPlan(wait: .seconds(100), hardStop: .seconds(60)))
        #expect(rig.live(for: .milliseconds(54_999), storeAnswers: true).closes.isEmpty)
        #expect(rig.live(for: .milliseconds(1), storeAnswers: true).closes == [.draining])
        #expect(!rig.live(for: .milliseconds(4_999), storeAnswers: true).effects.contains(.drained))
        #expect(rig.live(for: .milliseconds(1), storeAnswers: true).effects.contains(.drained))
    }

    @Test("a crowd that got in before the moves and attaches during them is asked to move in its turn, not in a burst [R10.1-10]")
    func lateCrowd() {
        for clients in [0, 10, 1_000] {
            let (rig, _) = self.rig(clients: clients)
            let crowd = (0..<500).map { _ in rig.open() }
            _ = rig.drain(self.waiting)
            _ = rig.live(for: .seconds(15), storeAnswers: true)
            for (index, address) in crowd.enumerated() {
                #expect(self.orders(rig.attach(address, Named.client("crowd/\(index)"))).isEmpty)
            }
            var told: [ConnectionAddress] = []
            for _ in 0..<30 {
                let some = self.orders(rig.live(for: .seconds(1), storeAnswers: true))
                #expect(some.count <= 2 + 5 * (clients + 500) / 4 / 30, "\(clients)")
                told += some.map(\.address)
            }
            #expect(Set(told).isSuperset(of: crowd))
        }
    }

    @Test("one that got in before the drain and attaches during it is asked to move in its turn, at its end closed")
    func late() {
        let (rig, _) = self.rig(clients: 1)
        let late = rig.open()
        let later = rig.open()
        _ = rig.drain()
        _ = rig.live(for: .seconds(10), storeAnswers: true)
        #expect(self.orders(rig.attach(late, Named.client("bob"))).isEmpty)
        let output = rig.live(for: .seconds(20), storeAnswers: true)
        #expect(output.notices(to: late).last == .drain(DrainOrder(within: .seconds(30), jitter: .seconds(5))))
        let last = rig.open()
        #expect(self.orders(rig.attach(last, Named.client("dave"))).isEmpty)
        #expect(self.orders(rig.live(for: .seconds(15), storeAnswers: true)).map(\.address) == [last])
        _ = rig.live(for: .seconds(15), storeAnswers: true)
        let tooLate = rig.attach(later, Named.client("carol"))
        guard case .close(let ending)? = tooLate.notices(to: later).last else { return #expect(Bool(false)) }
        #expect(ending.error.code == .draining)
    }

    @Test("a node that is alone has nowhere to send anybody: it closes with 4000 at once")
    func alone() {
        let (rig, _) = self.rig(clients: 3, others: [])
        let output = rig.drain(others: [])
        #expect(output.closes == [.draining, .draining, .draining])
        #expect(self.orders(output).isEmpty)
    }

    // MARK: The look

    @Test("it asks the store first, whatever it saw before: a node that has come since is somewhere to go")
    func cameSince() {
        let (rig, addresses) = self.rig(clients: 1, others: [])
        let output = rig.beginDrain()
        #expect(output.heartbeats == 1 && output.notices.isEmpty)
        #expect(self.orders(rig.heartbeat(alive: [NodeRig.me, NodeRig.other])).map(\.address) == addresses)
    }

    @Test("a node that has gone since is nowhere to go")
    func wentSince() {
        let (rig, _) = self.rig(clients: 2)
        #expect(rig.beginDrain().notices.isEmpty)
        #expect(rig.heartbeat(alive: [NodeRig.me]).closes == [.draining, .draining])
    }

    @Test("the answer to a question that was put before the drain does not count")
    func askedBefore() {
        let (rig, addresses) = self.rig(clients: 1, others: [])
        #expect(rig.wait(.seconds(2)).heartbeats == 1)
        #expect(rig.beginDrain() == .nothing)
        #expect(rig.heartbeat(alive: [NodeRig.me]) == .nothing)
        #expect(rig.fire().heartbeats == 1)
        #expect(self.orders(rig.heartbeat(alive: [NodeRig.me, NodeRig.other])).map(\.address) == addresses)
    }

    @Test("a store that fails or does not answer leaves it with what was seen last", arguments: [true, false])
    func noAnswer(isAlone: Bool) {
        for isFailing in [true, false] {
            let (rig, addresses) = self.rig(clients: 1, others: isAlone ? [] : [NodeRig.other])
            guard case .commit(let operation)? = rig.beginDrain().effects.first else { return #expect(Bool(false)) }
            let output = isFailing ? rig.commitFailed(SubmittedOperation(operation)) : rig.wait(.seconds(2))
            #expect(output.closes.isEmpty == !isAlone)
            #expect(self.orders(output).map(\.address) == (isAlone ? [] : addresses))
        }
    }

    @Test("the look is part of the time that clients have, and never longer than it")
    func lookCounts() {
        let (rig, _) = self.rig(clients: 1)
        _ = rig.beginDrain(DrainPlan(wait: .zero, spread: .zero, within: .seconds(30), hardStop: .seconds(1)))
        rig.pass(.milliseconds(400))
        #expect(self.orders(rig.heartbeat(alive: [NodeRig.me, NodeRig.other])).map(\.order.within) == [.milliseconds(500)])
        let (hanging, _) = self.rig(clients: 1)
        _ = hanging.beginDrain(DrainPlan(wait: .zero, spread: .zero, within: .seconds(30), hardStop: .seconds(1)))
        #expect(hanging.wait(.seconds(1)).closes == [.draining])
    }

    @Test("while it looks it takes nobody any more, and says so")
    func lookRefuses() {
        let (rig, _) = self.rig(clients: 1)
        _ = rig.beginDrain()
        #expect(rig.logic.readiness(now: rig.now).reasons == [.draining])
        guard case .refused = rig.logic.admit(authentications: 0, now: rig.now) else { return #expect(Bool(false)) }
    }

    // MARK: The wait

    private let waiting = DrainPlan(wait: .seconds(15), spread: .seconds(30), within: .seconds(10), hardStop: .seconds(60))

    private func takes(_ rig: NodeRig) -> Bool {
        let isAdmitted = rig.logic.admit(authentications: 0, now: rig.now) == .accepted
        #expect(rig.logic.takesHandshakes(now: rig.now) == isAdmitted)
        #expect(rig.logic.readiness(now: rig.now).reasons == [.draining])
        return isAdmitted
    }

    @Test("until the balancer has noticed it takes newcomers, whom it moves with the others then [R10.1-11, R5.1-3]")
    func preWait() {
        let (rig, addresses) = self.rig(clients: 1)
        #expect(self.orders(rig.drain(self.waiting)).isEmpty)
        #expect(self.orders(rig.live(for: .milliseconds(14_999), storeAnswers: true)).isEmpty)
        #expect(self.takes(rig))
        let newcomer = rig.open()
        #expect(rig.attach(newcomer, Named.client("bob")).notices(to: newcomer).count == 1)
        let told = self.orders(rig.live(for: .seconds(30), storeAnswers: true))
        #expect(!self.takes(rig))
        #expect(told.map(\.address) == addresses + [newcomer])
    }

    @Test("who cannot ask the store waits all the same, and goes on with what was seen last")
    func waitWithoutStore() {
        let (rig, addresses) = self.rig(clients: 1)
        #expect(self.orders(rig.beginDrain(self.waiting)).isEmpty)
        #expect(self.orders(rig.live(for: .milliseconds(14_999), storeAnswers: false)).isEmpty)
        #expect(self.orders(rig.live(for: .milliseconds(1), storeAnswers: false)).map(\.address) == addresses)
    }

    @Test("a node that is alone waits for nothing [R10.1-11]")
    func waitAlone() {
        let (rig, _) = self.rig(clients: 2, others: [])
        #expect(rig.drain(self.waiting, others: []).closes == [.draining, .draining])
        #expect(!self.takes(rig))
    }

    @Test("one that is left alone during the wait goes on serving until its end")
    func leftAlone() {
        let (rig, _) = self.rig(clients: 1)
        _ = rig.drain(self.waiting)
        #expect(rig.live(for: .milliseconds(14_999), storeAnswers: true, others: []).closes.isEmpty)
        #expect(rig.live(for: .milliseconds(1), storeAnswers: true, others: []).closes == [.draining])
    }

    @Test("to be told to drain twice changes nothing; to be told to do it now leaves out the rest of the wait [R10.1-11]")
    func hurried() {
        let (rig, addresses) = self.rig(clients: 1)
        _ = rig.drain(self.waiting)
        _ = rig.live(for: .seconds(3), storeAnswers: true)
        #expect(rig.beginDrain(self.waiting) == .nothing)
        #expect(rig.leave() == .nothing && rig.obey(.drain) == .nothing)
        #expect(self.takes(rig))
        #expect(self.orders(rig.obey(.drainNow)).map(\.address) == addresses)
        #expect(!self.takes(rig))
        #expect(rig.obey(.drainNow) == .nothing)
    }

    @Test("whoever was told to drain now before its drain began does not wait, whatever came after that")
    func hurriedEarly() {
        let (rig, addresses) = self.rig(clients: 1)
        for order in [NodeOrder.drain, .drainNow, .drain] { #expect(rig.obey(order) == .does(.leave)) }
        #expect(self.orders(rig.drain(self.waiting)).map(\.address) == addresses)
        let (patient, _) = self.rig(clients: 1)
        for _ in 0..<2 { #expect(patient.obey(.drain) == .does(.leave)) }
        #expect(self.orders(patient.drain(self.waiting)).isEmpty)
        #expect(self.takes(patient))
    }

    @Test("a node that the store has not seen yet was never ready, and waits for no balancer")
    func unseen() {
        let rig = NodeRig()
        _ = rig.fire()
        _ = rig.beginDrain(self.waiting)
        #expect(rig.live(for: .milliseconds(1_999), storeAnswers: false).effects.filter { $0 == .drained }.isEmpty)
        #expect(rig.live(for: .milliseconds(1), storeAnswers: false).effects.contains(.drained))
    }

    @Test("a node without connections is not drained before the wait is over, since somebody may come")
    func emptyWait() {
        let rig = NodeRig.started()
        #expect(!rig.drain(self.waiting).effects.contains(.drained))
        #expect(!rig.live(for: .milliseconds(14_999), storeAnswers: true).effects.contains(.drained))
        #expect(rig.live(for: .milliseconds(1), storeAnswers: true).effects.contains(.drained))
    }

    @Test("wait, spread and the time to move follow each other, and the hard stop bounds all of them")
    func times() {
        for (hardStop, closes) in [(600, 55_000), (60, 55_000), (50, 45_000), (20, 18_000)] {
            var plan = self.waiting
            plan.hardStop = .seconds(hardStop)
            let (rig, _) = self.rig(clients: 1)
            _ = rig.drain(plan)
            #expect(rig.live(for: .milliseconds(closes - 1), storeAnswers: true).closes.isEmpty)
            #expect(rig.live(for: .milliseconds(1), storeAnswers: true).closes == [.draining])
        }
    }

    // MARK: The end

    @Test("it is drained when nobody is left, and a handler that hangs does not hold it")
    func drained() {
        let (rig, addresses) = self.rig(clients: 1)
        let client = Named.client("alice/d0")
        _ = rig.deliver(.test(1, client: client))
        #expect(!rig.drain().effects.contains(.drained))
        #expect(!rig.logic.isDrained)
        #expect(rig.close(addresses[0]) == .does(.drained))
        #expect(rig.logic.isDrained)
        // What it returns in the time that it is given is committed as ever.
        let mark = rig.returned(1, client: client)
        guard case .commit(.advanceMark(let operation))? = mark.effects.first else { return #expect(Bool(false)) }
        #expect(rig.commit(CommittedOperation(.advanceMark(operation), .advanceMark(.advanced(sends: [])))) == .nothing)
        #expect(!rig.live(for: .seconds(100), storeAnswers: true).effects.contains(.drained))
    }

    @Test("a node without connections is drained once the store has told who else is there; a second drain changes nothing")
    func empty() {
        let rig = NodeRig.started()
        #expect(rig.drain() == .does(.drained))
        #expect(rig.drain() == .nothing)
    }

    @Test("the time is over for those who never answer, too")
    func over() {
        let (rig, _) = self.rig(clients: 1)
        _ = rig.drain()
        #expect(!rig.live(for: .milliseconds(64_999), storeAnswers: true).effects.contains(.drained))
        #expect(rig.live(for: .milliseconds(1), storeAnswers: true).effects.contains(.drained))
        #expect(!rig.logic.isDrained)
    }
}
