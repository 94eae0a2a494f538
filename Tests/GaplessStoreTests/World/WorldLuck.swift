import GaplessCore

/// SplitMix64, with streams for what it is needed for: an extra draw in one place does not change what another one sees.
struct WorldLuck: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64, stream: UInt64 = 0) {
        self.state = seed &* 0x9e37_79b9_7f4a_7c15 ^ stream &* 0xc2b2_ae3d_27d4_eb4f
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func milliseconds(_ range: ClosedRange<Int>) -> Duration {
        .milliseconds(Int.random(in: range, using: &self))
    }

    /// True once in so many times.
    mutating func isOnce(in times: Int) -> Bool {
        Int.random(in: 0..<times, using: &self) == 0
    }
}

/// Names for the world; a wrong one is a mistake of the test.
enum WorldName {
    static func client(_ index: Int) -> ClientID {
        guard let client = ClientID("user\(index)/phone") else { preconditionFailure("a valid client") }
        return client
    }

    static func node(_ index: Int) -> NodeName {
        guard let name = NodeName("n\(index)") else { preconditionFailure("a valid name") }
        return name
    }

    static func endpoint(_ index: Int) -> String { "ws://n\(index)/gapless" }
}
