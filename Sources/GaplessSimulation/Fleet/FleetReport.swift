import GaplessCore

/// What a run of a fleet showed.
package struct FleetReport: Hashable, Sendable {
    /// Broken promises, the first first; empty when all were kept.
    package let violations: [Violation]
    /// A hash of everything that happened, and when.
    package let fingerprint: UInt64
    package let events: Int
    package let counters: FleetCounters
    /// How many clients each node held in the end, by place.
    package let attached: [Int]
    /// What happened, a line each, when it was asked for.
    package let lines: [String]
}

/// Runs a plan. The same plan gives the same report, in every process.
package func simulate(_ plan: FleetPlan, isTraced: Bool = false) -> FleetReport {
    let world = FleetWorld(plan, isTraced: isTraced)
    world.run()
    defer { world.dismantle() }
    return FleetReport(
        violations: world.checker.violations,
        fingerprint: world.trace.fingerprint,
        events: world.eventCount,
        counters: world.counters,
        attached: world.nodes.map { $0.process?.logic.attachedCount ?? 0 },
        lines: world.trace.lines
    )
}

/// How often what happened in fleets.
package struct FleetCounters: Hashable, Sendable {
    /// What is counted; the raw value is its name for people.
    package enum Kind: String, CaseIterable, Sendable {
        case welcomed, drained = "asked to move", rebalanced = "asked to move by load", closed =
            "4000 or 4001"
        case round = "round of a rebalance", crash, stall, slowStore = "slow store", failingStore = "failing store", cordon, restart, crowd
        case overload, relievedByOthers = "over and unready", overAndReady = "over and kept ready"
        case inPlace = "deploy in place", surge = "deploy with surge", killing = "deploy by killing"
        case refusedHandshake = "refused with 503", refusedHello = "refused inside", noServer = "no server up"
        case late = "asked to move though it came late", hurry = "drain in a hurry", order = "order through the store"
        case soak = "long pause in a deploy", reportless = "nodes that tell nothing", left = "client that left"
        case takenWhileDraining = "taken before the balancer noticed", takenWhileCordoned = "taken though cordoned"
    }

    private var counts = [Int](repeating: 0, count: Kind.allCases.count)
    private static let places = Dictionary(uniqueKeysWithValues: Kind.allCases.enumerated().map { ($0.element, $0.offset) })

    package init() {}

    package subscript(kind: Kind) -> Int { Self.places[kind].map { self.counts[$0] } ?? 0 }

    mutating func count(_ kind: Kind) {
        if let place = Self.places[kind] { self.counts[place] += 1 }
    }

    /// Adds what was counted elsewhere.
    package mutating func add(_ other: FleetCounters) {
        for place in self.counts.indices { self.counts[place] += other.counts[place] }
    }

    /// From so many seeds on, a kind that never happened is a failure: its situation is not simulated.
    package static let requiredFrom: UInt64 = 1_000

    /// What never happened.
    package var missing: [Kind] { Kind.allCases.filter { self[$0] == 0 } }
}
