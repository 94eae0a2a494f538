/// When one side of a connection speaks to show that it lives, and when it believes that the other side does not (Protocol.md §8).
///
/// Both sides use it: each sends `PING` after `interval` without a frame of its own, and gives the connection up after `silence`
/// without anything from the other. A deadline that fires late means that this process stood still, not the peer: it asks once more.
package struct Heartbeat: Hashable, Sendable {
    /// What to do when a deadline passed.
    package enum Verdict: Hashable, Sendable {
        /// Send `PING` with the number, and report `sent`.
        case ping(UInt64)
        /// The other side is gone: end the connection with 4105.
        case silent
    }

    /// A silence that ends later than this was this side's own stall. [R8-5]
    package static let maxLateness = Duration.seconds(2)

    /// How long a probe waits for any sign of life. [R8-5]
    package static let probeTime = Duration.seconds(5)

    /// The longest time without a frame of one's own.
    package private(set) var interval: Duration

    /// The longest time without anything from the other side.
    package private(set) var silence: Duration

    private var speakAt: Instant
    private var silentAt: Instant
    private var isProbing = false
    private var pings: UInt64 = 0

    /// Starts both clocks.
    ///
    /// - Precondition: both times are above zero.
    package init(interval: Duration, silence: Duration, now: Instant) {
        precondition(interval > .zero && silence > .zero, "a heartbeat takes time")
        self.interval = interval
        self.silence = silence
        self.speakAt = now + interval
        self.silentAt = now + silence
    }

    /// Starts both clocks with the times that hold on both sides until a `WELCOME` tells others (Protocol.md §8).
    package init(beforeWelcomeAt now: Instant) {
        self.init(interval: .seconds(20), silence: .seconds(30), now: now)
    }

    /// Uses other times from now on: those of a `WELCOME`.
    package mutating func adopt(interval: Duration, silence: Duration, now: Instant) {
        self = Heartbeat(interval: interval, silence: silence, now: now, pings: self.pings)
    }

    private init(interval: Duration, silence: Duration, now: Instant, pings: UInt64) {
        self.init(interval: interval, silence: silence, now: now)
        self.pings = pings
    }

    /// Something came from the other side, whatever it was. [R8-2]
    package mutating func heard(now: Instant) {
        self.silentAt = now + self.silence
        self.isProbing = false
    }

    /// A frame was sent.
    package mutating func sent(now: Instant) {
        self.speakAt = now + self.interval
    }

    /// The number of the next ping that is sent without a deadline, to probe at once.
    package mutating func nextPing() -> UInt64 {
        self.pings = self.pings == Limits.maxInteger ? 1 : self.pings + 1
        return self.pings
    }

    /// Asks the other side at once and gives it the time of a probe: after a new network, or after this process woke up.
    package mutating func probe(now: Instant) -> UInt64 {
        self.isProbing = true
        // Asking again buys no more time.
        let limit = now + Self.probeTime
        self.silentAt = now < self.silentAt ? min(self.silentAt, limit) : limit
        return self.nextPing()
    }

    /// The moment to call `timerFired`.
    package var nextDeadline: Instant {
        min(self.speakAt, self.silentAt)
    }

    /// Judges the time; nil when no deadline has passed.
    package mutating func timerFired(now: Instant) -> Verdict? {
        if now >= self.silentAt {
            guard now - self.silentAt > Self.maxLateness, !self.isProbing else { return .silent }
            return .ping(self.probe(now: now))
        }
        guard now >= self.speakAt else { return nil }
        return .ping(self.nextPing())
    }
}
