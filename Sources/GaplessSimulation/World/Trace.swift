/// What happened, as a fingerprint and, when it is wished, as lines.
struct Trace {
    /// FNV-1a over everything that was noted.
    private(set) var fingerprint: UInt64 = 0xcbf2_9ce4_8422_2325
    private(set) var lines: [String] = []
    private let keepsLines: Bool

    init(keepsLines: Bool) {
        self.keepsLines = keepsLines
    }

    /// Notes one thing by numbers, and as a line when lines are kept.
    mutating func note(_ kind: Kind, _ first: UInt64, _ second: UInt64 = 0, _ line: @autoclosure () -> String) {
        for number in [kind.rawValue, first, second] {
            self.fingerprint = (self.fingerprint ^ number) &* 0x0000_0100_0000_01b3
        }
        if self.keepsLines { self.lines.append(line()) }
    }

    /// What is noted.
    enum Kind: UInt64 {
        case step = 1, sentUp, sentDown, opened, lost, started, died, commit, commitFailed, handed, confirmed, handler, state, saved
    }
}
