import ArgumentParser
import Foundation
import GaplessSimulation

/// Runs seeds of the simulated world.
@main
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gapless-simulate",
        abstract: "Run the real core in a simulated world with faults, and check the promises after each event."
    )

    @Option(help: "One seed only, with all that happens.")
    var seed: UInt64?

    @Option(help: "The first of the seeds.")
    var first: UInt64 = 1

    @Option(help: "How many seeds.")
    var seeds: UInt64 = 1_000

    @Option(help: "Only these steps of the seed's plan, from 0, separated by commas.")
    var steps: String?

    @Flag(help: "Print every event of the one seed.")
    var trace = false

    #if MUTANTS
    @OptionGroup
    var mutants: MutantOptions
    #endif

    func run() async throws {
        #if MUTANTS
        if try self.mutants.run(self.first..<(self.first + self.seeds), seed: self.seed) { return }
        #endif
        if let seed { try self.replay(seed) } else { try await self.runAll() }
    }

    private func replay(_ seed: UInt64) throws {
        var plan = Plan.generate(seed: seed)
        if let steps {
            let wanted = steps.split(separator: ",").compactMap { Int($0) }
            plan.steps = wanted.compactMap { plan.steps.indices.contains($0) ? plan.steps[$0] : nil }
        }
        let report = simulate(plan, isTraced: self.trace)
        for line in report.lines { print(line) }
        for violation in report.violations { print("\(violation.milliseconds) ms: \(violation.invariant.rawValue): \(violation.message)") }
        print("\(report.events) events, fingerprint \(String(report.fingerprint, radix: 16))")
        if !report.violations.isEmpty { throw ExitCode(1) }
    }

    private func runAll() async throws {
        let began = ContinuousClock.now
        let cores = UInt64(max(1, ProcessInfo.processInfo.activeProcessorCount))
        let (first, count) = (self.first, self.seeds)
        var counters: Counters?
        var events = 0
        var failed: [(seed: UInt64, violation: Violation)] = []
        await withTaskGroup(of: (Counters?, Int, [(UInt64, Violation)]).self) { group in
            for core in 0..<cores {
                group.addTask {
                    var counters: Counters?
                    var events = 0
                    var failed: [(UInt64, Violation)] = []
                    var seed = first + core
                    while seed < first + count {
                        let report = simulate(Plan.generate(seed: seed))
                        events += report.events
                        if counters == nil { counters = report.counters } else { counters?.add(report.counters) }
                        if let violation = report.violations.first { failed.append((seed, violation)) }
                        seed += cores
                    }
                    return (counters, events, failed)
                }
            }
            for await (some, count, bad) in group {
                events += count
                failed += bad.map { ($0.0, $0.1) }
                if let some { if counters == nil { counters = some } else { counters?.add(some) } }
            }
        }
        let seconds = Double((ContinuousClock.now - began).components.seconds) + 0.001
        if let counters {
            for kind in Counters.Kind.allCases { print("\(kind.rawValue): \(counters[kind])") }
        }
        for (seed, violation) in failed.sorted(by: { $0.seed < $1.seed }).prefix(20) {
            print("seed \(seed): \(violation.invariant.rawValue): \(violation.message)")
        }
        print("\(count) seeds, \(events) events, \(failed.count) failed, \(Int(Double(events) / seconds)) events/s")
        if !failed.isEmpty { throw ExitCode(1) }
    }
}
