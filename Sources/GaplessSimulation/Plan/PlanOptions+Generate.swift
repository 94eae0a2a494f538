extension PlanOptions {
    /// Draws a world.
    static func generate(using random: inout SeededRandom) -> PlanOptions {
        var options = PlanOptions()
        options.nodes = Int.random(in: 1...3, using: &random)
        options.clients = Int.random(in: 1...3, using: &random)
        options.durableClients = (0..<options.clients).map { _ in random.happens(600) }
        options.seconds = [20, 60, 120].randomElement(using: &random) ?? 60
        options.isEncoded = random.happens(200)
        options.drawSpeeds(using: &random)
        options.drawSizes(using: &random)
        options.drawRetention(using: &random)
        options.drawTimes(using: &random)
        options.refusedConnects = random.happens(300) ? 200 : 0
        options.silentDeaths = random.happens(500) ? 300 : 0
        options.doubtfulCommits = random.happens(400) ? 30 : 0
        options.failingHandlers = random.happens(400) ? 200 : 0
        options.replies = random.happens(700) ? 500 : 0
        options.lostSignals = random.happens(500) ? 500 : 0
        options.drawBounds(using: &random)
        options.hasRollbacks = random.happens(200)
        // What waits for a slow application while the store goes back is neither in the store nor handled.
        if random.happens(options.hasRollbacks ? 400 : 50) { options.application = 1_000...8_000_000 }
        options.failingReads = random.happens(300) ? 300 : 0
        if random.happens(300) { options.pollMilliseconds = 2_000 }
        if random.happens(100) { options.hop = 10...1_000_000 }
        return options
    }

    private mutating func drawSpeeds(using random: inout SeededRandom) {
        if random.happens(300) { self.latency = 100...2_000 }
        if random.happens(200) { self.latency = 20_000...1_500_000 }
        if random.happens(300) { self.commit = 1_000...800_000 }
        if random.happens(300) { self.hop = 10...200_000 }
        if random.happens(300) { self.handler = 1_000...3_000_000 }
        if random.happens(300) { self.application = 1_000...1_000_000 }
        if random.happens(300) { self.save = 1_000...500_000 }
    }

    private mutating func drawSizes(using random: inout SeededRandom) {
        self.downlinkMessages = [1, 2, 8, 256].randomElement(using: &random) ?? 8
        self.downlinkBytes = [20, 300, 1_048_576].randomElement(using: &random) ?? 300
        self.uplinkMessages = [1, 3, 64].randomElement(using: &random) ?? 3
        self.uplinkBytes = [20, 262_144].randomElement(using: &random) ?? 20
        if random.happens(150) { self.wishedMessages = 1 }
        self.socketBytes = [200, 4_000, 65_536].randomElement(using: &random) ?? 4_000
        // A window is no wider than what a node holds of all clients, as its configuration demands: else one client alone could be sent away for ever.
        if random.happens(200) { (self.maxUplinkBytes, self.uplinkBytes) = (30, 20) }
        if random.happens(400) {
            (self.gatewayOperations, self.batchOperations) = (4, 2)
            // What belongs together then waits together.
            if random.happens(500) { self.commit = 50_000...400_000 }
        }
    }

    private mutating func drawRetention(using random: inout SeededRandom) {
        self.maxMessages = [1, 3, 10, 1_000, 1_000].randomElement(using: &random) ?? 10
        self.maxBytes = [30, 500, 4_194_304, 4_194_304].randomElement(using: &random) ?? 500
        self.maxAgeMilliseconds = [300, 4_000, 3_600_000, 3_600_000].randomElement(using: &random) ?? 4_000
        self.rejectsNew = random.happens(250)
        self.keepSeconds = random.happens(150) ? 5 : 86_400
        if random.happens(150) { self.wishedKeepSeconds = Int.random(in: 1...20, using: &random) }
        self.nodeLifetimeSeconds = Int.random(in: 6...60, using: &random)
        self.emptyKeepSeconds = random.happens(200) ? 2 : 60
    }

    private mutating func drawTimes(using random: inout SeededRandom) {
        if random.happens(150) { self.connectionAgeMilliseconds = Int.random(in: 8_000...40_000, using: &random) }
        if random.happens(100) {
            self.isAnonymous = true
        } else if random.happens(300) {
            self.tokenLifeMilliseconds = Int.random(in: 6_000...40_000, using: &random)
            if random.happens(300) { self.badTokens = 200 }
        }
    }

    /// Bounds of what a store and a node take, small in a few worlds.
    private mutating func drawBounds(using random: inout SeededRandom) {
        if random.happens(100) { self.maxClientsPerUser = 1 }
        if random.happens(50), !self.isAnonymous { self.maxQueues = max(1, self.clients - 1) }
        if random.happens(80) { self.maxStoreBytes = Int.random(in: 40...400, using: &random) }
        if random.happens(80) { self.maxKeys = Int.random(in: 2...20, using: &random) }
        if random.happens(80) { self.maxConnections = self.clients + 1 }
        if random.happens(100) { self.creations = 1 }
    }
}
