/// One way to make a world simpler, by which a failing plan is made smaller after its steps.
package enum Simplification: String, CaseIterable, Sendable {
    case oneClient = "one-client"
    case twoClients = "two-clients"
    case oneNode = "one-node"
    case twoNodes = "two-nodes"
    case plainFrames = "plain-frames"
    case named
    case latency, hops, commits, reads, saves, handlers, applications
    case windows, sockets, gateway, bounds, retention, lifetimes
    case tokens, ages, connects, deaths, doubts, failures, replies, signals, rollbacks
    case shortPlan = "short"

    /// The options with this part as in a calm world; as they are, when it is so already.
    package func applied(to options: PlanOptions) -> PlanOptions {
        let calm = PlanOptions()
        var simple = options
        switch self {
        case .oneClient: simple.clients = 1
        case .twoClients: simple.clients = min(2, options.clients)
        case .oneNode: simple.nodes = 1
        case .twoNodes: simple.nodes = min(2, options.nodes)
        case .plainFrames: simple.isEncoded = false
        case .named: simple.isAnonymous = false
        case .latency: (simple.latency, simple.lossNotice) = (1_000...1_000, 1_000...1_000)
        case .hops: simple.hop = 10...10
        case .commits: simple.commit = 1_000...1_000
        case .reads: simple.read = 100...100
        case .saves: simple.save = 1_000...1_000
        case .handlers: simple.handler = 1_000...1_000
        case .applications: simple.application = 100...100
        case .windows:
            (simple.downlinkMessages, simple.downlinkBytes) = (calm.downlinkMessages, calm.downlinkBytes)
            (simple.uplinkMessages, simple.uplinkBytes) = (calm.uplinkMessages, min(calm.uplinkBytes, UInt64(simple.maxUplinkBytes)))
            simple.wishedMessages = nil
        case .sockets: simple.socketBytes = calm.socketBytes
        case .gateway: (simple.gatewayOperations, simple.batchOperations) = (calm.gatewayOperations, calm.batchOperations)
        case .bounds:
            (simple.maxClientsPerUser, simple.maxQueues) = (calm.maxClientsPerUser, calm.maxQueues)
            (simple.maxStoreBytes, simple.maxKeys) = (calm.maxStoreBytes, calm.maxKeys)
            (simple.maxConnections, simple.creations, simple.maxUplinkBytes) = (calm.maxConnections, calm.creations, calm.maxUplinkBytes)
        case .retention:
            (simple.maxMessages, simple.maxBytes, simple.rejectsNew) = (calm.maxMessages, calm.maxBytes, false)
            simple.maxAgeMilliseconds = calm.maxAgeMilliseconds
        case .lifetimes:
            (simple.keepSeconds, simple.wishedKeepSeconds) = (calm.keepSeconds, nil)
            (simple.emptyKeepSeconds, simple.nodeLifetimeSeconds) = (calm.emptyKeepSeconds, calm.nodeLifetimeSeconds)
        case .tokens: (simple.tokenLifeMilliseconds, simple.badTokens) = (nil, 0)
        case .ages: simple.connectionAgeMilliseconds = nil
        case .connects: simple.refusedConnects = 0
        case .deaths: simple.silentDeaths = 0
        case .doubts: (simple.doubtfulCommits, simple.failingReads) = (0, 0)
        case .failures: simple.failingHandlers = 0
        case .replies: simple.replies = 0
        case .signals: (simple.lostSignals, simple.pollMilliseconds) = (0, calm.pollMilliseconds)
        case .rollbacks: simple.hasRollbacks = false
        case .shortPlan: simple.seconds = min(20, options.seconds)
        }
        return simple
    }
}
