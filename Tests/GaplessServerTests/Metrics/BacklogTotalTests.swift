import GaplessCore
import GaplessTesting
import Testing

@testable import GaplessServer

@Suite struct BacklogTotalTests {
    @Test(arguments: 1...20) func theTotalIsTheSumOfWhatConnectionsReportedLast(seed: UInt64) {
        var random = TestRandom(seed: seed)
        let total = BacklogTotal()
        var shares = [BacklogShare](repeating: BacklogShare(), count: 10)
        var reported = [SessionBacklog](repeating: SessionBacklog(), count: 10)
        for step in 1...500 {
            let index = Int.random(in: 0..<10, using: &random)
            let isOver = Int.random(in: 0..<5, using: &random) == 0
            reported[index] =
                isOver
                ? SessionBacklog()
                : SessionBacklog(unacknowledged: .random(in: 0...9, using: &random), waiting: .random(in: 0...1_000_000, using: &random))
            shares[index].report(reported[index], to: total)
            #expect(total.value == reported.reduce(into: SessionBacklog()) { $0 += $1 }, "seed \(seed), step \(step)")
        }
    }
}
