/// How a node behaves as a whole.
package struct NodeConfiguration: Hashable, Sendable {
    /// The process.
    package var node: NodeIdentity
    /// Which schemas of the store this program can work with.
    package var schemas: ClosedRange<UInt32>
    /// The most connections.
    package var maxConnections: Int
    /// How fast the clients of one address may create queues; nil for no limit. [R5.1-5]
    package var creations: CreationLimit.Pace?
    /// How fast clients are taken; nil for as fast as they come. [R5.1-8]
    package var pace: AttachPace.Limit?
    /// The most connections of one address; nil for no limit. [R5.1-8]
    package var maxConnectionsPerAddress: Int?
    /// From which load on newcomers should go elsewhere. [R5.1-9]
    package var readiness: ReadinessPolicy
    /// `retryAfter` and `jitter` of 4100.
    package var retryAfter: Duration
    package var retryJitter: Duration
    /// From one poll for signals to the next while clients are attached, and while none are.
    package var pollInterval: Duration
    package var idlePollInterval: Duration
    /// From one heartbeat of the node's row to the next; with each the node learns who else is alive.
    package var heartbeatInterval: Duration
    /// Nobody counts on a node to take clients whose newest heartbeat is as old as that; four heartbeats by default.
    package var freshness: Duration
    /// How long a drain waits to learn who else is alive.
    package var drainLook: Duration
    /// How it moves what it holds above its share; nil when it moves nobody by load. [R10.2-2]
    package var rebalance: RebalancePolicy?
    /// From one sweep for what is too old to the next, and between slices of one.
    package var sweepInterval: Duration
    package var sliceInterval: Duration
    /// The most rows of one slice.
    package var sliceRows: Int
    /// After so long without an answer of the store the node is cut off: not ready, and takes no clients. [R5.1-4]
    package var cutOffAfter: Duration
    /// After so long it closes its connections, spread over a time, unless it knows of no other node.
    package var closeAfter: Duration
    package var closeSpread: Duration
    /// How long after a failure of the store a detach or a heartbeat is tried again.
    package var storeRetry: Duration
    /// A jump of the wall clock against the monotonic one that stops expiry, and for how long; nil when every jump is believed.
    package var maxClockJump: Duration?
    package var expiryPause: Duration
    /// How handlers are tried again.
    package var handlers: HandlerPolicy
    /// The most payload bytes of uplink that wait in the process for their handlers; who brings more is closed with 4100. [R7.3-3]
    package var maxUplinkBytes: Int

    /// The defaults of DESIGN.md 14, or other values.
    package init(
        node: NodeIdentity,
        schemas: ClosedRange<UInt32> = 1...1,
        maxConnections: Int = 100_000,
        creations: CreationLimit.Pace? = CreationLimit.Pace(perSecond: 100),
        pace: AttachPace.Limit? = nil,
        maxConnectionsPerAddress: Int? = nil,
        readiness: ReadinessPolicy = ReadinessPolicy(),
        retryAfter: Duration = .seconds(2),
        retryJitter: Duration = .seconds(3),
        pollInterval: Duration = .milliseconds(250),
        idlePollInterval: Duration = .seconds(2),
        heartbeatInterval: Duration = .seconds(2),
        freshness: Duration = .seconds(8),
        drainLook: Duration = .seconds(2),
        rebalance: RebalancePolicy? = RebalancePolicy(),
        sweepInterval: Duration = .seconds(1),
        sliceInterval: Duration = .milliseconds(20),
        sliceRows: Int = 500,
        cutOffAfter: Duration = .seconds(10),
        closeAfter: Duration = .seconds(30),
        closeSpread: Duration = .seconds(10),
        storeRetry: Duration = .seconds(1),
        maxClockJump: Duration? = .seconds(10),
        expiryPause: Duration = .seconds(60),
        handlers: HandlerPolicy = HandlerPolicy(),
        maxUplinkBytes: Int = 268_435_456
    ) {
        self.node = node
        self.schemas = schemas
        self.maxConnections = maxConnections
        self.creations = creations
        self.pace = pace
        self.maxConnectionsPerAddress = maxConnectionsPerAddress
        self.readiness = readiness
        self.retryAfter = retryAfter
        self.retryJitter = retryJitter
        self.pollInterval = pollInterval
        self.idlePollInterval = idlePollInterval
        self.heartbeatInterval = heartbeatInterval
        self.freshness = freshness
        self.drainLook = drainLook
        self.rebalance = rebalance
        self.sweepInterval = sweepInterval
        self.sliceInterval = sliceInterval
        self.sliceRows = sliceRows
        self.cutOffAfter = cutOffAfter
        self.closeAfter = closeAfter
        self.closeSpread = closeSpread
        self.storeRetry = storeRetry
        self.maxClockJump = maxClockJump
        self.expiryPause = expiryPause
        self.handlers = handlers
        self.maxUplinkBytes = maxUplinkBytes
    }
}

/// How a handler that fails is tried again.
package struct HandlerPolicy: Hashable, Sendable {
    /// After so many failures the service decides.
    package var maxAttempts: Int
    /// The wait after the first failure; it doubles with each.
    package var firstWait: Duration
    package var maxWait: Duration
    /// The longest wait of a message that the service wants tried for as long as it takes.
    package var maxRetryWait: Duration
    /// How long after a failure of the store a mark is committed again.
    package var commitRetry: Duration

    package init(
        maxAttempts: Int = 5,
        firstWait: Duration = .milliseconds(100),
        maxWait: Duration = .seconds(5),
        maxRetryWait: Duration = .seconds(30),
        commitRetry: Duration = .milliseconds(500)
    ) {
        precondition(maxAttempts >= 1, "a handler is tried at least once")
        self.maxAttempts = maxAttempts
        self.firstWait = firstWait
        self.maxWait = maxWait
        self.maxRetryWait = maxRetryWait
        self.commitRetry = commitRetry
    }

    /// The wait after so many failures in a row, at least 1.
    func wait(after failures: Int) -> Duration {
        let longest = failures < self.maxAttempts ? self.maxWait : max(self.maxWait, self.maxRetryWait)
        var wait = self.firstWait
        for _ in 1..<max(1, failures) where wait < longest {
            wait = wait * 2
        }
        return min(wait, longest)
    }
}
