package import GaplessCore

/// Decides whether a commit waits a little for company.
///
/// While commits are rare nothing waits. When they follow one another closely, a commit with little in it costs more than the messages
/// that it carries; then the next one waits a short time, and that time grows as long as something comes meanwhile and shrinks when
/// nothing does. So a crowd of senders shares commits, and one sender that waits for each receipt is not slowed down.
package struct CommitPacer: Hashable, Sendable {
    /// The first wait that is tried.
    package static let firstSpacing: Int64 = 50_000
    /// How often a wait is tried while waiting did not pay.
    package static let probeInterval = 16

    private let maxSpacing: Int64
    /// A batch of this size goes at once.
    private let fullBatch: Int
    private var spacing: Int64 = 0
    private var ended: Instant?
    private var commitsSinceProbe = 0
    /// How many operations waited when the wait that is under way began.
    private var waitedWith: Int?

    /// - Parameter maxSpacing: zero for a pacer that never waits.
    package init(maxSpacing: Duration, fullBatch: Int = 64) {
        self.maxSpacing = maxSpacing.nanoseconds
        self.fullBatch = fullBatch
    }

    /// How long the next commit waits; nil when it goes now. Asked again after each wait.
    package mutating func wait(for waiting: Int, now: Instant) -> Duration? {
        if let before = self.waitedWith {
            self.waitedWith = nil
            self.learn(cameMeanwhile: waiting > before)
            return nil
        }
        guard self.maxSpacing > 0, waiting < self.fullBatch, let ended = self.ended, (now - ended).nanoseconds < self.maxSpacing else {
            return nil
        }
        if self.spacing == 0 {
            self.commitsSinceProbe += 1
            guard self.commitsSinceProbe >= Self.probeInterval else { return nil }
            self.spacing = min(Self.firstSpacing, self.maxSpacing)
        }
        let wait = self.spacing - (now - ended).nanoseconds
        guard wait > 0 else { return nil }
        self.waitedWith = waiting
        return .nanoseconds(wait)
    }

    /// A commit ended.
    package mutating func committed(now: Instant) {
        self.ended = now
    }

    private mutating func learn(cameMeanwhile: Bool) {
        if cameMeanwhile {
            self.spacing = min(self.maxSpacing, self.spacing * 2)
        } else {
            self.spacing = self.spacing / 4 * 3
            if self.spacing < Self.firstSpacing / 2 {
                self.spacing = 0
                self.commitsSinceProbe = 0
            }
        }
    }
}
