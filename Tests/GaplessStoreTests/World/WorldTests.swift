import GaplessCore
import Testing

@Suite("The whole: clients, nodes and a store, with every misfortune")
struct WorldTests {
    private static let seeds = UInt64(1)...20

    @Test("nothing is lost, nothing comes twice, nothing out of order, and everybody arrives [R4.3-1, R6.1-1, R5.3-6, R5.3-8, R7.2-1]")
    func misfortune() {
        var counts: [String: Int] = [:]
        for seed in Self.seeds {
            let world = World(seed: seed)
            world.live()
            #expect(world.failures.isEmpty, "seed \(seed)")
            counts.merge(world.counts) { $0 + $1 }
        }
        // A world in which nothing happens proves nothing.
        for what in ["attach", "takeover", "mark", "mark refused", "killed", "drained", "close 4500", "close 4105"] {
            #expect(counts[what, default: 0] > 0, "\(what) never happened: \(counts)")
        }
    }

    @Test("a queue that holds few messages tells of each that it dropped, and of no other [R6.2-1, R6.2-2, R6.2-6]")
    func overflow() {
        var gaps = 0
        for seed in Self.seeds {
            var options = World.Options()
            options.maxMessages = 3
            options.downlinkWindow = Window(messages: 1, bytes: 10)
            let world = World(seed: seed, options: options)
            world.live()
            #expect(world.failures.isEmpty, "seed \(seed)")
            gaps += world.counts["gap", default: 0]
        }
        #expect(gaps > 0)
    }

    @Test("without misfortune nobody is ever displaced, and nothing is handled twice")
    func calm() {
        var options = World.Options()
        options.faults = false
        let world = World(seed: 1, options: options)
        world.live()
        #expect(world.failures.isEmpty)
        #expect(world.counts["takeover"] == nil && world.counts["mark refused"] == nil)
    }
}
