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

/// What a run of any kind of world showed.
package protocol RunReport: Sendable {
    associatedtype Counted: RunCounters
    var violations: [Violation] { get }
    var fingerprint: UInt64 { get }
    var events: Int { get }
    var counters: Counted { get }
}

/// How often what happened in a kind of world.
package protocol RunCounters: Sendable {
    associatedtype Kind: RawRepresentable<String>, CaseIterable, Sendable
    static var requiredFrom: UInt64 { get }
    var missing: [Kind] { get }
    init()
    subscript(kind: Kind) -> Int { get }
    mutating func add(_ other: Self)
}

extension Report: RunReport {}
extension FleetReport: RunReport {}
extension Counters: RunCounters {}
extension FleetCounters: RunCounters {}

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
