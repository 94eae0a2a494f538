import GaplessCore
import Testing

@testable import GaplessSimulation

@Suite("Simulated fleets: deploys, failures and load move clients as they should")
struct FleetTests {
    @Test("nobody moves in a burst, twice, or to where nobody takes it, and the load evens out", arguments: UInt64(1)...12)
    func promises(seed: UInt64) {
        #expect(simulate(FleetPlan.generate(seed: seed)).violations == [], "gapless-simulate --fleet --seed \(seed) --trace")
    }

    @Test("the same plan gives the same run, watched or not", arguments: UInt64(41)...42)
    func determinism(seed: UInt64) {
        let plan = FleetPlan.generate(seed: seed)
        let (first, second) = (simulate(plan), simulate(plan, isTraced: true))
        #expect(first.fingerprint == second.fingerprint && first.events == second.events && first.counters == second.counters)
        #expect(first.lines.isEmpty && !second.lines.isEmpty)
    }

    @Test("1,500 clients on one node and 500 on the other even out, in no more moves than twice the excess", arguments: [true, false])
    func evensOut(isLeastConnections: Bool) {
        var options = FleetOptions()
        (options.nodes, options.clients, options.skew, options.isLeastConnections) = (2, 2_000, 750, isLeastConnections)
        options.othersOn = 1
        let plan = FleetPlan(seed: 1, options: options, steps: [])
        let report = simulate(plan)
        #expect(report.violations == [])
        #expect(report.attached.prefix(2).allSatisfy { $0 <= 1_225 } && report.attached.reduce(0, +) == 2_000)
        #expect(report.counters[.rebalanced] <= 1_100 && report.counters[.round] > 1)
    }

    @Test("with surge each client is welcomed once more, in place at most once for each restart of its node", arguments: [true, false])
    func oneMove(hasSurge: Bool) {
        var options = FleetOptions()
        options.clients = 150
        let step: FleetPlan.Step = hasSurge ? .deployWithSurge(pause: 12_000) : .deployInPlace(pause: 12_000)
        let report = simulate(FleetPlan(seed: 1, options: options, steps: [(60_000, step)]))
        #expect(report.violations == [])
        if hasSurge { #expect(report.counters[.welcomed] == 300) }
        #expect(report.counters[.drained] >= 150 && report.counters[.closed] == 0)
    }

    @Test("the pace has room for one and the slack, and for no more [R10.1-10]")
    func pace() {
        func at(_ milliseconds: Int) -> Instant { World.start + .milliseconds(milliseconds) }
        var even = PaceWatch(count: 10, spread: .seconds(10), now: at(0))
        let kept = (0..<10).map { even.isKept(now: at($0 * 1_000)) }
        #expect(!kept.contains(false))
        var late = PaceWatch(count: 10, spread: .seconds(10), now: at(0))
        let verdicts = [0, 5_000, 5_960, 6_950, 7_500].map { late.isKept(now: at($0)) }
        #expect(verdicts == [true, true, true, true, false])
    }
}
