import GaplessCore
import Testing

@Suite("A node that holds more than its share moves clients away")
struct NodeLogicRebalanceTests {
    private func orders(_ output: NodeOutput) -> [(address: ConnectionAddress, order: DrainOrder)] {
        output.notices.compactMap { if case .drain(let order) = $0.notice { ($0.address, order) } else { nil } }
    }

    private func addresses(_ output: NodeOutput) -> [ConnectionAddress] { self.orders(output).map(\.address) }

    /// A node with clients that attached one each second, and another one that holds so many.
    private func rig(
        clients: Int = 100,
        other: Int = 0,
        configure: (inout NodeConfiguration) -> Void = { _ in }
    ) -> (NodeRig, [ConnectionAddress]) {
        let rig = NodeRig.started(configure)
        _ = rig.heartbeat(finding: Self.report(other))
        let addresses = (0..<clients).map { index in
            let address = rig.open(loop: index % 2)
            _ = rig.attach(address, Named.client("alice/d\(index)"))
            return address
        }
        return (rig, addresses)
    }

    private static func report(_ attached: Int, capacity: Int = 100_000) -> NodeReport {
        NodeReport(connections: attached, attached: attached, capacity: capacity)
    }

    /// Time passes, with a heartbeat each 2 s that finds the other one so.
    private func live(_ rig: NodeRig, seconds: Int, finding report: NodeReport?, age: Duration = .zero) -> NodeOutput {
        var all = NodeOutput()
        for _ in 0..<(seconds * 10) {
            all.add(rig.wait(.milliseconds(100)))
            if all.heartbeats > 0 {
                all.effects.removeAll()
                all.add(rig.heartbeat(finding: report, age: age))
            }
        }
        return all
    }

    @Test("half of what it holds above its share is asked to move, the oldest first, evenly over a minute [R10.2-1, R10.2-2]")
    func round() {
        let (rig, addresses) = self.rig()
        #expect(self.orders(self.live(rig, seconds: 119, finding: Self.report(0))).isEmpty)
        var told: [(address: ConnectionAddress, order: DrainOrder)] = []
        for _ in 0..<20 {
            let some = self.orders(self.live(rig, seconds: 4, finding: Self.report(0)))
            #expect(some.count <= 3, "25 in a minute")
            told += some
        }
        #expect(told.map(\.address) == Array(addresses.prefix(25)))
        #expect(told.allSatisfy { $0.order == DrainOrder(within: .seconds(10), code: .rebalance, jitter: .seconds(5)) })
        #expect(rig.observations == [.rebalancing(attached: 100, share: 50, moves: 25)])
    }

