/// Work that comes again and again, one at a time: a poll, a heartbeat, a sweep.
package struct Round: Hashable, Sendable {
    private enum State: Hashable, Sendable {
        case due(Instant)
        /// It was begun and has not ended; `isHurried` when it is to be done again at once.
        case underWay(isHurried: Bool)
        case stopped
    }

    private var state: State

    /// The first is due at the moment.
    package init(due: Instant) {
        self.state = .due(due)
    }

    /// When the next is due; nil while one is under way.
    package var nextDeadline: Instant? {
        switch self.state {
        case .due(let due): due
        case .underWay, .stopped: nil
        }
    }

    /// Begins when it is due; returns whether it began.
    package mutating func begin(now: Instant) -> Bool {
        switch self.state {
        case .due(let due) where now >= due:
            self.state = .underWay(isHurried: false)
            return true
        case .due, .underWay, .stopped:
            return false
        }
    }

    /// It ended; the next is due after the time, or at once when it was hurried meanwhile.
    package mutating func ended(next wait: Duration, now: Instant) {
        switch self.state {
        case .underWay(let isHurried): self.state = .due(isHurried ? now : now + wait)
        case .due, .stopped: break
        }
    }

    /// The next is due now, or right after the one that is under way.
    package mutating func hurry(now: Instant) {
        switch self.state {
        case .due(let due): self.state = .due(min(due, now))
        case .underWay: self.state = .underWay(isHurried: true)
        case .stopped: break
        }
    }

    /// The next is due at the moment, at the latest.
    package mutating func bringForward(to moment: Instant) {
        if case .due(let due) = self.state { self.state = .due(min(due, moment)) }
    }

    /// The next is not due before the moment.
    package mutating func postpone(until moment: Instant) {
        if case .due(let due) = self.state { self.state = .due(max(due, moment)) }
    }

    /// There is no next.
    package mutating func stop() {
        self.state = .stopped
    }
}
