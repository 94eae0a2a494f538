import GaplessCore
import Testing

@Suite("Backoff")
struct BackoffTests {
    @Test("[R11.4-1] the bound is 0.5 s, doubled by each failure in a row, and never above 30 s")
    func boundDoublesToItsCap() {
        var backoff = Backoff()
        var luck = SeededLuck(1)
        var bounds: [Duration] = []
        for _ in 0..<9 {
            bounds.append(backoff.bound())
            _ = backoff.next(using: &luck)
        }
        #expect(
            bounds == [
                .milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(16), .seconds(30), .seconds(30),
                .seconds(30),
            ]
        )
    }

    @Test("[R11.4-1] with several endpoints the bound doubles once all of them have failed again", arguments: [2, 3, 7])
    func boundDoublesByRounds(_ endpoints: Int) {
        var backoff = Backoff()
        var luck = SeededLuck(1)
        for round in 0..<6 {
            for _ in 0..<endpoints {
                #expect(backoff.bound(among: endpoints) == .milliseconds(500 << round))
                let wait = backoff.next(among: endpoints, using: &luck)
                #expect(wait <= .milliseconds(500 << round))
            }
        }
        #expect(backoff.bound(among: endpoints) == .seconds(30))
    }

    @Test("[R11.4-1] draws lie evenly between nothing and the bound")
    func drawsAreFullJitter() {
        var luck = SeededLuck(7)
        var tenths = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 {
            var backoff = Backoff()
            let wait = backoff.next(using: &luck)
            #expect(.zero <= wait && wait <= .milliseconds(500))
            tenths[min(9, Int(wait.milliseconds / 50))] += 1
        }
        #expect(tenths.allSatisfy { (850...1_150).contains($0) }, "\(tenths)")
    }

    @Test("a reset starts at the first bound again")
    func resetStartsOver() {
        var backoff = Backoff()
        var luck = SeededLuck(3)
        for _ in 0..<20 { _ = backoff.next(using: &luck) }
        #expect(backoff.bound() == .seconds(30))
        backoff.reset()
        #expect(backoff.bound() == .milliseconds(500))
        #expect(backoff.failures == 0)
    }

    @Test("a million failures in a row overflow nothing")
    func failuresSaturate() {
        var backoff = Backoff()
        var luck = SeededLuck(3)
        for _ in 0..<1_000_000 { _ = backoff.next(using: &luck) }
        #expect(backoff.failures == 65_536)
        #expect(backoff.bound() == .seconds(30))
    }

    @Test("the same luck gives the same waits")
    func drawsAreReproducible() {
        var first = Backoff()
        var second = Backoff()
        var luck = SeededLuck(11)
        var sameLuck = SeededLuck(11)
        for _ in 0..<50 { #expect(first.next(using: &luck) == second.next(using: &sameLuck)) }
    }

    @Test("a jitter of nothing draws nothing")
    func noJitterNeedsNoLuck() {
        var luck = SeededLuck(1)
        #expect(Duration.seconds(2).jittered(upTo: .zero, using: &luck) == .seconds(2))
        let drawn = Duration.seconds(2).jittered(upTo: .seconds(3), using: &luck)
        #expect(.seconds(2) < drawn && drawn <= .seconds(5))
    }
}
