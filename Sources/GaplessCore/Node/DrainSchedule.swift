/// A drain, from its beginning on.
package enum NodeDrain: Hashable, Sendable {
    /// The store is asked who else is alive: what was seen before may be old, and a node that thinks itself alone sends its clients nowhere.
    /// Next: moving.
    case looking(DrainLook)
    /// Clients are moved or closed.
    case moving(DrainSchedule)

    /// When something is to be done; nil when nothing is.
    package var nextDeadline: Instant? {
        switch self {
        case .looking(let look): look.limit
        case .moving(let schedule): schedule.nextDeadline
        }
    }
}

/// What a drain waits for before it moves anybody.
package struct DrainLook: Hashable, Sendable {
    package let plan: DrainPlan
    package let started: Instant
    /// When it goes on with what was seen last.
    package let limit: Instant
    /// Whether the question was put after the drain began.
    package var isAsked = false

    package init(_ plan: DrainPlan, limit: Duration, now: Instant) {
        self.plan = plan
        self.started = now
        self.limit = now + min(limit, plan.hardStop)
    }
}

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
    private let hardStop: Instant
    private let over: Instant
    private var moves: SpreadSchedule
    private var isClosed: Bool
    private var isOver = false

    /// - Parameters:
    ///   - started: when the drain began.
    ///   - voices: who is attached.
    ///   - isAlone: whether nobody has anywhere to go.
    ///   - closeTime: how long the last connections have for their Close.
    ///   - now: when the moves begin. What the look took is not caught up in a burst.
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
        self.hardStop = isAlone ? now : started + plan.hardStop
        self.over = self.hardStop + closeTime
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
        return min(self.moves.nextDeadline ?? self.hardStop, self.hardStop)
    }

    /// The next step, if it is due.
    package mutating func next(now: Instant) -> Step? {
        guard let deadline = self.nextDeadline, now >= deadline else { return nil }
        if self.isClosed {
            self.isOver = true
            return .over
        }
        if now >= self.hardStop {
            self.isClosed = true
            return .closeAll(self.ending)
        }
        return self.moves.next(now: now).map { .move($0, self.order(now: now)) }
    }

    private func order(now: Instant) -> DrainOrder {
        let within = max(.milliseconds(1), min(self.plan.within, self.hardStop - now))
        return DrainOrder(within: within, endpoints: self.plan.endpoints, code: .draining, jitter: self.plan.jitter)
    }
}
