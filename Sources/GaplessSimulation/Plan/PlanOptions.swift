import GaplessCore
import GaplessStore

/// How a world is made: sizes, speeds and habits. Drawn wildly, so that rare situations are common in some worlds.
///
/// Plain numbers throughout, so that a plan can be written down and compared; the defaults are a calm world.
package struct PlanOptions: Hashable, Sendable {
    package var nodes = 2
    package var clients = 2
    /// Which clients keep their state on a disk; those beyond the end do not.
    package var durableClients: [Bool] = [true, false]
    package var seconds = 60
    /// Whether frames travel as bytes.
    package var isEncoded = false
    /// Whether the server names the clients.
    package var isAnonymous = false

    // MARK: Speeds, in microseconds

    package var latency = 1_000...80_000
    package var lossNotice = 1_000...3_000_000
    /// Between parts of one process.
    package var hop = 10...2_000
    package var commit = 1_000...20_000
    package var read = 100...10_000
    package var save = 1_000...10_000
    package var handler = 1_000...50_000
    package var application = 100...20_000

    // MARK: Sizes

    package var downlinkMessages: UInt64 = 256
    package var downlinkBytes: UInt64 = 1_048_576
    package var uplinkMessages: UInt64 = 64
    package var uplinkBytes: UInt64 = 262_144
    /// The window that clients wish for; nil for the server's.
    package var wishedMessages: UInt64?
    package var socketBytes = 65_536
    package var maxUplinkBytes = 1_048_576
    /// What waits for a commit, and what goes into one.
    package var gatewayOperations = 65_536
    package var batchOperations = 4_096
    package var maxConnections = 100_000
    /// How many queues one address may create at once, one more each second after that; with 1, all clients have one address.
    package var creations = 1_000

    // MARK: Retention and the store's bounds

    package var maxMessages = 1_000
    package var maxBytes = 4_194_304
    package var maxAgeMilliseconds = 3_600_000
    package var rejectsNew = false
    package var keepSeconds = 86_400
    /// How long clients wish their queues to be kept; nil for the server's.
    package var wishedKeepSeconds: Int?
    package var emptyKeepSeconds = 60
    package var nodeLifetimeSeconds = 60
    package var maxClientsPerUser = 100
    package var maxQueues = 1_000_000
    package var maxStoreBytes = 10_737_418_240
    package var maxKeys = 1_000_000

    // MARK: Times, in milliseconds

    package var heartbeatMilliseconds = 5_000
    package var silenceMilliseconds = 8_000
    /// How often nodes look for signals that were lost.
    package var pollMilliseconds = 250
    /// How long a proof of identity counts; nil where nobody needs one.
    package var tokenLifeMilliseconds: Int?
    /// The age at which connections are closed; nil for none.
    package var connectionAgeMilliseconds: Int?

    // MARK: Chances, of 1,000

    package var refusedConnects = 0
    /// Deaths of processes that nobody is told of.
    package var silentDeaths = 0
    package var doubtfulCommits = 0
    package var failingReads = 0
    package var failingHandlers = 0
    package var replies = 0
    package var lostSignals = 0
    /// Tokens that are refused, or not to be had.
    package var badTokens = 0
    /// Whether the store may go back in time.
    package var hasRollbacks = false

    /// A calm world.
    package init() {}

    var downlinkWindow: Window { Window(messages: self.downlinkMessages, bytes: self.downlinkBytes) }
    var uplinkWindow: Window { Window(messages: self.uplinkMessages, bytes: self.uplinkBytes) }
    var gateway: GatewayConfiguration {
        GatewayConfiguration(maxOperations: self.gatewayOperations, maxBatchOperations: self.batchOperations)
    }

    var policy: StorePolicy {
        StorePolicy(
            retention: RetentionPolicy(
                maxMessages: self.maxMessages,
                maxBytes: self.maxBytes,
                maxAge: .milliseconds(self.maxAgeMilliseconds),
                onOverflow: self.rejectsNew ? .rejectNew : .discardOldest,
                keep: .seconds(self.keepSeconds)
            ),
            emptyKeep: .seconds(self.emptyKeepSeconds),
            maxClientsPerUser: self.maxClientsPerUser,
            maxQueues: self.maxQueues,
            maxStoreBytes: self.maxStoreBytes,
            // Longer than any plan's clock runs, so that a repetition is always known.
            keyLifetime: .seconds(86_400),
            maxKeys: self.maxKeys,
            nodeLifetime: .seconds(self.nodeLifetimeSeconds)
        )
    }

    func sessionConfiguration(of node: NodeIdentity) -> ServerSessionConfiguration {
        ServerSessionConfiguration(
            node: node,
            namesClients: self.isAnonymous,
            downlinkWindow: self.downlinkWindow,
            uplinkWindow: self.uplinkWindow,
            heartbeat: .milliseconds(self.heartbeatMilliseconds),
            silence: .milliseconds(self.silenceMilliseconds),
            authenticationGrace: .seconds(5),
            slowConsumerTime: .seconds(6),
            maxReadMessages: 16,
            maxReadBytes: 4_096,
            maxAge: self.connectionAgeMilliseconds.map { .milliseconds($0) },
            maxAgeJitter: .seconds(1)
        )
    }

    func nodeConfiguration(of node: NodeIdentity) -> NodeConfiguration {
        NodeConfiguration(
            node: node,
            maxConnections: self.maxConnections,
            creations: CreationLimit.Pace(interval: .seconds(1), burst: self.creations),
            pollInterval: .milliseconds(self.pollMilliseconds),
            sliceRows: 20,
            handlers: HandlerPolicy(maxAttempts: 3, firstWait: .milliseconds(50), maxWait: .seconds(1), maxRetryWait: .seconds(2)),
            maxUplinkBytes: self.maxUplinkBytes
        )
    }

    func clientConfiguration(endpoints: [String], isDurable: Bool) -> ClientSessionConfiguration {
        var configuration = ClientSessionConfiguration(endpoints: endpoints)
        configuration.persistence = isDurable ? .durable : .memory
        configuration.tokenSource = self.tokenLifeMilliseconds == nil ? .none : .application
        configuration.backoff = Backoff(base: .milliseconds(200), cap: .seconds(5))
        configuration.connectDeadline = .seconds(6)
        configuration.window = self.wishedMessages.map { Window(messages: $0, bytes: self.downlinkBytes) }
        configuration.keep = self.wishedKeepSeconds.map { .seconds($0) }
        return configuration
    }
}
