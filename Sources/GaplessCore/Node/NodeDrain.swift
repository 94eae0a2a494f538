/// A drain, from its beginning on.
package enum NodeDrain: Hashable, Sendable {
    /// The balancer is to notice, and the store to tell who else is there. Next: moving.
    case waiting(DrainWait)
    /// Clients are moved or closed.
    case moving(DrainSchedule)

    /// When something is to be done; nil when nothing is.
    package var nextDeadline: Instant? {
        switch self {
        case .waiting(let wait): wait.nextDeadline
        case .moving(let schedule): schedule.nextDeadline
        }
    }

    /// Whether newcomers are refused. [R5.1-3, R10.1-11]
    package func refuses(now: Instant) -> Bool {
        #if MUTANTS
        if Mutant.drainingTakes.isPlanted { return false }
        #endif
        return switch self {
        case .waiting(let wait): now >= wait.until
        case .moving: true
        }
    }
}

/// The first part of a drain: the node says that it is not ready and takes clients all the same, since balancers ask only now and then.
///
/// Meanwhile the store is asked who else is there: what was seen before may be old, and a node that thinks itself alone sends its clients
/// nowhere. A node that is alone has nothing to wait for.
package struct DrainWait: Hashable, Sendable {
    package let plan: DrainPlan
    package let started: Instant
    /// Until when newcomers are taken.
    package private(set) var until: Instant
    /// When it goes on with what was seen last, if the store does not answer.
    private let limit: Instant
    private var isAsked = false
    private var isAnswered = false

    package init(_ plan: DrainPlan, look: Duration, now: Instant) {
        self.plan = plan
        self.started = now
        self.until = now + min(plan.wait, plan.lastClose)
        #if MUTANTS
        if Mutant.drainAtOnce.isPlanted { self.until = now }
        #endif
        self.limit = now + min(look, plan.lastClose)
    }

    /// When the wait is over.
    package var nextDeadline: Instant { self.isAnswered ? self.until : max(self.until, self.limit) }

    /// The store is asked who else is there.
    package mutating func asked() {
        self.isAsked = true
    }

    /// The store answered a heartbeat, or did not.
    ///
    /// - Parameter hasRefuge: whether clients have somewhere to go.
    package mutating func heartbeatEnded(hasRefuge: Bool, now: Instant) {
        guard self.isAsked, !self.isAnswered else { return }
        self.isAnswered = true
        if !hasRefuge { self.hurry(now: now) }
    }

    /// The rest of the wait is left out.
    package mutating func hurry(now: Instant) {
        self.until = min(self.until, now)
    }
}
