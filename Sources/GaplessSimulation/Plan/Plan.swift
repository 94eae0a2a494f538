import GaplessCore
import GaplessStore

/// What happens in a world, drawn from a seed before anything runs. Leaving out a step leaves all others as they are.
package struct Plan: Sendable {
    package let seed: UInt64
    package var options: PlanOptions
    /// Steps with their moment in milliseconds, in order.
    package var steps: [(at: Int, step: Step)]

    package init(seed: UInt64, options: PlanOptions, steps: [(at: Int, step: Step)]) {
        self.seed = seed
        self.options = options
        self.steps = steps
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
        steps.sort { $0.at < $1.at }
        return Plan(seed: seed, options: options, steps: steps)
    }
}

extension PlanOptions {
    static func generate(using random: inout SeededRandom) -> PlanOptions {
        var options = PlanOptions()
        options.nodes = Int.random(in: 1...3, using: &random)
        options.clients = Int.random(in: 1...3, using: &random)
        options.durableClients = (0..<options.clients).map { _ in random.happens(600) }
        options.seconds = [20, 60, 120].randomElement(using: &random) ?? 60
        options.isEncoded = random.happens(200)
        if random.happens(300) { options.latency = .microseconds(100)...(.milliseconds(2)) }
        if random.happens(200) { options.latency = .milliseconds(20)...(.milliseconds(1_500)) }
        if random.happens(300) { options.commit = .milliseconds(1)...(.milliseconds(800)) }
        if random.happens(300) { options.hop = .microseconds(10)...(.milliseconds(200)) }
        if random.happens(300) { options.handler = .milliseconds(1)...(.seconds(3)) }
        if random.happens(300) { options.application = .milliseconds(1)...(.seconds(1)) }
        if random.happens(300) { options.save = .milliseconds(1)...(.milliseconds(500)) }
        let windows: [UInt64] = [1, 2, 8, 256]
        options.downlinkWindow = Window(
            messages: windows.randomElement(using: &random) ?? 8,
            bytes: [20, 300, 1_048_576].randomElement(using: &random) ?? 300
        )
        options.uplinkWindow = Window(
            messages: [1, 3, 64].randomElement(using: &random) ?? 3,
            bytes: [20, 262_144].randomElement(using: &random) ?? 20
        )
        options.policy = StorePolicy.generate(using: &random)
        options.socketBytes = [200, 4_000, 65_536].randomElement(using: &random) ?? 4_000
        if random.happens(200) { options.maxUplinkBytes = 30 }
        if random.happens(300) { options.gateway = GatewayConfiguration(maxOperations: 4, maxBatchOperations: 2) }
        if random.happens(300) { options.tokenLife = .seconds(Int.random(in: 6...40, using: &random)) }
        options.refusedConnects = random.happens(300) ? 200 : 0
        options.silentDeaths = random.happens(500) ? 300 : 0
        options.doubtfulCommits = random.happens(400) ? 30 : 0
        options.failingHandlers = random.happens(400) ? 200 : 0
        options.replies = random.happens(700) ? 500 : 0
        options.lostSignals = random.happens(500) ? 500 : 0
        options.hasRollbacks = random.happens(200)
        if options.hasRollbacks {
            // A store that went back unnoticed is found out by what it still knows.
            options.policy.retention.maxMessages = 100_000
            options.policy.retention.maxBytes = 100_000_000
            options.policy.retention.maxAge = .seconds(86_400)
        }
        return options
    }
}

extension StorePolicy {
    fileprivate static func generate(using random: inout SeededRandom) -> StorePolicy {
        var policy = StorePolicy()
        policy.retention = RetentionPolicy(
            maxMessages: [1, 3, 10, 1_000, 1_000].randomElement(using: &random) ?? 10,
            maxBytes: [30, 500, 4_194_304, 4_194_304].randomElement(using: &random) ?? 500,
            maxAge: [.milliseconds(300), .seconds(4), .seconds(3_600), .seconds(3_600)].randomElement(using: &random) ?? .seconds(4),
            onOverflow: random.happens(250) ? .rejectNew : .discardOldest,
            keep: random.happens(150) ? .seconds(5) : .seconds(86_400)
        )
        policy.nodeLifetime = .seconds(Int.random(in: 6...60, using: &random))
        policy.maxClientsPerUser = random.happens(100) ? 1 : 100
        policy.emptyKeep = random.happens(200) ? .seconds(2) : .seconds(60)
        return policy
    }
}
