#if MUTANTS
import ArgumentParser
import GaplessCore
import GaplessSimulation

/// Which planted bug is in force, and the search for the first seed that finds it.
struct MutantOptions: ParsableArguments {
    @Option(help: "Plant this bug and stop at the first seed that finds it.")
    var mutant: String?

    @Flag(help: "Name the bugs that can be planted.")
    var listMutants = false

    @Flag(help: "Do not look for the fewest steps with which the bug is still found.")
    var quick = false

    /// Does what was asked for; false when nothing was.
    func run(_ seeds: Range<UInt64>, seed: UInt64?) throws -> Bool {
        if self.listMutants {
            for mutant in Mutant.allCases { print(mutant.rawValue) }
            return true
        }
        guard let name = self.mutant else { return false }
        guard let mutant = Mutant(rawValue: name) else { throw ValidationError("There is no mutant \(name).") }
        Mutant.plant(mutant)
        // One seed is replayed like any other.
        guard seed == nil else { return false }
        try self.hunt(mutant, seeds)
        return true
    }

    /// Runs seed after seed until one is found out.
    private func hunt(_ mutant: Mutant, _ seeds: Range<UInt64>) throws {
        if mutant.isFleetMutant { return try self.huntInFleets(mutant, seeds) }
        for seed in seeds {
            let plan = Plan.generate(seed: seed)
            guard let violation = simulate(plan).violations.first else { continue }
            var shrinker = Shrinker(violation.invariant)
            let fewest = self.quick ? plan : shrinker.shrink(plan).plan
            let numbers = [String(seed), String(plan.steps.count), String(fewest.steps.count)]
            print(([mutant.rawValue, violation.invariant.rawValue] + numbers + [violation.message]).joined(separator: "\t"))
            return
        }
        try self.survived(mutant, seeds)
    }

    private func huntInFleets(_ mutant: Mutant, _ seeds: Range<UInt64>) throws {
        for seed in seeds {
            let plan = FleetPlan.generate(seed: seed)
            guard let violation = simulate(plan).violations.first else { continue }
            let steps =
                self.quick
                ? plan.steps
                : fewest(plan.steps) { steps in
                    simulate(plan.keeping(steps.map(\.number))).violations.contains { $0.invariant == violation.invariant }
                }
            let numbers = [String(seed), String(plan.steps.count), String(steps.count)]
            print(([mutant.rawValue, violation.invariant.rawValue] + numbers + [violation.message]).joined(separator: "\t"))
            return
        }
        try self.survived(mutant, seeds)
    }

    private func survived(_ mutant: Mutant, _ seeds: Range<UInt64>) throws {
        print("\(mutant.rawValue)\tsurvived\t\(seeds.count)")
        throw ExitCode(1)
    }
}
#endif
