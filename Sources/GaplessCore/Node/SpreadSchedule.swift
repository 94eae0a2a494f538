/// Something that is done to each of many connections, spread evenly over a time.
///
/// The pace holds whatever happens: who comes late goes on from there and does not catch up, since a burst is what the spread is against. In
/// any time there are at most one more than the share of that time and the slack.
package struct SpreadSchedule: Hashable, Sendable {
    /// How much lateness is made good, so that timers that fire a little late do not stretch the whole.
    package static let slack = Duration.milliseconds(250)

    private let targets: [ConnectionAddress]
    private let gap: Duration
    private var due: Instant
    private var done = 0

    /// The first is due at once, the others follow in even steps; the last comes one step before the end.
    package init(_ targets: [ConnectionAddress], start: Instant, spread: Duration) {
        self.targets = targets
        self.due = start
        self.gap = .nanoseconds(spread.nanoseconds / Int64(max(1, targets.count)))
    }

    /// When the next one is due; nil when all are done.
    package var nextDeadline: Instant? {
        self.done < self.targets.count ? self.due : nil
    }

    /// The next one, if it is due.
    package mutating func next(now: Instant) -> ConnectionAddress? {
        guard let deadline = self.nextDeadline, now >= deadline else { return nil }
        defer { self.done += 1 }
        let next = deadline + self.gap
        #if MUTANTS
        if Mutant.drainInBurst.isPlanted {
            self.due = next
            return self.targets[self.done]
        }
        #endif
        guard next + Self.slack < now else {
            self.due = next
            return self.targets[self.done]
        }
        // Timers that are late each time still get through: what is due within the slack is made good.
        self.due = now + self.gap + (.zero - (self.gap < Self.slack ? Self.slack : .zero))
        return self.targets[self.done]
    }
}
