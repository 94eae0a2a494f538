import Foundation
import GaplessSimulation
import Synchronization

/// Many seeds on all cores: each core takes the next seed when it is done with one, so that none waits for the slowest.
struct Sweep<Run: RunReport> {
    /// What came of it.
    struct Outcome: Sendable {
        var counters = Run.Counted()
        var seeds: UInt64 = 0
        var events = 0
        var failures: [(seed: UInt64, violation: Violation)] = []
        /// A hash of all fingerprints, whatever the order in which the seeds ran.
        var fingerprint: UInt64 = 0
        var seconds = 0.0

        mutating func add(_ report: Run, of seed: UInt64) {
            self.seeds += 1
            self.events += report.events
            self.counters.add(report.counters)
            self.fingerprint &+= report.fingerprint
            if let violation = report.violations.first { self.failures.append((seed, violation)) }
        }

        mutating func add(_ other: Outcome) {
            self.seeds += other.seeds
            self.events += other.events
            self.counters.add(other.counters)
            self.fingerprint &+= other.fingerprint
            self.failures += other.failures
        }
    }

    let first: UInt64
    let count: UInt64
    let maxFailures: Int
    let simulate: @Sendable (UInt64) -> Run

    func run() async -> Outcome {
        let began = ContinuousClock.now
        let (first, count, maxFailures, simulate) = (self.first, self.count, self.maxFailures, self.simulate)
        let board = Board()
        var outcome = Outcome()
        await withTaskGroup(of: Outcome.self) { group in
            for _ in 0..<max(1, ProcessInfo.processInfo.activeProcessorCount) {
                group.addTask {
                    var outcome = Outcome()
                    while let index = board.next(below: count, maxFailures: maxFailures) {
                        let seed = first &+ index
                        let report = simulate(seed)
                        outcome.add(report, of: seed)
                        if !report.violations.isEmpty { board.failed() }
                    }
                    return outcome
                }
            }
            for await part in group { outcome.add(part) }
        }
        outcome.failures.sort { $0.seed < $1.seed }
        let elapsed = (ContinuousClock.now - began).components
        outcome.seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
        return outcome
    }

}

/// What the cores share: the next seed, and how many failed.
private final class Board: Sendable {
    private let taken = Atomic<UInt64>(0)
    private let failures = Atomic<Int>(0)

    func next(below count: UInt64, maxFailures: Int) -> UInt64? {
        guard self.failures.load(ordering: .relaxed) < maxFailures else { return nil }
        let index = self.taken.add(1, ordering: .relaxed).oldValue
        return index < count ? index : nil
    }

    func failed() {
        self.failures.add(1, ordering: .relaxed)
    }
}

extension Sweep.Outcome {
    /// What never happened though it should have, in a sweep that is long enough for that.
    var missing: [Run.Counted.Kind] { self.seeds >= Run.Counted.requiredFrom ? self.counters.missing : [] }

    func print() {
        for kind in Run.Counted.Kind.allCases { Swift.print("\(kind.rawValue): \(self.counters[kind])") }
        let never = self.counters.missing.map(\.rawValue).joined(separator: ", ")
        if !never.isEmpty {
            let verdict = self.missing.isEmpty ? "required from \(Run.Counted.requiredFrom) seeds on" : "FAILED"
            Swift.print("never happened (\(verdict)): \(never)")
        }
        for (seed, violation) in self.failures.prefix(20) { Swift.print("seed \(seed): \(violation)") }
        let speed = Int(Double(self.events) / max(0.001, self.seconds))
        Swift.print(
            "\(self.seeds) seeds, \(self.events) events, \(self.failures.count) failed, \(speed) events/s, "
                + "\(String(format: "%.1f", self.seconds)) s, fingerprint \(String(self.fingerprint, radix: 16))"
        )
    }
}
