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
    /// When the last of those that were there in the beginning has been asked.
    private let movesEnd: Instant
    private var isClosed: Bool
    private var isOver = false

    /// - Parameters:
    ///   - started: when the drain began.
    ///   - voices: who is attached.
    ///   - isAlone: whether nobody has anywhere to go.
    ///   - now: when the moves begin. Where that leaves too little time for all, clients are asked faster, and then have less time to move.
    package init(
        _ plan: DrainPlan,
        voices: [ConnectionAddress],
        isAlone: Bool,
        started: Instant,
        now: Instant
    ) {
        self.plan = plan
        self.isClosed = false
        let latest = started + plan.lastClose
        self.closeAt = isAlone ? now : max(now, min(now + plan.spread + plan.within, latest))
        self.over = max(self.closeAt, min(self.closeAt + plan.closeTime, started + plan.hardStop))
        let spread = Self.spread(plan, room: self.closeAt - now)
        self.movesEnd = now + spread
        self.moves = SpreadSchedule(isAlone ? [] : voices, start: now, spread: spread)
    }

    /// Over how long clients are asked, so that each of them is before the rest are closed.
    private static func spread(_ plan: DrainPlan, room: Duration) -> Duration {
        #if MUTANTS
        if Mutant.drainUnfitted.isPlanted { return plan.spread }
        #endif
        return min(plan.spread, max(room - plan.within, room / 2))
    }

    /// A connection attached that got in before: it is asked to move when its turn comes, after the others. [R10.1-10]
    ///
    /// - Returns: how it is closed, when all are being closed.
    package mutating func join(_ address: ConnectionAddress, now: Instant) -> SessionEnding? {
        guard !self.isClosed else { return self.ending }
        self.moves.append(address, by: max(self.movesEnd, now + max(.zero, self.closeAt - now) / 2), now: now)
        return nil
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

    /// What a connection is asked now.
    package func order(now: Instant) -> DrainOrder {
        let within = max(.milliseconds(1), min(self.plan.within, self.closeAt - now))
        return DrainOrder(within: within, endpoints: self.plan.endpoints, code: .draining, jitter: self.plan.jitter)
    }
}
