import GaplessCore
import Testing

@testable import GaplessSimulation

@Suite("Simulation: the checker watches handlers and marks (I11)")
struct UplinkCheckerTests {
    private func history() -> History {
        let history = History()
        history.attach(1)
        for number in 1...4 { history.checker.enqueued("u\(number)", by: history.process) }
        return history
    }

    @Test("a message that is handled, marked, answered and confirmed breaks nothing")
    func clean() {
        let history = self.history()
        let node = history.runningNode()
        let reply = history.operation("ru1")
        history.checker.handlerBegan(history.run(1), on: node)
        history.checker.handlerEnded(history.run(1), sends: [reply], wasCancelled: false, on: node)
        history.mark(1, sends: [reply])
        history.checker.confirmed("u1", by: history.process)
        history.checker.handlerBegan(history.run(2), on: node)
        history.checker.handlerEnded(history.run(2), sends: nil, wasCancelled: false, on: node)
        history.checker.handlerBegan(history.run(2, failures: 1), on: node)
        history.checker.handlerEnded(history.run(2), sends: [], wasCancelled: false, on: node)
        history.mark(2)
        #expect(history.broken == [])
    }

    @Test("a mark before its handler returned, or with other sends than the handler's")
    func markWithoutHandler() {
        let history = self.history()
        let node = history.runningNode()
        history.checker.handlerBegan(history.run(1), on: node)
        history.mark(1)
        #expect(history.broken == [.uplink])
        history.checker.handlerEnded(history.run(1), sends: [history.operation("ru1")], wasCancelled: false, on: node)
        history.checker.handlerBegan(history.run(2), on: node)
        history.checker.handlerEnded(history.run(2), sends: [], wasCancelled: false, on: node)
        history.mark(2, sends: [history.operation("ru2")])
        #expect(history.broken == [.uplink, .uplink])
    }

    @Test("a mark that skips a number")
    func markSkips() {
        let history = self.history()
        let node = history.runningNode()
        history.checker.handlerBegan(history.run(2), on: node)
        history.checker.handlerEnded(history.run(2), sends: [], wasCancelled: false, on: node)
        history.mark(2)
        #expect(history.broken == [.uplink])
    }

    @Test("an answer that is stored without a mark")
    func replyWithoutMark() {
        let history = self.history()
        history.append(1, "ru1")
        #expect(history.broken == [.uplink])
    }

    @Test("a handler that gets a message whose mark is durable, unless its node cannot know that")
    func handledAgain() {
        let history = self.history()
        let node = history.runningNode()
        history.checker.handlerBegan(history.run(1), on: node)
        history.checker.handlerEnded(history.run(1), sends: [], wasCancelled: false, on: node)
        history.mark(1)
        history.attach(2, mark: 1)
        history.checker.handlerBegan(history.run(1, under: 1), on: node)
        history.checker.handlerEnded(history.run(1), sends: [], wasCancelled: true, on: node)
        #expect(history.broken == [])
        history.checker.handlerBegan(history.run(1, under: 2), on: node)
        #expect(history.broken == [.uplink])
    }

    @Test("two handlers of one client at once, and one that is given a message out of order")
    func oneAtATime() {
        let history = self.history()
        let node = history.runningNode()
        history.checker.handlerBegan(history.run(1), on: node)
        history.checker.handlerBegan(history.run(2), on: node)
        #expect(history.broken == [.uplink])
        history.checker.handlerEnded(history.run(2), sends: [], wasCancelled: false, on: node)
        history.checker.handlerBegan(history.run(4), on: node)
        #expect(history.broken == [.uplink, .uplink])
    }

    @Test("a message that nobody sent, one that changed under its number, one that is confirmed unhandled, one that vanished")
    func clients() {
        let invented = History()
        invented.checker.handlerBegan(invented.run(9), on: invented.runningNode())
        #expect(invented.broken == [.uplink])
        let confirmed = self.history()
        confirmed.checker.confirmed("u1", by: confirmed.process)
        #expect(confirmed.broken == [.uplink])
        let vanished = self.history()
        vanished.checker.finish()
        #expect(vanished.broken.contains(.uplink))
    }

    @Test("a WELCOME that tells a mark which is not durable")
    func markToldEarly() {
        let history = History()
        history.attach(1, mark: 3)
        #expect(history.broken == [.uplink])
    }
}
