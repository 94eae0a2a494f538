/// Whether the store answers: a node that is cut off from it must not look healthy (Protocol.md §5.1).
package struct StoreHealth: Hashable, Sendable {
    private let cutOffAfter: Duration
    private let closeAfter: Duration
    private var answered: Instant
    /// Whether it ever answered.
    package private(set) var isStarted = false
    /// Whether being cut off was told already.
    private var isReported = false
    /// Until when a refusal for lack of room counts; nil when there was none lately.
    private var fullUntil: Instant?
    /// Whether the store's schema is newer than this program, by what it said last.
    package private(set) var isSchemaUnknown = false

    package init(cutOffAfter: Duration, closeAfter: Duration, now: Instant) {
        self.cutOffAfter = cutOffAfter
        self.closeAfter = closeAfter
        self.answered = now
    }

    /// A commit or a poll succeeded; returns whether that ends a time of being cut off.
    package mutating func succeeded(now: Instant) -> Bool {
        self.answered = max(self.answered, now)
        self.isStarted = true
        defer { self.isReported = false }
        return self.isReported
    }

    /// The store refused something for lack of room. That is told for as long as a cut-off store is waited for, unless it takes something.
    package mutating func refusedForRoom(now: Instant) {
        self.fullUntil = now + self.cutOffAfter
    }

    /// The store took a message.
    package mutating func tookMessage() {
        self.fullUntil = nil
    }

    /// Whether the store has lately been without room.
    package func isFull(now: Instant) -> Bool {
        self.fullUntil.map { now < $0 } ?? false
    }

    /// The store's schema is newer than this program; returns whether that is news.
    package mutating func schemaBecameUnknown() -> Bool {
        defer { self.isSchemaUnknown = true }
        return !self.isSchemaUnknown
    }

    /// A commit succeeded, so the schema is known.
    package mutating func committed() {
        self.isSchemaUnknown = false
    }

    /// This process stood still; the store is not to blame for that time.
    package mutating func forgive(_ lateness: Duration) {
        self.answered = self.answered + lateness
    }

    /// Whether the node is cut off.
    package func isCutOff(now: Instant) -> Bool {
        now - self.answered > self.cutOffAfter
    }

    /// Whether the node has been cut off for so long that it should not keep its clients.
    package func isLost(now: Instant) -> Bool {
        now - self.answered > self.closeAfter
    }

    /// Whether being cut off is news.
    package mutating func report(now: Instant) -> Bool {
        guard self.isCutOff(now: now), !self.isReported else { return false }
        self.isReported = true
        return true
    }

    /// When the health changes if nothing happens.
    package func nextDeadline(isClosing: Bool) -> Instant? {
        if !self.isReported { return self.answered + self.cutOffAfter + .nanoseconds(1) }
        return isClosing ? nil : self.answered + self.closeAfter + .nanoseconds(1)
    }
}
