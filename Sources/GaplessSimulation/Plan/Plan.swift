/// What happens in a world, drawn from a seed before anything runs. Leaving out a step leaves all others as they are.
package struct Plan: Hashable, Sendable {
    /// A step with its moment, in milliseconds since the start.
    package struct Appointment: Hashable, Sendable {
        /// The step's number in the whole plan; what it sends has luck of its own by it, so it outlives other steps.
        package let number: Int
        package let at: Int
        package var step: Step
    }

    package let seed: UInt64
    package var options: PlanOptions
    /// In order of their moments.
    package var steps: [Appointment]

    /// A plan of steps with their moments.
    package init(seed: UInt64, options: PlanOptions, steps: [(at: Int, step: Step)]) {
        self.seed = seed
        self.options = options
        self.steps = steps.enumerated().map { Appointment(number: $0.offset, at: $0.element.at, step: $0.element.step) }
    }

    /// A plan of steps, with options that differ from the calm ones.
    ///
    /// - Parameter numbers: which steps they were in the whole plan; nil when they are all of it.
    package init(
        seed: UInt64,
        numbers: [Int]? = nil,
        steps: [(at: Int, step: Step)],
        _ change: (inout PlanOptions) -> Void
    ) {
        var options = PlanOptions()
        change(&options)
        self.init(seed: seed, options: options, steps: steps)
        guard let numbers else { return }
        precondition(numbers.count == steps.count, "each step has a number")
        self.steps = zip(numbers, steps).map { Appointment(number: $0, at: $1.at, step: $1.step) }
    }

    /// The plan of a seed.
    package static func generate(seed: UInt64) -> Plan {
        var random = SeededRandom(seed: seed, stream: "plan")
        let options = PlanOptions.generate(using: &random)
        let kinds = StepKind.swarm(options, using: &random)
        var steps: [(at: Int, step: Step)] = []
        let count = Int.random(in: 10...120, using: &random)
        for _ in 0..<count {
            let at = Int.random(in: 0..<(options.seconds * 1_000), using: &random)
            if let kind = kinds.draw(using: &random) { steps.append((at, kind.step(options, using: &random))) }
        }
        steps += Self.sentAway(options, seed: seed)
        // By moment, and those of one moment in the order in which they were drawn.
        let order = steps.indices.sorted { (steps[$0].at, $0) < (steps[$1].at, $1) }
        return Plan(seed: seed, options: options, steps: order.map { steps[$0] })
    }

    /// What operators send clients away with: stop, prove again, or come again.
    private static let codes = [4452, 4450, 4300, 4100, 4000]

    /// In some worlds clients are sent away. It is drawn apart from everything else, so that the other worlds do not know of it.
    private static func sentAway(_ options: PlanOptions, seed: UInt64) -> [(at: Int, step: Step)] {
        var random = SeededRandom(seed: seed, stream: "sent away")
        guard random.happens(400) else { return [] }
        return (0..<Int.random(in: 1...6, using: &random)).map { _ in
            let at = Int.random(in: 0..<(options.seconds * 1_000), using: &random)
            let client = Int.random(in: 0..<options.clients, using: &random)
            let code = Self.codes.randomElement(using: &random) ?? 4452
            let time = random.happens(200) ? 0 : Int.random(in: 1...3_000, using: &random)
            return (at, .sendAway(client: client, code: code, milliseconds: time, isLetIn: random.happens(500)))
        }
    }

    /// The plan with some of its steps, by their numbers.
    package func keeping(_ numbers: [Int]) -> Plan {
        var plan = self
        plan.steps = self.steps.filter { numbers.contains($0.number) }
        return plan
    }
}
