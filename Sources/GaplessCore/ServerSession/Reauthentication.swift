/// When a proof of identity ends, and how a new one is asked for in band (Protocol.md §9.3).
package struct Reauthentication: Hashable, Sendable {
    /// What to do when a deadline passed.
    package enum Verdict: Hashable, Sendable {
        /// Send `AUTH` with `within`. [R9.3-1]
        case ask(within: Duration)
        /// Nobody answered: 4301. [R9.3-4]
        case unanswered
        /// The authenticator did not answer: 4103.
        case unverified
    }

    private enum Phase: Hashable, Sendable {
        /// The proof is good, until then or for ever.
        case valid(until: Instant?)
        /// `AUTH` was sent; the client has time until then.
        case asked(until: Instant)
        /// The client sent a token; the authenticator has time until then.
        case verifying(until: Instant)
    }

    private let grace: Duration
    private let answerDeadline: Duration
    private var phase: Phase

    /// Begins with the proof of the `HELLO`.
    package init(expires: Instant?, grace: Duration, answerDeadline: Duration) {
        self.grace = grace
        self.answerDeadline = answerDeadline
        self.phase = .valid(until: expires)
    }

    /// The client sent a token, asked or not; false when it did not wait for the answer to the one before. [R9.3-6]
    package mutating func received(now: Instant) -> Bool {
        switch self.phase {
        case .valid, .asked:
            self.phase = .verifying(until: now + self.answerDeadline)
            return true
        case .verifying:
            return false
        }
    }

    /// The token is good.
    package mutating func verified(expires: Instant?) {
        guard case .verifying = self.phase else { preconditionFailure("an answer of the authenticator that was not asked for") }
        self.phase = .valid(until: expires)
    }

    /// The moment to call `timerFired`; nil when nothing ends.
    package var nextDeadline: Instant? {
        switch self.phase {
        case .valid(let until): until
        case .asked(let until): until
        case .verifying(let until): until
        }
    }

    /// Judges the time; nil when no deadline has passed.
    package mutating func timerFired(now: Instant) -> Verdict? {
        guard let deadline = self.nextDeadline, now >= deadline else { return nil }
        switch self.phase {
        case .valid:
            self.phase = .asked(until: now + self.grace)
            return .ask(within: self.grace)
        case .asked:
            return .unanswered
        case .verifying:
            return .unverified
        }
    }
}
