/// A connection got `DRAIN`: the client opens a second one and keeps the first in full use until the second is welcomed (Protocol.md §10.1).
struct Move: Sendable {
    /// What the move waits for.
    enum Step: Hashable, Sendable {
        /// The uplink in flight is to be acknowledged, at most until half of the time is over. Next: opening.
        case settling
        /// The second connection is on its way. Next: waiting, exhausted.
        case opening
        /// The second connection failed; the next attempt is made at the moment. Next: opening.
        case waiting(until: Instant)
        /// No attempt fits into the time any more; the server closes the first connection.
        case exhausted
    }

    /// When half of the time is over.
    let half: Instant
    /// When the time is over.
    let end: Instant
    /// Where the server sent the client.
    let endpoints: [String]
    /// How far the move is.
    var step = Step.settling

    private var backoff: Backoff
    private var tries = 0

    /// A `DRAIN` came.
    init(within: Duration, endpoints: [String], backoff: Backoff, now: Instant) {
        self.half = now + within / 2
        self.end = now + within
        self.endpoints = endpoints
        self.backoff = Backoff(base: backoff.base, cap: backoff.cap)
    }

    /// The next moment at which something is to be done; nil while a connection is on its way.
    var deadline: Instant? {
        switch self.step {
        case .settling: self.half
        case .opening: nil
        case .waiting(let until): until
        case .exhausted: self.end + ClientTimes.farewell
        }
    }

    /// Where the next second connection goes; nil when none may be called now.
    mutating func nextEndpoint(from first: String, in list: EndpointList, now: Instant) -> String? {
        let candidates = list.alternatives(to: first, preferring: self.endpoints, at: now)
        guard !candidates.isEmpty else { return nil }
        defer { self.tries += 1 }
        return candidates[self.tries % candidates.count]
    }

    /// The second connection failed, or none could be opened.
    mutating func failed(among endpoints: Int, now: Instant, using random: inout some RandomNumberGenerator) {
        let next = now + self.backoff.next(among: endpoints, using: &random)
        self.step = next < self.end ? .waiting(until: next) : .exhausted
    }
}
