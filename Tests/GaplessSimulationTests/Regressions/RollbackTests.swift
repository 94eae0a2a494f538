import GaplessSimulation
import Testing

/// Plans in which the store goes back unnoticed and uses numbers again, as they were when they had been shrunk.
@Suite("Regressions: rollbacks")
struct RollbackTests {
    @Test("[R4.1-9] [R5.2-18] what a client took and did not handle tells that the store went back")
    func whatWasTakenTells() {
        let plan = Plan(
            seed: 201,
            numbers: [2, 9, 11],
            steps: [
                (8231, .loseAndPublish(count: 15)),
                (27214, .publish(client: 0, count: 6, bytes: 8, timeToLive: Optional(2597))),
                (31817, .loseCommits(count: 15, isNoticed: false)),
            ]
        ) {
            $0.seconds = 120
            $0.hop = 10...10
            $0.commit = 1_000...1_000
            $0.read = 100...100
            $0.save = 1_000...1_000
            $0.handler = 1_000...1_000
            $0.application = 1_000...8_000_000
            $0.downlinkBytes = 20
            $0.uplinkMessages = 3
            $0.uplinkBytes = 20
            $0.gatewayOperations = 4
            $0.batchOperations = 2
            $0.maxBytes = 30
            $0.maxAgeMilliseconds = 4_000
            $0.rejectsNew = true
            $0.doubtfulCommits = 30
            $0.hasRollbacks = true
        }
        let report = simulate(plan)
        #expect(report.violations == [])
        #expect(report.counters[.resetRollback] > 0)
    }

    @Test("[R5.2-14] what the store knows nothing of contradicts nothing, and the client goes on")
    func whatIsForgottenContradictsNothing() {
        let plan = Plan(
            seed: 7_002_942,
            numbers: [1, 4, 6, 8, 13, 20],
            steps: [
                (1404, .send(client: 2, count: 2)),
                (4739, .stallStore(milliseconds: 14507)),
                (19022, .send(client: 2, count: 7)),
                (27850, .crashNode(0, down: 29742)),
                (37870, .publish(client: 2, count: 6, bytes: 8, timeToLive: Optional(113))),
                (57784, .loseCommits(count: 15, isNoticed: false)),
            ]
        ) {
            $0.nodes = 1
            $0.clients = 3
            $0.durableClients = [false, true, false]
            $0.hop = 10...200_000
            $0.read = 100...100
            $0.save = 1_000...1_000
            $0.application = 100...100
            $0.gatewayOperations = 4
            $0.batchOperations = 2
            $0.tokenLifeMilliseconds = Optional(17001)
            $0.replies = 500
            $0.badTokens = 200
            $0.hasRollbacks = true
        }
        let report = simulate(plan)
        #expect(report.violations == [])
        #expect(report.counters[.lineForgotten] > 0)
    }
}
