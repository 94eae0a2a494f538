import GaplessSimulation
import Testing

/// Plans that once broke the order of handlers, as they were when they had been shrunk.
@Suite("Regressions: handlers")
struct HandlerOrderTests {
    @Test("no handler gets a message behind one that was dropped when a mark was refused")
    func nothingBehindADroppedMessage() {
        let plan = Plan(
            seed: 827,
            numbers: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14],
            steps: [
                (24, .publish(client: 2, count: 11, bytes: 8, timeToLive: nil)),
                (71, .publishToExisting(client: 0, count: 1)),
                (213, .leave(client: 1, milliseconds: 1530)),
                (558, .send(client: 2, count: 3)),
                (708, .publish(client: 2, count: 10, bytes: 8, timeToLive: nil)),
                (1099, .publish(client: 2, count: 7, bytes: 200, timeToLive: nil)),
                (1439, .oneWay(client: 0, up: false)),
                (1646, .publishToAll(count: 2)),
                (1677, .twin(client: 1, .none, milliseconds: 7792)),
                (2357, .moveClock(node: 1, milliseconds: 3750)),
                (2425, .publishToAll(count: 2)),
                (2911, .send(client: 1, count: 8)),
                (2924, .moveClock(node: 0, milliseconds: -14616)),
            ]
        ) {
            $0.nodes = 3
            $0.clients = 3
            $0.durableClients = [true, false, true]
            $0.seconds = 20
            $0.hop = 10...200_000
            $0.save = 1_000...1_000
            $0.application = 1_000...1_000_000
            $0.downlinkMessages = 1
            $0.uplinkMessages = 3
            $0.uplinkBytes = 20
            $0.maxBytes = 30
            $0.refusedConnects = 200
        }
        let report = simulate(plan)
        #expect(report.violations == [])
        #expect(report.counters[.markRefused] > 0)
    }

    @Test("a node takes over no message that was handled elsewhere while its handler failed here")
    func nothingThatWasHandledElsewhere() {
        let plan = Plan(
            seed: 762,
            numbers: [0, 3, 10, 14],
            steps: [
                (669, .send(client: 0, count: 4)),
                (2128, .stallClient(0, milliseconds: 16186)),
                (12990, .send(client: 0, count: 2)),
                (13988, .send(client: 0, count: 8)),
            ]
        ) {
            $0.clients = 1
            $0.durableClients = [false]
            $0.seconds = 20
            $0.hop = 10...10
            $0.commit = 1_000...1_000
            $0.read = 100...100
            $0.save = 1_000...1_000
            $0.handler = 1_000...3_000_000
            $0.application = 100...100
            $0.maxUplinkBytes = 30
            $0.failingHandlers = 200
        }
        let report = simulate(plan)
        #expect(report.violations == [])
        #expect(report.counters[.handlerAgain] > 0)
    }
}
