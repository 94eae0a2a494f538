import GaplessCore
import Testing

/// A client session, its disk, its application and its network against a model of the service, for many seeds.
@Suite("ClientSession at random")
struct ClientSessionRandomTests {
    @Test(
        "[R6.1-5] [R7.1-3] whatever breaks: in order, nothing lost in silence, nothing twice, and in the end everything arrived",
        arguments: 0..<30
    )
    func invariants(block: UInt64) {
        for seed in (block * 10)..<(block * 10 + 10) {
            var world = ClientWorld(seed: seed)
            world.run(steps: 500)
            world.settle()
            #expect(world.failures == [], "seed \(seed): \(world.failures.prefix(3))")
            #expect(world.service.violations == [], "seed \(seed): \(world.service.violations.prefix(3))")
        }
    }

    @Test("the same seed gives the same run")
    func reproducible() {
        for seed in 1_000..<1_005 as Range<UInt64> {
            var first = ClientWorld(seed: seed, isTraced: true)
            var second = ClientWorld(seed: seed, isTraced: true)
            first.run(steps: 300)
            second.run(steps: 300)
            #expect(first.trace == second.trace, "seed \(seed)")
        }
    }

    @Test("the seeds reach what they are there for")
    func coverage() {
        var seen: [String: Int] = [:]
        for seed in 0..<60 as Range<UInt64> {
            var world = ClientWorld(seed: seed)
            world.run(steps: 500)
            for (what, count) in world.seen { seen[what, default: 0] += count }
        }
        for what in ["message", "gap", "reset", "uplinkMayRepeat", "confirmed", "restart", "moved", "duplicate", "lateHello"] {
            #expect((seen[what] ?? 0) >= 5, "\(what): \(seen[what] ?? 0)")
        }
    }
}
