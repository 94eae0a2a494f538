import GaplessCore

/// What a run of a plan showed.
package struct Report: Hashable, Sendable {
    /// Broken promises, the first first; empty when all were kept.
    package let violations: [Violation]
    /// A hash of everything that happened, and when.
    package let fingerprint: UInt64
    package let events: Int
    package let counters: Counters
    /// What happened, a line each, when it was asked for.
    package let lines: [String]
}

/// Runs a plan. The same plan gives the same report, in every process.
package func simulate(_ plan: Plan, isTraced: Bool = false) -> Report {
    let world = World(plan, isTraced: isTraced)
    world.run()
    defer { world.dismantle() }
    return Report(
        violations: world.checker.violations,
        fingerprint: world.trace.fingerprint,
        events: world.eventCount,
        counters: world.counters,
        lines: world.trace.lines
    )
}
