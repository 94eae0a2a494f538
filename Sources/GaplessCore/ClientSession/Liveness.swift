/// When one connection has to be heard and to speak: heartbeats, silence, and probes (Protocol.md §8).
struct Liveness: Hashable, Sendable {
    /// What is to be done at a moment.
    enum Verdict: Hashable, Sendable {
        /// Nothing.
        case alive
        /// Send a `PING` with the number.
        case ping(UInt64)
        /// The connection is dead.
        case dead
    }

    private var heartbeat = ClientTimes.heartbeat
    private var silence = ClientTimes.silence
    private var lastSent: Instant
    private var lastHeard: Instant
    private var probedUntil: Instant?
    private var pings: UInt64 = 0
    private var isMuted = false

    /// A connection that was opened at this moment.
    init(now: Instant) {
        self.lastSent = now
        self.lastHeard = now
    }

    /// The next moment at which `check` has something to say.
    var deadline: Instant {
        let heard = self.probedUntil ?? self.lastHeard + self.silence
        return self.isMuted ? heard : min(heard, self.lastSent + self.heartbeat)
    }

    /// Takes the intervals that a `WELCOME` told.
    mutating func adopt(heartbeat: Duration, silence: Duration) {
        self.heartbeat = heartbeat
        self.silence = silence
    }

    /// A frame was sent.
    mutating func sent(now: Instant) {
        self.lastSent = now
    }

    /// Anything came.
    mutating func heard(now: Instant) {
        self.lastHeard = now
        self.probedUntil = nil
    }

    /// Nothing may be sent any more; only the silence counts.
    mutating func mute() {
        self.isMuted = true
    }

    /// Asks for a sign of life within 5 s; the number of the `PING` to send, or nil when a probe runs already or nothing may be sent.
    mutating func probe(now: Instant) -> UInt64? {
        guard self.probedUntil == nil, !self.isMuted else { return nil }
        self.probedUntil = now + ClientTimes.probe
        return self.ping()
    }

    /// Judges the connection.
    mutating func check(now: Instant) -> Verdict {
        if let probedUntil = self.probedUntil {
            if probedUntil <= now { return .dead }
        } else {
            let late = now - (self.lastHeard + self.silence)
            // Protocol.md [R8-5]: after a stall the answer may lie in the socket, unread.
            if ClientTimes.lateness < late, let number = self.probe(now: now) { return .ping(number) }
            if .zero <= late { return .dead }
        }
        guard !self.isMuted, self.lastSent + self.heartbeat <= now else { return .alive }
        return .ping(self.ping())
    }

    private mutating func ping() -> UInt64 {
        self.pings += 1
        return self.pings
    }
}
