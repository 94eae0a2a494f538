import ArgumentParser
import GaplessSimulation

/// Runs seeds of the simulated world.
@main
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gapless-simulate",
        abstract: "Run the real core in a simulated world with faults, and check the promises after each event.",
        discussion: """
            Without --seed it runs many seeds on all cores, and shrinks the first that fails. A seed is a number, or the name of a \
            commit, of which the first 16 digits count.
            """
    )

    @Option(help: "One seed only.")
    var seed: Seed?

    @Option(help: "The first of the seeds.")
    var first = Seed(1)

    @Option(help: "How many seeds.")
    var seeds: UInt64 = 1_000

    @Flag(help: "Run fleets behind a balancer: many clients that deploys, failures and load move from node to node.")
    var fleet = false

    @Option(help: "Only these steps of the seed's plan, by number, separated by commas; none for no step at all.")
    var steps: String?

    @Option(help: "Make the world of the seed simpler, by names separated by commas.")
    var simple: String?

    @Flag(help: "Print every event of the one seed.")
    var trace = false

    @Flag(help: "Print the one seed's plan as Swift source, for a test.")
    var swift = false

    @Flag(help: "Do not shrink what fails.")
    var noShrink = false

    @Option(help: "How many seeds of a sweep may fail before it ends.")
    var maxFailures = 20

    #if MUTANTS
    @OptionGroup
    var mutants: MutantOptions
    #endif

    func validate() throws {
        guard self.seeds >= 1 else { throw ValidationError("--seeds must be at least 1.") }
        guard self.seed != nil || (self.steps == nil && self.simple == nil && !self.trace && !self.swift) else {
            throw ValidationError("--steps, --simple, --trace and --swift belong to one --seed.")
        }
        guard !self.fleet || (self.simple == nil && !self.swift) else {
            throw ValidationError("--simple and --swift do not go with --fleet.")
        }
    }

    func run() async throws {
        #if MUTANTS
        if try self.mutants.run(self.first.value..<(self.first.value + self.seeds), seed: self.seed?.value) { return }
        #endif
        switch (self.seed, self.fleet) {
        case (let seed?, false): try self.replay(seed.value)
        case (let seed?, true): try self.replayFleet(seed.value)
        case (nil, false): try await self.sweep()
        case (nil, true): try await self.sweepFleets()
        }
    }

    // MARK: One seed

    private func plan(of seed: UInt64) throws -> Plan {
        var plan = Plan.generate(seed: seed)
        if let simple {
            for name in simple.split(separator: ",") {
                guard let simplification = Simplification(rawValue: String(name)) else {
                    let names = Simplification.allCases.map(\.rawValue).joined(separator: ", ")
                    throw ValidationError("There is no simplification '\(name)'. There are: \(names).")
                }
                plan.options = simplification.applied(to: plan.options)
            }
        }
        return try self.stepNumbers().map { plan.keeping($0) } ?? plan
    }

    /// The steps that are wished; nil for all.
    private func stepNumbers() throws -> [Int]? {
        guard let steps else { return nil }
        guard steps != "none" else { return [] }
        let numbers = steps.split(separator: ",").map { Int($0) }
        guard numbers.allSatisfy({ $0 != nil }) else { throw ValidationError("--steps takes numbers separated by commas.") }
        return numbers.compactMap(\.self)
    }

    private func replayFleet(_ seed: UInt64) throws {
        var plan = FleetPlan.generate(seed: seed)
        if let numbers = try self.stepNumbers() { plan = plan.keeping(numbers) }
        let report = simulate(plan, isTraced: self.trace)
        print("\(plan.options)")
        for appointment in plan.steps { print("step \(appointment.number) at \(appointment.at) ms: \(appointment.step)") }
        for line in report.lines { print(line) }
        for violation in report.violations { print(violation) }
        print("attached: \(report.attached)")
        print("\(report.events) events, fingerprint \(String(report.fingerprint, radix: 16))")
        if !report.violations.isEmpty { throw ExitCode(1) }
    }

    private func replay(_ seed: UInt64) throws {
        let plan = try self.plan(of: seed)
        if self.swift { return print(plan.source) }
        let report = simulate(plan, isTraced: self.trace)
        for line in report.lines { print(line) }
        for violation in report.violations { print(violation) }
        print("\(report.events) events, fingerprint \(String(report.fingerprint, radix: 16))")
        if let violation = report.violations.first {
            if self.steps == nil, !self.noShrink { Self.explain(plan, violation) }
            throw ExitCode(1)
        }
    }

    /// Shrinks a plan, and prints what is left of it.
    static func explain(_ plan: Plan, _ violation: Violation) {
        print("shrinking seed \(plan.seed) ...")
        var shrinker = Shrinker(violation.invariant)
        let result = shrinker.shrink(plan)
        let report = simulate(result.plan, isTraced: true)
        print(report.violations.first.map { "\($0)" } ?? "it passes now")
        print("the last events:")
        for line in report.lines.suffix(30) { print("  \(line)") }
        print("\(result.plan.steps.count) of \(plan.steps.count) steps. To see it again:")
        print("swift run -c release gapless-simulate \(result.arguments) --trace")
    }

    // MARK: Many seeds

    private func sweepFleets() async throws {
        let sweep = Sweep(first: self.first.value, count: self.seeds, maxFailures: self.maxFailures) {
            simulate(FleetPlan.generate(seed: $0))
        }
        let outcome = await sweep.run()
        outcome.print()
        if let (seed, violation) = outcome.failures.first {
            if !self.noShrink { Self.explain(FleetPlan.generate(seed: seed), violation) }
            throw ExitCode(1)
        }
        if !outcome.missing.isEmpty { throw ExitCode(2) }
    }

    /// Looks for the fewest steps with which a fleet's plan still fails, and prints what is left of it.
    private static func explain(_ plan: FleetPlan, _ violation: Violation) {
        print("shrinking seed \(plan.seed) ...")
        let steps = fewest(plan.steps) { steps in
            simulate(plan.keeping(steps.map(\.number))).violations.contains { $0.invariant == violation.invariant }
        }
        let numbers = steps.map { String($0.number) }.joined(separator: ",")
        print("\(steps.count) of \(plan.steps.count) steps. To see it again:")
        let arguments = "--fleet --seed \(plan.seed) --steps \(numbers.isEmpty ? "none" : numbers)"
        print("swift run -c release gapless-simulate \(arguments) --trace")
    }

    private func sweep() async throws {
        let sweep = Sweep(first: self.first.value, count: self.seeds, maxFailures: self.maxFailures) { simulate(Plan.generate(seed: $0)) }
        let outcome = await sweep.run()
        outcome.print()
        if let (seed, violation) = outcome.failures.first {
            if !self.noShrink { Self.explain(Plan.generate(seed: seed), violation) }
            throw ExitCode(1)
        }
        if !outcome.missing.isEmpty { throw ExitCode(2) }
    }
}
