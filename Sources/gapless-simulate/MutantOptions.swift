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
        for seed in seeds {
            let plan = Plan.generate(seed: seed)
            guard let violation = simulate(plan).violations.first else { continue }
            var shrinker = Shrinker(violation.invariant)
            let steps = shrinker.shrink(plan).plan.steps.count
            print("\(mutant.rawValue)\t\(violation.invariant.rawValue)\t\(seed)\t\(plan.steps.count)\t\(steps)\t\(violation.message)")
            return
        }
        print("\(mutant.rawValue)\tsurvived\t\(seeds.count)")
        throw ExitCode(1)
    }
}
#endif
