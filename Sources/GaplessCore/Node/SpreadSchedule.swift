/// Something that is done to each of many connections, spread evenly over a time.
package struct SpreadSchedule: Hashable, Sendable {
    private let targets: [ConnectionAddress]
    private let start: Instant
    private let spread: Duration
    private var done = 0

    /// The first is due at once, the others follow in even steps; the last comes one step before the end.
    package init(_ targets: [ConnectionAddress], start: Instant, spread: Duration) {
        self.targets = targets
        self.start = start
        self.spread = spread
    }

    /// When the next one is due; nil when all are done.
    package var nextDeadline: Instant? {
        guard self.done < self.targets.count else { return nil }
        let share = self.spread.nanoseconds / Int64(self.targets.count)
        return self.start + .nanoseconds(share * Int64(self.done))
    }

    /// The next one, if it is due.
    package mutating func next(now: Instant) -> ConnectionAddress? {
        guard let deadline = self.nextDeadline, now >= deadline else { return nil }
        defer { self.done += 1 }
        return self.targets[self.done]
    }
}
