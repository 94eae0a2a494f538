import GaplessSimulation
import Testing

@Suite("Simulated worlds keep every promise")
struct SeedTests {
    @Test("nothing is lost, doubled, reordered, invented or called gone that is not", arguments: UInt64(1)...30)
    func promises(seed: UInt64) {
        let report = simulate(Plan.generate(seed: seed))
        #expect(report.violations == [], "gapless-simulate --seed \(seed) --trace")
    }

    @Test("the same plan gives the same run, watched or not", arguments: UInt64(41)...46)
    func determinism(seed: UInt64) {
        let plan = Plan.generate(seed: seed)
        let (first, second) = (simulate(plan), simulate(plan, isTraced: true))
        #expect(first.fingerprint == second.fingerprint && first.events == second.events && first.counters == second.counters)
        #expect(first.lines.isEmpty && !second.lines.isEmpty)
    }

    @Test("steps whose objects are not there do nothing", arguments: UInt64(51)...60)
    func missingObjects(seed: UInt64) {
        var plan = Plan.generate(seed: seed)
        for simplification in [Simplification.oneClient, .oneNode] { plan.options = simplification.applied(to: plan.options) }
        #expect(simulate(plan).violations == [])
    }
}