    @Test("the next round comes when the last is over and its fruit is seen; without fruit the node rests for an hour")
    func rounds() {
        for isFruitful in [true, false] {
            let (rig, _) = self.rig()
            let first = self.addresses(self.live(rig, seconds: 190, finding: Self.report(0)))
            #expect(first.count == 25)
            if isFruitful { for address in first { _ = rig.close(address) } }
            let others = isFruitful ? 25 : 0
            let second = self.addresses(self.live(rig, seconds: 100, finding: Self.report(others)))
            #expect(second.count == (isFruitful ? 12 : 0))
            #expect(Set(second).isDisjoint(with: first))
            let later = self.addresses(self.live(rig, seconds: 3_700, finding: Self.report(others)))
            if !isFruitful { #expect(later.count == 25) }
        }
    }

    @Test(
        "clients that come and go all day do not hide that rounds have no fruit: two, and then it rests for an hour",
        arguments: [10, -10, 200]
    )
    func fruitlessByDay(_ change: Int) {
        let (rig, addresses) = self.rig(clients: 300)
        var (asked, newest, gone) = (0, 0, addresses.count)
        for _ in 0..<20 {
            asked += self.addresses(self.live(rig, seconds: 180, finding: Self.report(0))).count
            for _ in 0..<max(0, change) {
                newest += 1
                _ = rig.attach(rig.open(), Named.client("bob/d\(newest)"))
            }
            for _ in 0..<max(0, -change) where gone > 0 {
                gone -= 1
                _ = rig.close(addresses[gone])
            }
        }
        // A half of the excess, twice, and the excess is half of all.
        #expect(asked <= 2 * (300 + max(0, 2 * change)) / 4 + 1 && asked > 0)
        #expect(rig.observations.count <= 2)
    }

    @Test("a crowd that comes during a round does not make it look fruitless")
    func crowd() {
        let (rig, _) = self.rig()
        let first = self.addresses(self.live(rig, seconds: 190, finding: Self.report(0)))
        #expect(first.count == 25)
        for address in first { _ = rig.close(address) }
        for index in 0..<200 { _ = rig.attach(rig.open(), Named.client("bob/d\(index)")) }
        // 275 here and 25 there: half of the 125 above the share.
        #expect(self.addresses(self.live(rig, seconds: 100, finding: Self.report(25))).count == 62)
    }

    @Test(
        "a fifth above the share, and 25 clients, are what it takes",
        arguments: [(123, 75, 0), (125, 75, 12), (1_000, 700, 0), (1_000, 660, 85)]
    )
    func threshold(clients: Int, other: Int, moved: Int) {
        let (rig, _) = self.rig(clients: clients)
        #expect(self.orders(self.live(rig, seconds: 200, finding: Self.report(other))).count == moved)
    }

    @Test("the share goes by what each node can hold, and what cannot be is not believed")
    func shares() {
        func view(_ reports: NodeReport?...) -> FleetView {
            let peers = reports.enumerated().map { NodePeer(node: NodeIdentity(name: Named.node("n\($0)"), incarnation: 1), report: $1) }
            return FleetView(HeartbeatReceipt(peers: peers), besides: NodeRig.me, freshness: .seconds(8))
        }
        let own = Self.report(900, capacity: 1_000)
        #expect(view().share(of: own) == 900)
        #expect(view(Self.report(300, capacity: 1_000)).share(of: own) == 600)
        #expect(view(Self.report(300, capacity: 3_000)).share(of: own) == 300)
        #expect(view(Self.report(.max, capacity: .max), Self.report(.max, capacity: .max)).share(of: own) > 0)
        #expect(view(Self.report(-5, capacity: 0)).share(of: NodeReport(capacity: 0)) == 0)
        let cordoned = NodeReport(isCordoned: true, attached: 500, capacity: 1_000)
        #expect(view(cordoned).share(of: own) == 900)
        #expect(view(Self.report(0)).isCalm && !view(cordoned).isCalm && !view(nil).isCalm)
        #expect(!view(NodeReport(isDraining: true, capacity: 1)).isCalm)
    }

    // MARK: What stops it [R10.2-2]

    @Test(
        "a cordon or a drain anywhere ends the round at once, and it takes two minutes of calm until the next [R10.2-2]",
        arguments: 0..<5
    )
    func disturbed(kind: Int) {
        let (rig, _) = self.rig()
        #expect(self.orders(self.live(rig, seconds: 130, finding: Self.report(0))).count > 1)
        switch kind {
        case 0: _ = rig.setCordoned(true)
        case 1: _ = rig.beginDrain(DrainPlan(wait: .seconds(100), hardStop: .seconds(200)))
        case 2: _ = rig.heartbeat(finding: NodeReport(isCordoned: true, capacity: 1))
        case 3: _ = rig.heartbeat(finding: NodeReport(isDraining: true, capacity: 1))
        default: _ = rig.heartbeat(finding: nil)
        }
        #expect(self.orders(rig.wait(.milliseconds(2_400))).isEmpty)
        _ = rig.heartbeat(finding: Self.report(0))
        if kind == 0 { _ = rig.setCordoned(false) }
        guard kind != 1 else { return }
        #expect(self.orders(self.live(rig, seconds: 115, finding: Self.report(0))).isEmpty)
        #expect(!self.orders(self.live(rig, seconds: 10, finding: Self.report(0))).isEmpty)
    }

    @Test("so does a node that comes, one that leaves, and one that starts again")
    func changes() {
        for peers in [
            [], [NodeIdentity(name: Named.node("b"), incarnation: 9)],
            [NodeRig.other, NodeIdentity(name: Named.node("c"), incarnation: 1)],
        ] {
            let (rig, _) = self.rig()
            #expect(self.orders(self.live(rig, seconds: 130, finding: Self.report(0))).count > 1)
            let found = ([NodeRig.me] + peers).map { NodePeer(node: $0, report: Self.report(0)) }
            #expect(self.orders(rig.heartbeat(HeartbeatReceipt(peers: found))).isEmpty)
            #expect(self.orders(rig.wait(.milliseconds(2_400))).isEmpty)
        }
    }

    @Test("who has not heard of the others for a while asks nobody to move: they may be in a deploy")
    func deaf() {
        let (rig, _) = self.rig()
        #expect(self.orders(self.live(rig, seconds: 130, finding: Self.report(0))).count > 1)
        #expect(self.orders(rig.wait(.seconds(9))).isEmpty)
        _ = rig.heartbeat(finding: Self.report(0))
        #expect(self.orders(self.live(rig, seconds: 60, finding: Self.report(0))).isEmpty)
    }

    @Test("an answer that was long on its way is as old as its question: nobody is asked to move on it")
    func slowAnswers() {
        let (rig, _) = self.rig()
        #expect(self.orders(self.live(rig, seconds: 116, finding: Self.report(0))).isEmpty)
        while rig.wait(.milliseconds(100)).heartbeats == 0 {}
        rig.pass(.seconds(9))
        #expect(self.orders(rig.heartbeat(finding: Self.report(0))).isEmpty)
        #expect(rig.observations.isEmpty)
    }

    @Test("a silent node holds nobody's share")
    func silentPeer() {
        let (rig, _) = self.rig()
        #expect(self.orders(self.live(rig, seconds: 300, finding: Self.report(0), age: .seconds(9))).isEmpty)
    }

    @Test("nobody is moved who attached within the last minute [R10.2-2]")
    func young() {
        let (rig, _) = self.rig(clients: 10)
        #expect(self.orders(self.live(rig, seconds: 100, finding: Self.report(0))).isEmpty)
        let newcomers = (0..<90).map { index in
            let address = rig.open()
            _ = rig.attach(address, Named.client("bob/d\(index)"))
            return address
        }
        let told = self.addresses(self.live(rig, seconds: 58, finding: Self.report(0)))
        #expect(told.count > 5 && Set(told).isDisjoint(with: newcomers))
    }

    @Test("one that has gone is asked nothing; and nobody is, where it is switched off")
    func gone() {
        let (rig, addresses) = self.rig()
        _ = self.live(rig, seconds: 118, finding: Self.report(0))
        _ = self.live(rig, seconds: 3, finding: Self.report(0))
        for address in addresses.prefix(20) { _ = rig.close(address) }
        #expect(self.addresses(self.live(rig, seconds: 70, finding: Self.report(0))) == Array(addresses[20..<25]))
        let (other, _) = self.rig { $0.rebalance = nil }
        #expect(self.orders(self.live(other, seconds: 300, finding: Self.report(0))).isEmpty)
    }
}
