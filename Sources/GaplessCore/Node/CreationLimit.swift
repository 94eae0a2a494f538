/// Bounds how fast the clients of one address create queues (Protocol.md §5.1): a token bucket for each address, in a table of bounded size.
///
/// Whether a `HELLO` creates a queue is known only once its attach is committed. So a token is taken when the attach is submitted, and given
/// back when it created nothing; one that finds no token may still attach to a queue that exists.
package struct CreationLimit: Hashable, Sendable {
    /// How fast one address may create queues.
    package struct Pace: Hashable, Sendable {
        /// The time after which one more may be created.
        package let interval: Duration
        /// How many may be created at once by an address that created none for a while.
        package let burst: Int

        /// One each interval.
        ///
        /// - Precondition: the interval takes time, and the burst is at least 1.
        package init(interval: Duration, burst: Int) {
            precondition(interval > .zero && burst >= 1, "whoever may create nothing may not attach")
            self.interval = interval
            self.burst = burst
        }

        /// So many a second, and those of ten seconds at once.
        ///
        /// - Precondition: the count is 1 through 1,000,000.
        package init(perSecond count: Int) {
            precondition((1...1_000_000).contains(count), "a pace is at least one a second, and at most one a microsecond")
            self.init(interval: .nanoseconds(1_000_000_000 / Int64(count)), burst: count * 10)
        }

        /// How long an empty bucket takes to be full.
        fileprivate var depth: Duration { self.interval * self.burst }
    }

    private let pace: Pace?
    private let maxAddresses: Int
    /// For each address the moment at which its bucket is full again; those that were touched lately, and those before them. A bucket that
    /// was not touched for as long as it takes to fill is full, and need not be remembered.
    private var recent: [RemoteAddress: Instant] = [:]
    private var older: [RemoteAddress: Instant] = [:]
    private var turned: Instant
    /// Whose token is out, until the store has answered.
    private var pending: [ServedConnectionID: RemoteAddress] = [:]

    /// - Parameters:
    ///   - pace: nil for no limit.
    ///   - maxAddresses: how many addresses are remembered. Beyond that those are forgotten that were not heard of for longest, half of
    ///     the table at once: whoever has so many addresses has as many buckets in any case.
    package init(_ pace: Pace?, maxAddresses: Int = 65_536, now: Instant) {
        precondition(maxAddresses >= 2, "the table has two halves")
        self.pace = pace
        self.maxAddresses = maxAddresses
        self.turned = now
    }

    /// How many addresses are remembered.
    package var addressCount: Int { self.recent.count + self.older.count }

    /// How many tokens are out.
    package var pendingCount: Int { self.pending.count }

    /// A connection is about to attach; returns whether it may create a queue.
    package mutating func take(for connection: ServedConnectionID, from address: RemoteAddress, now: Instant) -> Bool {
        guard let pace = self.pace else { return true }
        self.turn(pace, now: now)
        let full = max(self.recent[address] ?? self.older[address] ?? now, now) + pace.interval
        guard full - now <= pace.depth else { return false }
        self.older[address] = nil
        self.recent[address] = full
        self.pending[connection] = address
        return true
    }

    /// The store answered; a token that was not needed is given back.
    package mutating func settle(_ connection: ServedConnectionID, isCreated: Bool) {
        guard let address = self.pending.removeValue(forKey: connection), !isCreated, let pace = self.pace else { return }
        if let full = self.recent[address] {
            self.recent[address] = full + (.zero - pace.interval)
        } else if let full = self.older[address] {
            self.older[address] = full + (.zero - pace.interval)
        }
    }

    /// Forgets the buckets that must be full by now, and makes room when there is none.
    private mutating func turn(_ pace: Pace, now: Instant) {
        let isDue = now - self.turned >= pace.depth
        guard isDue || self.recent.count >= self.maxAddresses / 2 else { return }
        let isLongDue = now - self.turned >= pace.depth * 2
        self.older = isLongDue ? [:] : self.recent
        self.recent = [:]
        self.turned = now
    }
}
