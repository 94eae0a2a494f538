import GaplessCore

/// What a run of a plan showed.
package struct Report: Sendable {
    /// Broken promises, the first first; empty when all were kept.
    package let violations: [Violation]
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

/// A plan that fails by the same invariant with as few steps as can be found by leaving some out.
package func shrink(_ plan: Plan, _ invariant: Invariant) -> Plan {
    func fails(_ candidate: Plan) -> Bool { simulate(candidate).violations.contains { $0.invariant == invariant } }
    var best = plan
    var chunk = max(1, best.steps.count / 2)
    while true {
        var start = 0
        var isSmaller = false
        while start < best.steps.count {
            var candidate = best
            candidate.steps.removeSubrange(start..<min(start + chunk, best.steps.count))
            if fails(candidate) {
                best = candidate
                isSmaller = true
            } else {
                start += chunk
            }
        }
        if chunk == 1, !isSmaller { return best }
        chunk = max(1, chunk / 2)
    }
}
