/// SplitMix64 in named streams: a draw more in one place changes nothing that another place sees.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The stream of a seed with a name, and with numbers that tell apart those who use it.
    package init(seed: UInt64, stream: StaticString, _ keys: UInt64...) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ seed
        stream.withUTF8Buffer { name in
            for byte in name { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
        for key in keys { hash = (hash ^ key) &* 0x0000_0100_0000_01b3 }
        self.state = hash
        // The first values of neighbouring streams look alike.
        for _ in 0..<2 { _ = self.next() }
    }

    package mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// True as often as `chance` of 1,000.
    mutating func happens(_ chance: Int) -> Bool {
        chance > 0 && Int.random(in: 0..<1_000, using: &self) < chance
    }

    /// A time between the two, in microseconds, most often near the first.
    mutating func latency(_ range: ClosedRange<Int>) -> Duration {
        let width = range.upperBound - range.lowerBound
        guard width > 0 else { return .microseconds(range.lowerBound) }
        let draw = Int.random(in: 0...width, using: &self)
        // Squared: many short ones, few long ones.
        let share = (draw / 1_000 + 1) * (draw / 1_000 + 1) * 1_000 / max(1, width / 1_000)
        return .microseconds(range.lowerBound + min(share, width))
    }
}
