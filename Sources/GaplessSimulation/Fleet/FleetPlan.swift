/// What happens to a fleet of nodes behind a balancer, drawn from a seed before anything runs.
package struct FleetPlan: Hashable, Sendable {
    /// Something that is done to the fleet. Nodes are named by their places; times are milliseconds.
    package enum Step: Hashable, Sendable {
        case stall(Int, for: Int)
        case crash(Int, down: Int)
        /// A drain, and a new process when it is over; after so long the operator is in a hurry, if ever.
        case restart(Int, down: Int, hurry: Int?)
        case cordon(Int, for: Int)
        /// What the node submits takes so much longer, for so long.
        case slowStore(Int, by: Int, for: Int)
        case failStore(Int, for: Int)
        /// So many nodes from this one on have too much to do, for so long.
        case overload(Int, count: Int, for: Int)
        /// So many new clients come straight to one node, past the balancer.
        case crowd(Int, clients: Int)
        /// Every node is restarted, one after the other.
        case deployInPlace(pause: Int)
        /// New nodes are started, all old ones are cordoned, and then drained.
        case deployWithSurge(pause: Int)
        /// As in place, with SIGKILL.
        case deployByKilling(pause: Int)

        /// Whether nothing is wrong with it: what a careful operator does.
        var isOrderly: Bool {
            switch self {
            case .deployInPlace, .deployWithSurge: true
            default: false
            }
        }
    }

    /// A step with its moment, in milliseconds since the start.
    package struct Appointment: Hashable, Sendable {
        package let number: Int
        package let at: Int
        package let step: Step
    }

    package let seed: UInt64
    package var options: FleetOptions
    /// In order of their moments.
    package var steps: [Appointment]

    package init(seed: UInt64, options: FleetOptions, steps: [(at: Int, step: Step)]) {
        self.seed = seed
        self.options = options
        self.steps = steps.enumerated().map { Appointment(number: $0.offset, at: $0.element.at, step: $0.element.step) }
    }

    /// The plan with some of its steps, by their numbers.
    package func keeping(_ numbers: [Int]) -> FleetPlan {
        var plan = self
        plan.steps = self.steps.filter { numbers.contains($0.number) }
        return plan
    }

    /// Whether nothing breaks, and nobody comes besides the clients of the beginning.
    var isOrderly: Bool { self.steps.allSatisfy(\.step.isOrderly) }
}

/// How a fleet is made. Times are milliseconds.
package struct FleetOptions: Hashable, Sendable {
    package var nodes = 3
    package var clients = 200
    /// How many of 1,000 clients begin on the first node.
    package var skew = 0
    /// Where the others begin; nil when the balancer decides.
    package var othersOn: Int?
    /// Whether new connections go to the node that has the fewest; if not, to one after the other.
    package var isLeastConnections = false
    /// How many connections the first node takes, in hundredths of what the others do.
    package var firstCapacity = 100
    package var wait = 15_000
    package var spread = 30_000
    package var within = 10_000
    package var hardStop = 60_000
    /// The slowest commit, and the slowest way between two machines.
    package var commit = 20
    package var latency = 80
    /// How late timers fire at the most.
    package var lateness = 0
    /// How long it takes at the most to find out who a client is.
    package var authentication = 0
    /// Whether orders come through the store and another node, at most so many times; 0 for signals.
    package var orders = 0
    /// How long new nodes have between their cordon and their drain.
    package var afterCordon = 8_000
    /// From when on nodes tell each other of themselves: before that the store's schema is too old.
    package var reportsFrom = 0
    /// How many of 1,000 clients come, and how many go, in a minute after everything has healed.
    package var coming = 0
    package var going = 0
    package var seconds = 60

    /// A calm fleet.
    package init() {}
}

