public import GaplessServer

/// Whether a store keeps its promises on the machine and the disk where it is to work: a suite for your own tests.
///
/// Every promise is a check of its own, so that a test of swift-testing shows each by its name:
///
/// ```swift
/// import GaplessTesting
/// import Testing
///
/// @Test(arguments: StoreConformance.all)
/// func theDiskKeepsThePromises(_ check: StoreCheck) throws {
///     try check.run { name in .sqlite(path: "/srv/gapless/\(name).db") }
/// }
/// ```
///
/// Anywhere else, `StoreConformance.run(on:)` runs them all and gives a report. The suite tells whether numbers, gaps, takeovers, marks,
/// lifetimes and bounds are right, through one process and through two that take turns, and after the store was opened again. It cannot
/// tell whether a disk that says "written" has written: for that, pull the plug.
///
/// The stores to check are those of this package. A store of your own is not supported by this version: what a server asks of a store and
/// what it hears is its inner vocabulary - fences, marks, receipts by the dozen - and changes with every version.
public enum StoreConformance {
    /// All checks, grouped by topic.
    public static let all: [StoreCheck] =
        numbering + fanOut + retention + expiry + acknowledging + attaching + takeover + fences + marks + sequences + keys + ends
        + removals + lifetimes + bounds + signals + reading + listing + clock + fleet + sentAway + restores + faults + model

    /// Runs checks one after another, all by default, and goes on after one that fails.
    ///
    /// - Parameters:
    ///   - checks: the checks to run.
    ///   - makeStore: gives a store that does not exist yet; as for `StoreCheck.run(on:)`.
    public static func run(
        _ checks: [StoreCheck] = Self.all,
        on makeStore: (_ name: String) throws -> StoreConfiguration
    ) -> StoreConformanceReport {
        var report = StoreConformanceReport()
        for check in checks {
            report.checks += 1
            do throws(StoreConformanceFailure) {
                try check.run(on: makeStore)
            } catch {
                report.failures.append(error)
            }
        }
        return report
    }
}

/// What became of checks.
public struct StoreConformanceReport: Sendable, CustomStringConvertible {
    /// How many were run.
    public internal(set) var checks = 0

    /// Those that failed, in the order of the checks.
    public internal(set) var failures: [StoreConformanceFailure] = []

    /// Whether none failed.
    public var isPassed: Bool { self.failures.isEmpty }

    /// A line for each failure, and one with the counts.
    public var description: String {
        (self.failures.map(\.description) + ["\(self.checks - self.failures.count) of \(self.checks) checks passed"])
            .joined(separator: "\n")
    }
}
