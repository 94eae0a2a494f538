import GaplessCore
import GaplessStore
import Testing

@Suite struct CommitPacerTests {
    /// Commits of 60 us each; `arrive` says how many operations come in a time, with at least one before each commit.
    private func run(commits: Int, pacer: inout CommitPacer, clock: inout Int64, arrive: (Int64) -> Int) -> (waits: Int, nanoseconds: Int64)
    {
        var waits = 0
        var waited: Int64 = 0
        for _ in 0..<commits {
            var waiting = 1
            if let wait = pacer.wait(for: waiting, now: Instant(nanoseconds: clock)) {
                waits += 1
                waited += wait.nanoseconds
                clock += wait.nanoseconds
                waiting += arrive(wait.nanoseconds)
                #expect(pacer.wait(for: waiting, now: Instant(nanoseconds: clock)) == nil)
            }
            clock += 60_000
            pacer.committed(now: Instant(nanoseconds: clock))
        }
        return (waits, waited)
    }

    @Test func rareCommitsNeverWait() {
        var pacer = CommitPacer(maxSpacing: .microseconds(500))
        for second in 1...100 as ClosedRange<Int64> {
            #expect(pacer.wait(for: 1, now: Instant(nanoseconds: second * 1_000_000_000)) == nil)
            pacer.committed(now: Instant(nanoseconds: second * 1_000_000_000 + 60_000))
        }
    }

    @Test func withoutSpacingNothingWaits() {
        var pacer = CommitPacer(maxSpacing: .zero)
        var clock: Int64 = 0
        #expect(self.run(commits: 1_000, pacer: &pacer, clock: &clock) { _ in 1 }.waits == 0)
    }

    @Test func aCrowdIsGatheredUpToTheBound() {
        var pacer = CommitPacer(maxSpacing: .microseconds(500))
        var clock: Int64 = 0
        _ = self.run(commits: 100, pacer: &pacer, clock: &clock) { Int($0 / 20_000) }
        let settled = self.run(commits: 100, pacer: &pacer, clock: &clock) { Int($0 / 20_000) }
        #expect(settled.waits == 100)
        #expect(settled.nanoseconds == 100 * 500_000)
    }

    @Test func oneSenderThatWaitsForItsReceiptsIsHardlySlowedDown() {
        var pacer = CommitPacer(maxSpacing: .microseconds(500))
        var clock: Int64 = 0
        let lonely = self.run(commits: 1_000, pacer: &pacer, clock: &clock) { _ in 0 }
        #expect(lonely.nanoseconds < 1_000 * 10_000)
        #expect(lonely.waits > 0)
    }

    @Test func aFullBatchGoesAtOnce() {
        var pacer = CommitPacer(maxSpacing: .microseconds(500), fullBatch: 8)
        var clock: Int64 = 0
        _ = self.run(commits: 100, pacer: &pacer, clock: &clock) { _ in 1 }
        #expect(pacer.wait(for: 8, now: Instant(nanoseconds: clock)) == nil)
        #expect(pacer.wait(for: 7, now: Instant(nanoseconds: clock)) != nil)
    }

    @Test func afterAQuietTimeNothingWaits() {
        var pacer = CommitPacer(maxSpacing: .microseconds(500))
        var clock: Int64 = 0
        _ = self.run(commits: 100, pacer: &pacer, clock: &clock) { _ in 1 }
        #expect(pacer.wait(for: 1, now: Instant(nanoseconds: clock + 500_000)) == nil)
    }
}
