/// Something that is done to each of many connections, spread evenly over a time.
///
/// The pace holds whatever happens: who comes late goes on from there and does not catch up, since a burst is what the spread is against. In
/// any time there are at most one more than the share of that time and the slack.
package struct SpreadSchedule: Hashable, Sendable {
    /// How much lateness is made good, so that timers that fire a little late do not stretch the whole.
    package static let slack = Duration.milliseconds(250)

    private var targets: [ConnectionAddress]
    private var gap: Duration
    /// Nothing is due before.
    private var earliest: Instant
    /// When the last one was due that is done, or what counts as that.
    private var last: Instant?
    private var done = 0

    /// The first is due at once, the others follow in even steps; the last comes one step before the end.
    package init(_ targets: [ConnectionAddress], start: Instant, spread: Duration) {
        self.targets = targets
        self.earliest = start
        self.gap = .nanoseconds(spread.nanoseconds / Int64(max(1, targets.count)))
    }

    /// When the next one is due; nil when all are done.
    package var nextDeadline: Instant? {
        guard self.done < self.targets.count else { return nil }
        return self.last.map { max(self.earliest, $0 + self.gap) } ?? self.earliest
    }

    /// One more comes last. The steps become as short as it takes to be done by the end, and never longer.
    package mutating func append(_ target: ConnectionAddress, by end: Instant, now: Instant) {
        // Nothing was missed while there was nothing to do.
        if self.done == self.targets.count { self.earliest = now }
        self.targets.append(target)
        let time = max(.zero, end - now).nanoseconds
        self.gap = min(self.gap, .nanoseconds(time / Int64(self.targets.count - self.done)))
    }

    /// The next one, if it is due.
    package mutating func next(now: Instant) -> ConnectionAddress? {
        guard let due = self.nextDeadline, now >= due else { return nil }
        defer { self.done += 1 }
        self.last = due
        #if MUTANTS
        if Mutant.drainInBurst.isPlanted { return self.targets[self.done] }
        #endif
        if due + self.gap + Self.slack < now {
            // Timers that are late each time still get through: what is due within the slack is made good.
            self.last = self.gap < Self.slack ? now + (.zero - Self.slack) : now
        }
        return self.targets[self.done]
    }
}
