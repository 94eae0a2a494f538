import GaplessCore

/// Whether something is spread evenly: in any time at most one more than the share of that time and of the slack. [R10.1-10]
///
/// A bucket that fills at the pace, and holds one and what the slack brings.
struct PaceWatch {
    /// How many a second, and how many there may be now.
    private var rate: Double
    private var level: Double
    private var last: Instant

    /// So many in that time.
    init(count: Int, spread: Duration, now: Instant) {
        self.rate = Self.rate(count, spread)
        self.level = 1
        self.last = now
        self.level = self.most
    }

    /// A little more than the slack: gaps are cut to whole nanoseconds.
    private var most: Double { 1 + self.rate * ((SpreadSchedule.slack + .milliseconds(1)) / .seconds(1)) }

    private static func rate(_ count: Int, _ time: Duration) -> Double {
        Double(count) / max(0.001, time / .seconds(1))
    }

    private mutating func fill(_ now: Instant) {
        self.level = min(self.most, self.level + self.rate * ((now - self.last) / .seconds(1)))
        self.last = now
    }

    /// From now on so many have to be done in that time, if that is faster.
    mutating func quicken(count: Int, in time: Duration, now: Instant) {
        self.fill(now)
        let rate = Self.rate(count, time)
        guard rate > self.rate else { return }
        let former = self.most
        self.rate = rate
        self.level += self.most - former
    }

    /// One more is done.
    mutating func isKept(now: Instant) -> Bool {
        self.fill(now)
        self.level -= 1
        return self.level >= -0.000_001
    }
}
