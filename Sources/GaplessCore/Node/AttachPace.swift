/// Bounds how fast a node takes clients (Protocol.md §5.1), so that those of a node that died come back over a time and not all at once.
///
/// Attaches have slots that follow each other evenly. Whoever comes a little before the next free slot is taken at once; whoever comes long before it
/// is refused, and told to come back at a slot that is given to nobody else meanwhile: a herd is laid out over time instead of meeting again.
/// The slots are no reservation. Others may come first, and then one that was refused may be refused again; but no more are on their way
/// than the pace allows.
package struct AttachPace: Hashable, Sendable {
    /// How fast clients are taken.
    package struct Limit: Hashable, Sendable {
        /// How many a second, in the long run.
        package let perSecond: Int
        /// How many a second in the beginning, and how long it takes from there: a node that has just started fills its caches first.
        package let first: Int
        package let rampTime: Duration
        /// How much too early a client is taken all the same.
        package let slack: Duration
        /// No client is told to come back later than that.
        package let maxWait: Duration

        /// - Precondition: the counts are 1 through 1,000,000, and `maxWait` is longer than `slack`.
        package init(
            perSecond: Int = 2_000,
            first: Int? = nil,
            rampTime: Duration = .seconds(30),
            slack: Duration = .milliseconds(250),
            maxWait: Duration = .seconds(30)
        ) {
            let first = first ?? max(1, perSecond / 10)
            precondition((1...1_000_000).contains(perSecond) && (1...1_000_000).contains(first), "a pace is 1 through 1,000,000 a second")
            precondition(slack > .zero && maxWait > slack && rampTime >= .zero, "who is refused comes back later")
            self.perSecond = perSecond
            self.first = first
            self.rampTime = rampTime
            self.slack = slack
            self.maxWait = maxWait
        }

        /// How far a slot is from the next one, so long after the node began.
        fileprivate func gap(after age: Duration) -> Duration {
            guard age < self.rampTime else { return .nanoseconds(1_000_000_000 / Int64(self.perSecond)) }
            // Whole milliseconds of at most 292 years, and counts of at most 2^20: their product stays within 64 bits where the ramp is sane.
            let (passed, whole) = (max(0, age.milliseconds), max(1, self.rampTime.milliseconds))
            let rate = Int64(self.first) + Int64(self.perSecond - self.first) * min(passed, whole) / whole
            return .nanoseconds(1_000_000_000 / max(1, rate))
        }
    }

    private let limit: Limit?
    /// When the node began to take clients; nil before.
    private var began: Instant?
    /// The next free slot.
    private var next: Instant
    /// The last slot that somebody was told to come back at; nil before the first.
    private var given: Instant?

    /// - Parameter limit: nil for none.
    package init(_ limit: Limit?, now: Instant) {
        self.limit = limit
        self.next = now
    }

    /// How much later than told a client may come: what is told in whole milliseconds is spread by that.
    package var jitter: Duration { self.limit?.slack ?? .zero }

    /// The node begins to take clients.
    package mutating func begin(now: Instant) {
        self.began = self.began ?? now
    }

    /// A client wants to attach.
    ///
    /// - Returns: nil when it may; otherwise the time after which it should come back.
    package mutating func take(now: Instant) -> Duration? {
        guard let limit else { return nil }
        let began = self.began ?? now
        let slot = max(self.next, now)
        if slot - now <= limit.slack {
            self.next = slot + limit.gap(after: slot - began)
            return nil
        }
        let free = self.given.map { max(slot, $0 + limit.gap(after: $0 - began)) } ?? slot
        // Whoever finds no slot within the time shares those that others have: still spread, if more densely.
        let told = free - now > limit.maxWait ? slot : free
        self.given = told
        return told - now
    }
}
