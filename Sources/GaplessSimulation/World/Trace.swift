import GaplessCore

/// What happened, as a fingerprint and, when it is wished, as lines.
struct Trace {
    /// FNV-1a over everything that was noted.
    private(set) var fingerprint: UInt64 = 0xcbf2_9ce4_8422_2325
    /// All of it, or the newest.
    private(set) var lines: [String] = []
    private let keepsLines: Bool

    init(keepsLines: Bool) {
        self.keepsLines = keepsLines
    }

    /// Notes one thing by numbers, and as a line when lines are kept.
    mutating func note(_ kind: Kind, at now: Instant, _ first: UInt64, _ second: UInt64 = 0, _ line: @autoclosure () -> String) {
        let time = now - World.start
        for number in [kind.rawValue, UInt64(bitPattern: time.microseconds), first, second] {
            self.fingerprint = (self.fingerprint ^ number) &* 0x0000_0100_0000_01b3
        }
        if self.keepsLines { self.lines.append("\(time.milliseconds) ms: \(line())") }
    }

    /// What is noted.
    enum Kind: UInt64 {
        case step = 1, sentUp, sentDown, opened, lost, started, died, commit, handed, handler, state, saved
    }
}

extension Duration {
    /// In whole microseconds.
    var microseconds: Int64 {
        let (seconds, attoseconds) = self.components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
