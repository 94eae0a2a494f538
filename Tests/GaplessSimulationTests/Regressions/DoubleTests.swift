import GaplessSimulation
import Testing

/// Plans with two processes on one saved state, as they were when they had been shrunk.
@Suite("Regressions: doubles")
struct DoubleTests {
    @Test("an attach in doubt that is taken back leaves the double attached that has its instance and attempt")
    func theDoubleStaysAttached() {
        let plan = Plan(
            seed: 13_003_516,
            numbers: [8, 9, 13, 19, 20, 21, 24, 29, 33, 39, 41, 46],
            steps: [
                (9196, .publishSequence(client: 1, count: 4)),
                (10085, .loseClose(client: 1)),
                (16648, .loseClose(client: 0)),
                (19840, .leave(client: 1, milliseconds: 1369)),
                (22061, .publishSequence(client: 1, count: 1)),
                (22897, .loseClose(client: 0)),
                (24587, .publishSequence(client: 1, count: 3)),
                (28742, .leave(client: 1, milliseconds: 706)),
                (33261, .twin(client: 1, .kept, milliseconds: 14246)),
                (37544, .doubt(commits: 4)),
                (38435, .swizzle(milliseconds: 6138)),
                (42707, .swizzle(milliseconds: 7419)),
            ]
        ) {
            $0.nodes = 3
            $0.clients = 3
            $0.durableClients = [false, true, false]
            $0.hop = 10...200_000
            $0.save = 1_000...500_000
            $0.handler = 1_000...1_000
            $0.application = 1_000...1_000_000
            $0.downlinkMessages = 8
            $0.uplinkBytes = 20
            $0.pollMilliseconds = 2_000
            $0.refusedConnects = 200
            $0.lostSignals = 500
        }
        let report = simulate(plan)
        #expect(report.violations == [])
        #expect(report.counters[.doubtfulAttach] > 0)
        #expect(report.counters[.lateHello] > 0)
    }
}
