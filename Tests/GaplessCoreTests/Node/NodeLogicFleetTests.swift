import GaplessCore
import Testing

@Suite("A node tells the others how it fares, and does what operators want")
struct NodeLogicFleetTests {
    private let serving = NodeReport(capacity: 100_000)
    private let cordoned = NodeReport(isCordoned: true, capacity: 100_000)

    private func takes(_ rig: NodeRig) -> Bool {
        let isAdmitted = rig.logic.admit(authentications: 0, now: rig.now) == .accepted
        #expect(isAdmitted == rig.logic.readiness(now: rig.now).isReady)
        // The balancer hears it before the client does.
        #expect(isAdmitted == rig.logic.takesHandshakes(now: rig.now))
        return isAdmitted
    }

    // MARK: The report

    @Test("that it drains is told at once")
    func drains() {
        let rig = NodeRig()
        #expect(rig.fire().told.map(\.report?.isDraining) == [false])
        _ = rig.heartbeat(alive: [NodeRig.me])
        _ = rig.open()
        #expect(rig.beginDrain().told.map(\.report?.isDraining) == [true])
    }

    @Test("its connections are counted, and how many are attached of how many there may be")
    func counts() {
        let rig = NodeRig.started { $0.maxConnections = 7 }
        _ = rig.attached()
        _ = rig.open()
        let report = rig.wait(.seconds(2)).told.last?.report
        #expect(report == NodeReport(connections: 2, attached: 1, capacity: 7))
    }

    @Test("a cordon is told at once, and so is its end; what changes nothing is not told")
    func cordonTold() {
        let rig = NodeRig.started()
        _ = rig.setCordoned(true)
        #expect(rig.fire().told.map(\.report?.isCordoned) == [true])
        _ = rig.heartbeat(alive: [NodeRig.me])
        _ = rig.setCordoned(true)
        #expect(rig.fire().told.isEmpty)
        _ = rig.setCordoned(false)
        #expect(rig.fire().told.map(\.report?.isCordoned) == [false])
    }

    // MARK: Whom to count on

    @Test("a cordoned node takes nobody while one that is not cordoned does, and everybody when all are [R5.1-6]")
    func allCordoned() {
        let rig = NodeRig.started()
        _ = rig.setCordoned(true)
        _ = rig.heartbeat(finding: self.serving)
        #expect(!self.takes(rig))
        _ = rig.heartbeat(finding: self.cordoned)
        #expect(self.takes(rig))
    }

    @Test("one that drains, is full or was silent for 8 s does not make it refuse")
    func nobodyToCountOn() {
        let rig = NodeRig.started()
        _ = rig.setCordoned(true)
        _ = rig.heartbeat(finding: NodeReport(isDraining: true, capacity: 1))
        #expect(self.takes(rig))
        _ = rig.heartbeat(finding: NodeReport(connections: 1, capacity: 1))
        #expect(self.takes(rig))
        _ = rig.heartbeat(finding: self.serving, age: .seconds(8))
        #expect(self.takes(rig))
        _ = rig.heartbeat(finding: self.serving, age: .seconds(7))
        #expect(!self.takes(rig))
    }

    @Test("who drains sends nobody to one that drains too, or that is dead: it closes with 4000")
    func drainsAlone() {
        for (report, age) in [(NodeReport(isDraining: true, capacity: 1), 0), (self.serving, 30)] {
            let rig = NodeRig.started()
            _ = rig.attached()
            _ = rig.beginDrain()
            #expect(rig.heartbeat(finding: report, age: .seconds(age)).closes == [.draining])
        }
    }

    @Test("who drains sends clients to a cordoned node when there is no other")
    func drainsToCordoned() {
        let rig = NodeRig.started()
        let address = rig.attached()
        _ = rig.beginDrain()
        let output = rig.heartbeat(finding: self.cordoned)
        #expect(output.closes.isEmpty)
        #expect(output.notices(to: address).count == 1)
    }

    // MARK: Orders

    @Test("an order is obeyed once, and that is told at once")
    func obeys() {
        let rig = NodeRig.started()
        _ = rig.heartbeat(finding: self.serving, order: GivenOrder(number: 3, order: .cordon))
        #expect(!self.takes(rig))
        #expect(rig.observations == [.ordered(.cordon)])
        let told = rig.fire().told
        #expect(told.map(\.obeyed) == [3])
        #expect(told.map(\.report?.isCordoned) == [true])
        _ = rig.setCordoned(false)
        _ = rig.heartbeat(finding: self.serving, order: GivenOrder(number: 3, order: .cordon))
        #expect(self.takes(rig))
        _ = rig.heartbeat(finding: self.serving, order: GivenOrder(number: 4, order: .cordon))
        #expect(!self.takes(rig))
        _ = rig.heartbeat(finding: self.serving, order: GivenOrder(number: 5, order: .uncordon))
        #expect(self.takes(rig))
        #expect(rig.observations == [.ordered(.cordon), .ordered(.cordon), .ordered(.uncordon)])
    }

    @Test("an order to drain makes the service leave as at the end of its process")
    func leaves() {
        let rig = NodeRig.started()
        let output = rig.heartbeat(finding: self.serving, order: GivenOrder(number: 1, order: .drain))
        #expect(output.effects == [.leave])
        #expect(rig.heartbeat(finding: self.serving, order: GivenOrder(number: 1, order: .drain)).effects.isEmpty)
    }

    @Test("whoever is called so obeys at once, and hears of it through the store only where another one is called so too")
    func byName() {
        let rig = NodeRig.started()
        var output = NodeOutput()
        let alone = rig.logic.order(.cordon, to: NodeRig.me.name, now: rig.now, into: &output)
        #expect(alone == nil && rig.logic.isCordoned)
        let other = rig.logic.order(.uncordon, to: NodeRig.other.name, now: rig.now, into: &output)
        #expect(other == OrderOperation(node: NodeRig.other.name, order: .uncordon) && rig.logic.isCordoned)
        let namesake = NodeIdentity(name: NodeRig.me.name, incarnation: 9)
        _ = rig.heartbeat(alive: [NodeRig.me, namesake])
        let both = rig.logic.order(.uncordon, to: NodeRig.me.name, now: rig.now, into: &output)
        #expect(both == OrderOperation(node: NodeRig.me.name, order: .uncordon) && !rig.logic.isCordoned)
    }
}
