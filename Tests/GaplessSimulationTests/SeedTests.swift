import GaplessSimulation
import Testing

@Suite("Simulated worlds keep every promise")
struct SeedTests {
    @Test("nothing is lost, doubled, reordered, invented or called gone that is not", arguments: UInt64(1)...40)
    func promises(seed: UInt64) {
        let report = simulate(Plan.generate(seed: seed))
        #expect(report.violations == [], "gapless-simulate --seed \(seed) --trace")
    }

    @Test("the same plan gives the same run", arguments: UInt64(41)...50)
    func determinism(seed: UInt64) {
        let plan = Plan.generate(seed: seed)
        let (first, second) = (simulate(plan), simulate(plan))
        #expect(first.fingerprint == second.fingerprint && first.events == second.events)
    }
}
