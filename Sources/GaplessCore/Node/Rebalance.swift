/// How far a node is with moving away what it holds above its share: in rounds, each of which moves half of that.
///
/// Only who holds too much acts, and never gives away so much that it holds too little; so nodes need not agree on anything, whoever the
/// balancer picks for those that move, and nothing swings back. All that a node knows of the others is as old as their heartbeats: a round
/// begins only when all of them have told of themselves since the one before was over.
package struct Rebalance: Hashable, Sendable {
    /// What the round before was for, until it is known what it brought.
    private struct Effort: Hashable, Sendable {
        /// How many clients all nodes held, and how many of them above their shares.
        let load: FleetLoad
        /// How many this node asked to move.
        let asked: Int

        /// What the round brought, as far as that can be told.
        func fruit(now load: FleetLoad) -> Fruit {
            // Who came or went since did so in proportion, or nothing is known of it.
            let excess = self.load.excess * load.clients / max(1, self.load.clients)
            if (excess - load.excess) * Rebalance.leastYield >= self.asked { return .some }
            return abs(load.clients - self.load.clients) * Rebalance.leastYield < self.asked ? .none : .unclear
        }
    }

    private enum Fruit {
        /// The nodes are nearer to their shares.
        case some
        /// They are not: whoever moved came straight back, or that is as good as so.
        case none
        /// They are not, but many clients came or went meanwhile.
        case unclear
    }

    /// After a round that brought all nodes nearer to their shares by less than this part of what it moved, the node rests.
    private static let leastYield = 8

    private let policy: RebalancePolicy?
    /// Nobody counts on what was heard so long ago.
    private let freshness: Duration
    /// The others that served, at the last look, and when it was; nil before the first.
    private var nodes: [NodeIdentity]?
    private var heard: Instant
    /// Since when nothing has changed.
    private var calmSince: Instant
    /// Since when the node has held too much, as far as it knows; nil when it does not.
    private var overSince: Instant?
    /// The next round begins no sooner.
    private var notBefore: Instant
    /// The round under way.
    private var moves: SpreadSchedule?
    private var effort: Effort?
    /// Whether the round before that one had no fruit either, as far as could be told.
    private var isInDoubt = false

    /// - Parameters:
    ///   - policy: nil where nobody is moved by load.
    ///   - freshness: how old what is known of other nodes may be.
    package init(_ policy: RebalancePolicy?, freshness: Duration, now: Instant) {
        self.policy = policy
        self.freshness = freshness
        self.heard = now
        self.calmSince = now
        self.notBefore = now
    }

    /// Whether a round is under way.
    package var isMoving: Bool { self.moves != nil }

    /// When the next client is asked to move; nil when none is.
    package var nextDeadline: Instant? { self.moves?.nextDeadline }

    /// A heartbeat told how the others are.
    ///
    /// - Parameters:
    ///   - asked: when it was sent off. What it tells may be as old as that, since store and node can stand still.
    ///   - isServing: whether the node itself is neither cordoned nor draining.
    package mutating func heard(_ fleet: FleetView, asked: Instant, isServing: Bool, now: Instant) {
        defer { (self.nodes, self.heard) = (fleet.nodes, asked) }
        var isCalm = fleet.isCalm && isServing
        #if MUTANTS
        if Mutant.rebalanceInDeploy.isPlanted { isCalm = true }
        #endif
        if !isCalm || self.nodes != fleet.nodes { self.disturbed(now: now) }
    }

    /// Something changed: nobody else is asked to move until it has been calm for a while.
    package mutating func disturbed(now: Instant) {
        #if MUTANTS
        if Mutant.rebalanceInDeploy.isPlanted { return }
        #endif
        self.calmSince = now
        self.moves = nil
        self.forget()
    }

    /// What the rounds before brought is of no interest any more.
    private mutating func forget() {
        self.effort = nil
        self.isInDoubt = false
    }

    /// How many clients a round is to move that begins now; nil when none is to begin.
    ///
    /// - Parameters:
    ///   - held: how many are attached here.
    ///   - share: how many it would be if all nodes held as much of what they can.
    ///   - load: how many clients all nodes hold.
    package mutating func due(held: Int, share: Int, load: FleetLoad, now: Instant) -> Int? {
        guard let policy else { return nil }
        let excess = held - share
        let isOver = excess >= policy.minExcess && held * 1_000 >= share * policy.threshold
        self.overSince = isOver ? self.overSince ?? now : nil
        guard self.moves == nil, now >= self.notBefore, now - self.calmSince >= policy.calm, self.knows(now: now) else {
            return nil
        }
        guard let overSince = self.overSince else {
            self.forget()
            return nil
        }
        // The clients of a node that died come here before its death is noticed: until then they seem to be too many.
        guard now - overSince >= min(policy.calm, self.freshness * 3 / 2) else { return nil }
        guard self.wasFruitful(now: load) else {
            self.notBefore = now + policy.rest
            return nil
        }
        #if MUTANTS
        if Mutant.rebalanceAllExcess.isPlanted { return excess }
        #endif
        return max(1, excess / 2)
    }

    /// Judges the round before. Where it cannot be told, another one is tried, and only one: clients come and go all day.
    private mutating func wasFruitful(now load: FleetLoad) -> Bool {
        guard let effort = self.effort.take() else { return true }
        #if MUTANTS
        if Mutant.restDropped.isPlanted { return true }
        #endif
        let fruit = effort.fruit(now: load)
        defer { self.isInDoubt = fruit == .unclear && !self.isInDoubt }
        return fruit == .some || fruit == .unclear && !self.isInDoubt
    }

    /// Whoever attached later than that is not moved.
    package func latest(now: Instant) -> Instant {
        now + (.zero - (self.policy?.minAge ?? .zero))
    }

    /// A round begins.
    package mutating func begin(_ voices: [ConnectionAddress], load: FleetLoad, now: Instant) {
        guard let policy, !voices.isEmpty else { return }
        self.moves = SpreadSchedule(voices, start: now, spread: policy.spread)
        self.effort = Effort(load: load, asked: voices.count)
    }

    /// Whom to ask next, and what, if it is time. A node that has not heard of the others for a while asks nobody: they may be in a deploy.
    package mutating func next(now: Instant) -> (ConnectionAddress, DrainOrder)? {
        guard let policy, self.moves != nil else { return nil }
        guard self.knows(now: now) else {
            self.disturbed(now: now)
            return nil
        }
        guard let address = self.moves?.next(now: now) else { return nil }
        if self.moves?.nextDeadline == nil {
            self.moves = nil
            // Then the last one has moved or is closed, and whoever is fresh has told of itself since.
            self.notBefore = now + policy.within + policy.jitter + self.freshness
        }
        return (address, DrainOrder(within: policy.within, code: .rebalance, jitter: policy.jitter))
    }

    /// Whether what is known of the others is young enough to act upon.
    private func knows(now: Instant) -> Bool { now - self.heard < self.freshness }
}
