/// How long to wait before the next attempt: an even draw between nothing and a bound that doubles with each round of failures ("full jitter").
///
/// The draw spreads clients that lost their node at the same moment over the whole interval, so that they do not come back all at
/// once. A round is one failure for each endpoint: while another one has not failed yet, there is no reason to wait longer for it (Protocol.md §11.4).
package struct Backoff: Hashable, Sendable {
    /// The bound of the first draw. Default 0.5 s.
    package let base: Duration

    /// The bound that no doubling exceeds. Default 30 s.
    package let cap: Duration

    /// How many failures came in a row; saturates when the bound has long reached its cap.
    package private(set) var failures = 0

    /// Where `failures` saturates: 64 rounds of as many endpoints as a client ever knows.
    private static let maxFailures = 65_536

    /// - Precondition: `base` is above zero and at most `cap`.
    package init(base: Duration = .milliseconds(500), cap: Duration = .seconds(30)) {
        precondition(.zero < base && base <= cap, "a backoff starts above zero and at or below its cap")
        self.base = base
        self.cap = cap
    }

    /// The longest that the next draw can be, for a client that knows so many endpoints.
    ///
    /// - Precondition: `endpoints` is at least 1.
    package func bound(among endpoints: Int = 1) -> Duration {
        precondition(endpoints > 0, "a client has at least one endpoint")
        var bound = self.base
        var rounds = self.failures / endpoints
        while rounds > 0, bound < self.cap {
            bound = bound * 2
            rounds -= 1
        }
        return min(bound, self.cap)
    }

    /// Counts a failure and draws the time to wait before the next attempt, for a client that knows so many endpoints.
    ///
    /// - Precondition: `endpoints` is at least 1.
    package mutating func next(among endpoints: Int = 1, using random: inout some RandomNumberGenerator) -> Duration {
        let wait = Duration.zero.jittered(upTo: self.bound(among: endpoints), using: &random)
        self.failures = min(self.failures + 1, Self.maxFailures)
        return wait
    }

    /// Forgets the failures, after a connection that was healthy.
    package mutating func reset() {
        self.failures = 0
    }
}

extension Duration {
    /// This duration and an even draw between nothing and `bound`, both ends included, in whole nanoseconds.
    package func jittered(upTo bound: Duration, using random: inout some RandomNumberGenerator) -> Duration {
        guard .zero < bound else { return self }
        return self + .nanoseconds(Int64.random(in: 0...bound.nanoseconds, using: &random))
    }
}
