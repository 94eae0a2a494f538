/// A drain under way: who is asked to move when, and when it ends (Protocol.md §10.1).
package struct DrainSchedule: Hashable, Sendable {
    /// How a node that stops treats its clients.
    package enum Step: Hashable, Sendable {
        /// Ask the connection to move. [R10.1-8]
        case move(ConnectionAddress, DrainOrder)
        /// Close all that are left, attached or not.
        case closeAll(SessionEnding)
        /// The time is over, whoever is left.
        case over
    }

    private let plan: DrainPlan
    /// When all that are left are closed.
    private let closeAt: Instant
    private let over: Instant
    private var moves: SpreadSchedule
    private var isClosed: Bool
    private var isOver = false

    /// - Parameters:
    ///   - started: when the drain began.
    ///   - voices: who is attached.
    ///   - isAlone: whether nobody has anywhere to go.
    ///   - closeTime: how long the last connections have for their Close, within the hard stop.
    ///   - now: when the moves begin.
    package init(
        _ plan: DrainPlan,
        voices: [ConnectionAddress],
        isAlone: Bool,
        closeTime: Duration = .seconds(5),
        started: Instant,
        now: Instant
    ) {
        self.plan = plan
        self.isClosed = false
        let closeTime = min(closeTime, plan.hardStop / 10)
        let latest = started + (plan.hardStop - closeTime)
        self.closeAt = isAlone ? now : max(now, min(now + plan.spread + plan.within, latest))
        self.over = self.closeAt + closeTime
        self.moves = SpreadSchedule(isAlone ? [] : voices, start: now, spread: plan.spread)
    }

    /// What a connection is told that attaches now, having got in before the drain began; nil when all are being closed.
    package func late(now: Instant) -> DrainOrder? {
        self.isClosed ? nil : self.order(now: now)
    }

    /// How every connection is closed that is left.
    package var ending: SessionEnding {
        SessionEnding(.draining, "This node stops.", jitter: self.plan.jitter)
    }

    /// When the next step is due; nil when there is none.
    package var nextDeadline: Instant? {
        guard !self.isOver else { return nil }
        guard !self.isClosed else { return self.over }
        return min(self.moves.nextDeadline ?? self.closeAt, self.closeAt)
    }

    /// The next step, if it is due.
    package mutating func next(now: Instant) -> Step? {
        guard let deadline = self.nextDeadline, now >= deadline else { return nil }
        if self.isClosed {
            self.isOver = true
            return .over
        }
        if now >= self.closeAt {
            self.isClosed = true
            return .closeAll(self.ending)
        }
        return self.moves.next(now: now).map { .move($0, self.order(now: now)) }
    }

    private func order(now: Instant) -> DrainOrder {
        let within = max(.milliseconds(1), min(self.plan.within, self.closeAt - now))
        return DrainOrder(within: within, endpoints: self.plan.endpoints, code: .draining, jitter: self.plan.jitter)
    }
}
