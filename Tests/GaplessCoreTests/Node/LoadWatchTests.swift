import GaplessCore
import Testing

@Suite("Nodes that have too much to do agree on who is left, by the order of their heartbeats")
struct LoadWatchTests {
    private static let over = LoadSample(memory: 100, memoryLimit: 100)
    private static let well = LoadSample(memory: 0, memoryLimit: 100)

    private static func watch() -> LoadWatch { LoadWatch(ReadinessPolicy(), freshness: .seconds(8)) }

    /// Some nodes, and what the store holds of them.
    private struct Fleet {
        struct Node {
            var watch = LoadWatchTests.watch()
            /// What the heartbeat under way tells; nil when none is.
            var told: Bool?
            /// What its answer will show, once it is committed.
            var answer: Bool?
        }

        var nodes: [Node]
        /// Whether each has too much to do, as its newest heartbeat told.
        var rows: [Bool]
        let now = Instant(nanoseconds: 0)

        init(_ count: Int) {
            self.nodes = Array(repeating: Node(), count: count)
            self.rows = Array(repeating: false, count: count)
        }

        /// The next step of a node's heartbeat: it is sent off, committed, answered.
        mutating func step(_ index: Int) {
            if let answer = self.nodes[index].answer {
                self.nodes[index].watch.heard(hasSpare: answer, now: self.now)
                (self.nodes[index].told, self.nodes[index].answer) = (nil, nil)
            } else if let told = self.nodes[index].told {
                self.rows[index] = told
                self.nodes[index].answer = self.rows.indices.contains { $0 != index && !self.rows[$0] }
            } else {
                self.nodes[index].watch.asked()
                self.nodes[index].told = self.nodes[index].watch.isOver
            }
        }

        mutating func set(_ index: Int, isOver: Bool) {
            for _ in 0..<10 { _ = self.nodes[index].watch.sampled(isOver ? LoadWatchTests.over : LoadWatchTests.well, connections: 0) }
        }

        var ready: Int { self.nodes.filter { !$0.watch.sheds(now: self.now) }.count }
    }

    @Test("whatever the order of heartbeats and of their answers, somebody is ready", arguments: 2...5)
    func neverTheLast(count: Int) {
        for seed in 1...200 as ClosedRange<UInt64> {
            var luck = SeededLuck(seed)
            var fleet = Fleet(count)
            var (sheddings, isForsaken) = (0, false)
            for _ in 0..<400 {
                let index = Int.random(in: 0..<count, using: &luck)
                if Int.random(in: 0..<8, using: &luck) == 0 {
                    fleet.set(index, isOver: Int.random(in: 0..<3, using: &luck) > 0)
                } else {
                    fleet.step(index)
                }
                let ready = fleet.ready
                isForsaken = isForsaken || ready == 0
                if ready < count { sheddings += 1 }
            }
            #expect(!isForsaken, "seed \(seed)")
            #expect(sheddings > 0, "seed \(seed): nobody ever sent clients away")
        }
    }

    @Test("when all have too much to do, all are ready once they have heard of each other")
    func all() {
        var fleet = Fleet(4)
        for index in 0..<4 { fleet.set(index, isOver: true) }
        for _ in 0..<2 {
            for index in 0..<4 {
                for _ in 0..<3 { fleet.step(index) }
            }
        }
        #expect(fleet.ready == 4)
    }

    @Test("only the answer to a heartbeat that told of it counts, and each is judged anew")
    func answers() {
        let now = Instant(nanoseconds: 0)
        var watch = Self.watch()
        watch.asked()
        for _ in 0..<3 { _ = watch.sampled(Self.over, connections: 0) }
        watch.heard(hasSpare: true, now: now)
        #expect(watch.isOver && !watch.sheds(now: now), "the others had not been told")
        watch.asked()
        #expect(!watch.sheds(now: now))
        watch.heard(hasSpare: true, now: now)
        #expect(watch.sheds(now: now))
        watch.asked()
        #expect(watch.sheds(now: now), "what was heard last holds meanwhile")
        watch.heard(hasSpare: false, now: now)
        #expect(!watch.sheds(now: now))
    }

    @Test("what was heard of the others counts for 8 s, and not beyond the end of the load")
    func ends() {
        let now = Instant(nanoseconds: 0)
        var watch = Self.watch()
        for _ in 0..<3 { _ = watch.sampled(Self.over, connections: 0) }
        watch.asked()
        watch.heard(hasSpare: true, now: now)
        #expect(watch.sheds(now: now + .milliseconds(7_999)))
        #expect(!watch.sheds(now: now + .seconds(8)))
        for _ in 0..<10 { _ = watch.sampled(Self.well, connections: 0) }
        #expect(!watch.sheds(now: now))
        for _ in 0..<3 { _ = watch.sampled(Self.over, connections: 0) }
        #expect(!watch.sheds(now: now), "the others count on this node since")
    }

    @Test("each measure has its threshold, in the units of its sample")
    func measures() {
        let low = LoadSample(
            loopLag: .milliseconds(499),
            commitTime: .milliseconds(1_999),
            memory: 899,
            memoryLimit: 1_000,
            freeDisk: 268_435_457
        )
        let cases: [(LoadMeasure, LoadSample, Int)] = [
            (.connections, low, 900),
            (.loopLag, LoadSample(loopLag: .milliseconds(500), freeDisk: nil), 0),
            (.commits, LoadSample(commitTime: .seconds(2)), 0),
            (.memory, LoadSample(memory: 900, memoryLimit: 1_000), 0),
            (.disk, LoadSample(freeDisk: 268_435_456), 0),
        ]
        for (measure, sample, connections) in cases {
            var watch = Self.watch()
            for _ in 0..<3 { _ = watch.sampled(sample, connections: connections) }
            #expect(watch.over == [measure])
        }
        var watch = Self.watch()
        for _ in 0..<3 { _ = watch.sampled(low, connections: 899) }
        #expect(!watch.isOver)
        for _ in 0..<3 { _ = watch.sampled(LoadSample(memory: 5_000), connections: 0) }
        #expect(!watch.isOver, "without a limit no memory is too much")
    }

    @Test("a part of a whole is of 1,000, also of what is very large or nothing")
    func parts() {
        #expect(LoadWatchTests.isMemoryOver(.max / 2, of: .max) == false)
        #expect(LoadWatchTests.isMemoryOver(.max - 1, of: .max) == true)
        #expect(LoadWatchTests.isMemoryOver(1, of: 0) == true)
        #expect(LoadWatchTests.isMemoryOver(-1, of: 10) == false)
    }

    private static func isMemoryOver(_ memory: Int, of limit: Int) -> Bool {
        var watch = Self.watch()
        for _ in 0..<3 { _ = watch.sampled(LoadSample(memory: memory, memoryLimit: limit), connections: 0) }
        return watch.isOver
    }
}
