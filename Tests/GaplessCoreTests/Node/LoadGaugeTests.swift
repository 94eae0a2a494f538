import GaplessCore
import Testing

@Suite("When a measure of a node's load is too much")
struct LoadGaugeTests {
    private static let more = LoadThreshold(over: 900, under: 800)
    private static let less = LoadThreshold(over: 256, under: 512)

    /// What the gauge says after each level.
    private func say(_ threshold: LoadThreshold?, _ levels: [Int?]) -> [Bool] {
        var gauge = LoadGauge(threshold)
        return levels.map { level in
            gauge.take(level)
            return gauge.isOver
        }
    }

    @Test("three samples in a row make it too much; one that is lower begins anew")
    func trips() {
        #expect(self.say(Self.more, [900, 900, 900]) == [false, false, true])
        #expect(self.say(Self.more, [900, 950, 899, 900, 900, 900]) == [false, false, false, false, false, true])
    }

    @Test("ten in a row that are well below end it; one between the two sides begins anew, and alone ends nothing")
    func clears() {
        let over = Array(repeating: 1_000, count: 3)
        #expect(self.say(Self.more, over + Array(repeating: 800, count: 10)).suffix(2) == [true, false])
        #expect(self.say(Self.more, over + Array(repeating: 801, count: 100)).last == true)
        let broken = Array(repeating: 800, count: 9) + [801] + Array(repeating: 0, count: 9)
        #expect(self.say(Self.more, over + broken).last == true)
        #expect(self.say(Self.more, over + broken + [0]).last == false)
    }

    @Test("what is between the two sides changes nothing, on either way")
    func between() {
        #expect(!self.say(Self.more, Array(repeating: 850, count: 100)).contains(true))
        #expect(self.say(Self.more, [900, 900, 850, 900, 900]).last == false)
    }

    @Test("where less is worse, the sides are the other way round")
    func falls() {
        #expect(self.say(Self.less, [256, 100, 0]).last == true)
        #expect(self.say(Self.less, [257, 257, 257]).last == false)
        #expect(self.say(Self.less, [0, 0, 0] + Array(repeating: 511, count: 20)).last == true)
        #expect(self.say(Self.less, [0, 0, 0] + Array(repeating: 512, count: 10)).last == false)
    }

    @Test("what cannot be measured counts as little, and what nobody minds is never too much")
    func unknown() {
        #expect(!self.say(Self.more, [900, 900, nil, 900, 900]).contains(true))
        #expect(self.say(Self.more, [900, 900, 900] + Array(repeating: nil, count: 10)).last == false)
        #expect(!self.say(nil, Array(repeating: .max, count: 10)).contains(true))
    }
}
