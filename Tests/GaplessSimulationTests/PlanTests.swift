import Testing

@testable import GaplessSimulation

@Suite("Simulation: plans and their shrinking")
struct PlanTests {
    private func violation(_ invariant: Invariant) -> Violation {
        Violation(invariant: invariant, message: "planted", milliseconds: 0)
    }

    @Test("a seed gives one plan, in order of time, within the time of the faults")
    func generate() {
        for seed in UInt64(1)...50 {
            let plan = Plan.generate(seed: seed)
            #expect(plan == Plan.generate(seed: seed))
            #expect(plan.steps.map(\.number) == Array(plan.steps.indices))
            #expect(plan.steps.map(\.at) == plan.steps.map(\.at).sorted())
            #expect(plan.steps.allSatisfy { $0.at < plan.options.seconds * 1_000 })
        }
        #expect(Plan.generate(seed: 1) != Plan.generate(seed: 2))
    }

    @Test("every kind of step is drawn by some seed")
    func everyKind() {
        var names: Set<Substring> = []
        for seed in UInt64(1)...600 {
            for step in Plan.generate(seed: seed).steps { names.insert("\(step.step)".prefix { $0 != "(" }) }
        }
        // Who is sent away is drawn apart from the others.
        #expect(names.count == StepKind.allCases.count + 1)
    }

    @Test("what a plan keeps, it keeps as it was")
    func keeping() {
        let plan = Plan.generate(seed: 3)
        let kept = plan.keeping([1, 4, 1_000])
        #expect(kept.steps == [plan.steps[1], plan.steps[4]])
        #expect(kept.options == plan.options)
    }

    @Test("a failure that needs two steps shrinks to these two and to a calm world")
    func shrinksSteps() {
        let plan = Plan.generate(seed: 5)
        let needed = [plan.steps.count / 3, plan.steps.count - 2]
        var shrinker = Shrinker(.order) { plan in
            needed.allSatisfy { number in plan.steps.contains { $0.number == number } } ? [self.violation(.order)] : []
        }
        let result = shrinker.shrink(plan)
        #expect(result.plan.steps.map(\.number) == needed)
        #expect(result.plan.options.clients == 1 && result.plan.options.nodes == 1)
        #expect(result.arguments.hasPrefix("--seed 5 --steps \(needed[0]),\(needed[1])"))
    }

    @Test("what the failure needs of the world stays")
    func shrinksOptions() {
        var plan = Plan.generate(seed: 5)
        plan.options.nodes = 3
        plan.options.replies = 500
        var shrinker = Shrinker(.uplink) { plan in
            plan.options.nodes >= 2 && plan.options.replies > 0 ? [self.violation(.uplink)] : []
        }
        let result = shrinker.shrink(plan)
        #expect(result.plan.steps.isEmpty && result.plan.options.nodes == 2 && result.plan.options.replies == 500)
        #expect(result.simplifications.contains(.twoNodes) && !result.simplifications.contains(.oneNode))
        #expect(result.arguments.hasPrefix("--seed 5 --steps none --simple "))
    }

    @Test("another broken promise is another failure")
    func sameInvariant() {
        let plan = Plan.generate(seed: 5)
        var shrinker = Shrinker(.order) { candidate in
            [self.violation(candidate.steps.count == plan.steps.count ? .order : .liveness)]
        }
        #expect(shrinker.shrink(plan).plan.steps == plan.steps)
    }

    @Test("shrinking tries no more than it may")
    func bounded() {
        var runs = 0
        var shrinker = Shrinker(.order, maxRuns: 7) { _ in
            runs += 1
            return []
        }
        _ = shrinker.shrink(Plan.generate(seed: 5))
        #expect(runs == 7)
    }

    @Test("a simplification takes an option to what it is in a calm world, and no further")
    func simplifications() {
        let plan = Plan.generate(seed: 9)
        let simple = Simplification.allCases.reduce(plan.options) { $1.applied(to: $0) }
        for simplification in Simplification.allCases { #expect(simplification.applied(to: simple) == simple) }
        #expect(simple.clients == 1 && simple.nodes == 1 && !simple.isAnonymous && !simple.hasRollbacks)
    }

    @Test("a plan as source names its steps and what is not calm, and nothing else")
    func source() {
        let plan = Plan(seed: 4, steps: [(7, .crashClient(0, .old, down: 3)), (9, .snapshot)]) { $0.wishedMessages = 1 }
        #expect(
            plan.source == """
                Plan(
                    seed: 4,
                    numbers: [0, 1],
                    steps: [
                        (7, .crashClient(0, GaplessSimulation.Step.State.old, down: 3)),
                        (9, .snapshot),
                    ]
                ) {
                    $0.wishedMessages = Optional(1)
                }
                """
        )
    }
}
