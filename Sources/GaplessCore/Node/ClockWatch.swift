/// Decides which time a store is given, so that a wall clock that jumps does not expire what is young.
///
/// After a jump the store is given the time that the wall clock told before, and what has passed since by the monotonic clock. The new time
/// counts when it still holds after a pause; when the wall clock is put back before that, nothing has happened. The time that is
/// given never goes back, whatever the wall clock does.
package struct ClockWatch: Hashable, Sendable {
    /// Both clocks, read together.
    private struct Reading: Hashable {
        var wallClock: Timestamp
        var now: Instant

        /// How much further the wall clock went than the monotonic one since an earlier reading; negative when less far.
        func jump(since earlier: Reading) -> Duration {
            earlier.wallClock.duration(to: self.wallClock) - (self.now - earlier.now)
        }
    }

    private let maxJump: Duration?
    private let pause: Duration
    /// The newest reading whose wall clock counts.
    private var believed: Reading
    /// The newest reading.
    private var seen: Reading
    private var given: Timestamp
    /// Whether the wall clock jumped, and neither held long enough nor was put back.
    private var isDoubted = false
    private var jump: Duration?
    /// Until when expiry waits; a moment that has passed when it need not wait any more, nil before the first jump.
    package private(set) var pausedUntil: Instant?

    /// Believes the first reading.
    ///
    /// - Parameters:
    ///   - maxJump: how far the wall clock may go from the monotonic one between two readings; nil when it is believed whatever it does.
    ///   - pause: how long a new time has to hold before it counts.
    package init(maxJump: Duration?, pause: Duration, wallClock: Timestamp, now: Instant) {
        self.maxJump = maxJump
        self.pause = pause
        self.believed = Reading(wallClock: wallClock, now: now)
        self.seen = self.believed
        self.given = wallClock
    }

    /// The time to give to the store, at a reading of both clocks.
    package mutating func time(wallClock: Timestamp, now: Instant) -> Timestamp {
        let reading = Reading(wallClock: wallClock, now: now)
        let jump = reading.jump(since: self.seen)
        self.seen = reading
        if self.isSmall(reading.jump(since: self.believed)) || self.stillHolds(after: jump, now: now) {
            self.believed = reading
            self.isDoubted = false
        } else if !self.isDoubted || !self.isSmall(jump) {
            self.isDoubted = true
            self.jump = jump
            self.pausedUntil = now + self.pause
        }
        let held = self.believed.wallClock.advanced(by: now - self.believed.now)
        self.given = max(self.given, held)
        return self.given
    }

    /// By how much the wall clock jumped; each jump is told once.
    package mutating func takeJump() -> Duration? {
        self.jump.take()
    }

    /// Whether a time that was doubted has held for the whole pause.
    private func stillHolds(after jump: Duration, now: Instant) -> Bool {
        guard self.isDoubted, self.isSmall(jump), let pausedUntil else { return false }
        return now >= pausedUntil
    }

    private func isSmall(_ jump: Duration) -> Bool {
        guard let maxJump else { return true }
        return jump <= maxJump && jump >= .zero - maxJump
    }
}