extension FleetPlan {
    /// The plan of a seed.
    package static func generate(seed: UInt64) -> FleetPlan {
        var random = SeededRandom(seed: seed, stream: "fleet")
        var options = FleetOptions()
        options.draw(using: &random)
        var steps: [(at: Int, step: Step)] = []
        let kind = Int.random(in: 0..<100, using: &random)
        let begin = Int.random(in: 40_000...200_000, using: &random)
        // Some operators let a step soak, longer than it takes for the fleet to be calm.
        let isSoaking = random.happens(200)
        let pause = isSoaking ? Int.random(in: 180_000...420_000, using: &random) : Int.random(in: 12_000...25_000, using: &random)
        let hasty = Int.random(in: 0...20_000, using: &random)
        switch kind {
        case 0..<8: break
        case 8..<25:
            options.skew = [300, 700, 1_000].randomElement(using: &random) ?? 700
            options.clients = max(options.clients, 100)
        case 25..<40: steps.append((begin, .deployInPlace(pause: pause)))
        case 40..<55: steps.append((begin, .deployWithSurge(pause: pause)))
        case 55..<65: steps.append((begin, .deployInPlace(pause: hasty)))
        case 65..<80: steps.append((begin, .deployWithSurge(pause: hasty)))
        case 80..<88: steps.append((begin, .deployByKilling(pause: hasty)))
        default: break
        }
        let isFaulty = kind >= 55
        options.seconds = isFaulty ? Int.random(in: 60...300, using: &random) : 60
        if isFaulty { options.drawFaults(begin, using: &random) }
        if steps.contains(where: { if case .deployWithSurge = $0.step { true } else { false } }) { options.nodes = min(3, options.nodes) }
        if isFaulty {
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let at =
                    random.happens(500)
                    ? Int.random(in: begin...(begin + 90_000), using: &random)
                    : Int.random(in: 20_000...(options.seconds * 1_000), using: &random)
                let step = Step.draw(options, using: &random)
                steps.append((at, step))
                // All are cordoned at once: then they take clients all the same.
                if case .cordon(let place, let time) = step, random.happens(400) {
                    for other in 0..<options.nodes where other != place { steps.append((at, .cordon(other, for: time))) }
                }
                // A crowd that is taken just before its node takes nobody any more.
                if case .restart(let place, _, _) = step, random.happens(500) {
                    let size = Int.random(in: 20...max(40, options.clients / 2), using: &random)
                    steps.append((at + max(0, options.wait - 10 * size), .crowd(place, clients: size)))
                }
            }
        }
        // By moment, and those of one moment in the order in which they were drawn.
        let order = steps.indices.sorted { (steps[$0].at, $0) < (steps[$1].at, $1) }
        return FleetPlan(seed: seed, options: options, steps: order.map { steps[$0] })
    }
}

extension FleetOptions {
    fileprivate mutating func draw(using random: inout SeededRandom) {
        self.nodes = Int.random(in: 2...6, using: &random)
        let sizes = [10...60, 60...300, 60...300, 300...800]
        self.clients = Int.random(in: sizes.randomElement(using: &random) ?? 10...60, using: &random)
        if random.happens(20) { self.clients = 3_000 }
        self.isLeastConnections = random.happens(400)
        if random.happens(100) { self.firstCapacity = [25, 50, 300].randomElement(using: &random) ?? 50 }
        self.wait = [0, 3_000, 10_000, 15_000, 15_000].randomElement(using: &random) ?? 15_000
        self.spread = [3_000, 10_000, 30_000].randomElement(using: &random) ?? 30_000
        self.within = [3_000, 10_000].randomElement(using: &random) ?? 10_000
        // Sometimes too little for everything.
        let rest = Int.random(in: 7_000...20_000, using: &random)
        let room = random.happens(250) ? self.spread / 2 + 5_000 : self.spread + self.within + rest
        self.hardStop = self.wait + room
        self.commit = [5, 20, 300].randomElement(using: &random) ?? 20
        self.latency = [2, 80, 400].randomElement(using: &random) ?? 80
        self.lateness = [0, 0, 20, 150].randomElement(using: &random) ?? 0
        self.authentication = [0, 0, 500, 4_000].randomElement(using: &random) ?? 0
        self.orders = [0, 0, 1, 3].randomElement(using: &random) ?? 0
        // Whoever orders through the store waits until all have obeyed.
        let least = self.orders > 0 ? 5_000 : 500
        self.afterCordon = random.happens(300) ? Int.random(in: least...8_000, using: &random) : 8_000
        if random.happens(300) {
            self.coming = [0, 5, 30].randomElement(using: &random) ?? 0
            self.going = [0, 5, 30].randomElement(using: &random) ?? 0
        }
    }

    /// What is wrong for longer than a step.
    fileprivate mutating func drawFaults(_ begin: Int, using random: inout SeededRandom) {
        if random.happens(400) { self.skew = 700 }
        if random.happens(150) { self.reportsFrom = Int.random(in: begin...(begin + 120_000), using: &random) }
    }
}

extension FleetPlan.Step {
    fileprivate static func draw(_ options: FleetOptions, using random: inout SeededRandom) -> FleetPlan.Step {
        // Places beyond the nodes of the beginning are those of a deploy with surge.
        let place = Int.random(in: 0..<(2 * options.nodes), using: &random)
        let time = Int.random(in: 500...60_000, using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return .stall(place, for: min(time, 20_000))
        case 1, 2: return .crash(place, down: time)
        case 3: return .restart(place, down: time / 4, hurry: random.happens(500) ? time / 8 : nil)
        case 4: return .cordon(place, for: time * 2)
        case 5: return .slowStore(place, by: Int.random(in: 500...12_000, using: &random), for: time)
        case 6: return .failStore(place, for: time)
        case 7, 8:
            let count = [1, 2, 2 * options.nodes, 2 * options.nodes].randomElement(using: &random) ?? 1
            return .overload(place, count: count, for: time)
        default: return .crowd(place, clients: Int.random(in: 20...max(40, options.clients / 2), using: &random))
        }
    }
}
