import GaplessCore

/// What the `settings` of a vector for a server say; whatever they leave out is Protocol.md's default.
struct ServerVectorSettings {
    var session: ServerSessionConfiguration
    var store = StorePolicy()
    var creations: CreationLimit.Pace?
    var pace: AttachPace.Limit?
    var connectionsPerAddress: Int?
    var maxUplinkBytes = 268_435_456
    var decision = HandlerDecision.close
    var rebalance: RebalancePolicy?
    private var authentication = "none"
    private var tokens: [String: Identity] = [:]
    private var silentTokens: Set<String> = []
    private static let unknownClient = SessionEnding(.unknownClient, "The client token cannot be verified.", forget: true)

    init(_ fields: VectorFields?) throws {
        self.session = ServerSessionConfiguration(node: NodeIdentity(name: Named.node("a"), incarnation: 1))
        guard let fields else { return }
        if let window = try fields.object("down") { self.session.downlinkWindow = try Self.window(window) }
        if let window = try fields.object("up") { self.session.uplinkWindow = try Self.window(window) }
        if let limit = try fields.int("message") { self.session.limits.message = Int(limit) }
        if let maxAge = try fields.milliseconds("maxAge") { self.session.maxAge = maxAge }
        if let grace = try fields.milliseconds("grace") { self.session.authenticationGrace = grace }
        if let endpoints = try fields.strings("endpoints") { self.session.endpoints = endpoints }
        if let retention = try fields.object("retention") { try self.read(retention: retention) }
        if let count = try fields.int("clientsPerUser") { self.store.maxClientsPerUser = Int(count) }
        if let count = try fields.int("queues") { self.store.maxQueues = Int(count) }
        if let count = try fields.int("newQueuesAtOnce") {
            self.creations = CreationLimit.Pace(interval: .seconds(1), burst: Int(count))
        }
        if let count = try fields.int("attachesPerSecond") { self.pace = AttachPace.Limit(perSecond: Int(count), rampTime: .zero) }
        if let count = try fields.int("connectionsPerAddress") { self.connectionsPerAddress = Int(count) }
        if let rebalance = try fields.object("rebalance") {
            let (excess, calm) = (try rebalance.int("excess") ?? 25, try rebalance.milliseconds("calm") ?? .seconds(120))
            self.rebalance = RebalancePolicy(minExcess: Int(excess), calm: calm, minAge: try rebalance.milliseconds("age") ?? .seconds(60))
            try rebalance.finish()
        }
        if let bytes = try fields.int("uplinkBytesOfAll") { self.maxUplinkBytes = Int(bytes) }
        if try fields.string("failingHandler") == "skip" { self.decision = .skip }
        if let authentication = try fields.string("authentication") { self.authentication = authentication }
        self.session.namesClients = self.authentication == "names"
        if let tokens = fields.value("tokens") {
            for token in tokens.keys where tokens[token]?["silent"] == .bool(true) { self.silentTokens.insert(token) }
            for token in tokens.keys { self.tokens[token] = try Self.identity(VectorFields(tokens[token] ?? .null)) }
        }
        try fields.finish()
    }

    private mutating func read(retention fields: VectorFields) throws {
        if let count = try fields.int("messages") { self.store.retention.maxMessages = Int(count) }
        if let count = try fields.int("bytes") { self.store.retention.maxBytes = Int(count) }
        if let age = try fields.milliseconds("age") { self.store.retention.maxAge = age }
        if let keep = try fields.milliseconds("keep") { self.store.retention.keep = keep }
        if let most = try fields.milliseconds("maxKeep") { self.store.maxKeep = most }
        if let overflow = try fields.string("overflow") {
            guard let policy = OverflowPolicy(rawValue: overflow) else { throw VectorFailure("no overflow policy: \(overflow)") }
            self.store.retention.onOverflow = policy
        }
        try fields.finish()
    }

    static func window(_ fields: VectorFields) throws -> Window {
        guard let messages = try fields.number("messages"), let bytes = try fields.number("bytes") else {
            throw VectorFailure("a window has messages and bytes")
        }
        try fields.finish()
        return Window(messages: messages, bytes: bytes)
    }

    private static func identity(_ fields: VectorFields) throws -> Identity {
        guard let name = try fields.string("user"), let user = UserID(name) else { throw VectorFailure("a token has a user") }
        var identity = Identity(user: user)
        if let device = try fields.string("device") { identity.device = .exactly(UserID(device)) }
        _ = try fields.bool("silent")
        if let expires = try fields.number("expires") { identity.expires = Timestamp(milliseconds: expires) }
        try fields.finish()
        return identity
    }

    /// What the authenticator says; nil when it does not answer.
    func judge(_ client: ClientID?, _ token: String?) -> AuthenticationOutcome? {
        switch self.authentication {
        case "silent": return nil
        case "failing": return .refused(SessionEnding(.internalError, "The authenticator failed."))
        case "tokens":
            if let token, self.silentTokens.contains(token) { return nil }
            guard let token, let identity = self.tokens[token] else {
                return .refused(SessionEnding(.tokenRefused, "The token is missing or cannot be verified."))
            }
            return .proved(identity)
        case "names":
            // Named clients hold the token `of-` and their name; a server renews it with each WELCOME.
            guard let client else { return .named(Named.client("named"), token: "of-named") }
            guard token == "of-\(client)" else { return .refused(Self.unknownClient) }
            return .named(client, token: "of-\(client)")
        default: return .unneeded
        }
    }
}
