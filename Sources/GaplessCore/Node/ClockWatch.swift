/// Notices jumps of the wall clock, so that a wrong clock does not expire what is young.
package struct ClockWatch: Hashable, Sendable {
    private let maxJump: Duration
    private let pause: Duration
    private var wallClock: Timestamp
    private var seen: Instant
    /// Expiry waits until then; nil when it need not.
    package private(set) var pausedUntil: Instant?

    package init(maxJump: Duration, pause: Duration, wallClock: Timestamp, now: Instant) {
        self.maxJump = maxJump
        self.pause = pause
        self.wallClock = wallClock
        self.seen = now
    }

    /// Compares the clocks with the last time; returns by how much the wall clock jumped, when that is too much.
    package mutating func observe(wallClock: Timestamp, now: Instant) -> Duration? {
        let wall = Duration.milliseconds(Int64(wallClock.milliseconds) - Int64(self.wallClock.milliseconds))
        let jump = wall - (now - self.seen)
        self.wallClock = wallClock
        self.seen = now
        if let pausedUntil, now >= pausedUntil { self.pausedUntil = nil }
        guard jump > self.maxJump || jump < .zero - self.maxJump else { return nil }
        self.pausedUntil = now + self.pause
        return jump
    }
}
