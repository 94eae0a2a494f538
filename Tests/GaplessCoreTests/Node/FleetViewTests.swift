import GaplessCore
import Testing

@Suite("A node knows of the others where clients have somewhere to go")
struct FleetViewTests {
    private let serving = NodeReport(capacity: 10)

    private func view(_ reports: NodeReport?..., age: Duration = .zero) -> FleetView {
        let peers = reports.enumerated().map { index, report in
            NodePeer(node: NodeIdentity(name: Named.node("n\(index)"), incarnation: 1), age: age, report: report)
        }
        let me = NodePeer(node: NodeRig.me, report: self.serving)
        return FleetView(HeartbeatReceipt(peers: [me] + peers), besides: NodeRig.me, freshness: .seconds(8))
    }

    @Test("the node itself is nobody to count on")
    func alone() {
        for view in [FleetView(), self.view()] {
            #expect(view.others.isEmpty)
            #expect(!view.hasTaker && !view.hasRefuge)
        }
    }

    @Test("one that serves takes clients")
    func serves() {
        let view = self.view(self.serving)
        #expect(view.hasTaker && view.hasRefuge)
    }

    @Test("one that tells nothing of itself is somewhere to go, and no reason to refuse clients: it may count on this one [R5.1-6]")
    func silentAboutItself() {
        let view = self.view(nil)
        #expect(!view.hasTaker && view.hasRefuge)
    }

    @Test("one that drains or that is full is nowhere to go")
    func nowhere() {
        let draining = NodeReport(isDraining: true, capacity: 10)
        let full = NodeReport(connections: 10, capacity: 10)
        let view = self.view(draining, full)
        #expect(view.others.count == 2)
        #expect(!view.hasTaker && !view.hasRefuge)
    }

    @Test("a cordoned one is somewhere to go, and no reason to refuse clients")
    func cordoned() {
        let view = self.view(NodeReport(isCordoned: true, capacity: 10))
        #expect(!view.hasTaker && view.hasRefuge)
    }

    @Test("one that has too much to do takes clients, and is nobody to send them to; nor is one of which that is not known")
    func spare() {
        let over = NodeReport(capacity: 10, over: ["memory"])
        #expect(self.view(over).hasTaker && self.view(over).hasRefuge && !self.view(over).hasSpare)
        #expect(self.view(over, self.serving).hasSpare)
        #expect(!self.view(self.serving, age: .seconds(8)).hasSpare)
        for report in [nil, NodeReport(isCordoned: true, capacity: 10), NodeReport(isDraining: true, capacity: 10)] {
            #expect(!self.view(report).hasSpare)
        }
        #expect(!self.view(NodeReport(connections: 10, capacity: 10)).hasSpare)
    }

    @Test("nobody counts on a node that was silent for 8 s, though it counts as alive")
    func silent() {
        #expect(self.view(self.serving, age: .milliseconds(7_999)).hasTaker)
        let silent = self.view(self.serving, age: .seconds(8))
        #expect(silent.others.count == 1)
        #expect(!silent.hasTaker && !silent.hasRefuge)
    }
}
