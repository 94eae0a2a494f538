public import GaplessCore

/// Everything that can be set about a server. The defaults suit a service with some thousand clients; set what you care about.
///
/// Each setting has bounds; one that is out of them is refused by `GaplessServer.init`, before a port is opened.
public struct ServerConfiguration: Sendable {
    /// The node's name, for people and logs. Default: the machine's host name.
    public var name: NodeName

    /// Where clients connect. Default `127.0.0.1:8400`.
    public var listen: ListenAddress = ListenAddress(host: "127.0.0.1", port: 8_400)

    /// The path of the WebSocket. Default `/gapless`; it begins with a slash, has at most 256 bytes and no question mark.
    public var path: String = "/gapless"

    /// Certificate and key of the public listener; nil for a listener without TLS, on loopback or behind a balancer that ends TLS.
    public var tls: TLSFiles?

    /// Which web pages may connect. Default: those of the same host.
    public var origins: OriginRule = .sameHost

    /// URLs of the service that clients are told in `WELCOME`, `ws:` or `wss:`, at most 16 of at most 512 bytes, and so short together that
    /// the whole fits into its 4,096 bytes, which
    /// leaves about 2,500 for them. Default: none.
    public var endpoints: [String] = []

    /// The admin listener; nil for none. Default `127.0.0.1:8401`, without a key.
    public var admin: AdminConfiguration? = AdminConfiguration(listen: ListenAddress(host: "127.0.0.1", port: 8_401))

    /// What queues keep.
    public var retention: RetentionPolicy = RetentionPolicy()

    /// The longest lifetime of a queue that a client can wish for. Default 30 days; `retention.keep` through 365 days.
    public var maxKeep: Duration = .seconds(30 * 86_400)

    /// The most clients of one user. Default 100, at most 10,000.
    public var maxClientsPerUser: Int = 100

    /// The most queues in the store. Default 1,000,000, at most 100,000,000.
    public var maxQueues: Int = 1_000_000

    /// How many queues the clients of one address may create each second by connecting; those of ten seconds at once. Nil for no limit.
    /// Default 100, at most 100,000.
    ///
    /// Who goes beyond is refused with 4101 and comes back later; clients whose queues exist never are. An address is that of the socket, and
    /// an IPv6 address counts by its first 64 bits. What a proxy says about its clients is not believed, so behind one they count together.
    public var newQueuesPerSecond: Int? = 100

    /// How fast one address may create queues instead, for tests.
    package var creationPace: CreationLimit.Pace?

    /// How many clients attach to this node each second, in the long run; who comes too early is told with 4101 when to come back. Nil for no limit.
    /// Default 2,000, at most 100,000.
    ///
    /// When a node dies, its clients come back at once. So they come one after the other instead, and the nodes that are left go on serving
    /// theirs.
    public var attachesPerSecond: Int? = 2_000

    /// How long a node that has started takes from a tenth of `attachesPerSecond` to all of it. Default 30 s; 0 through 300 s.
    public var warmUp: Duration = .seconds(30)

    /// The most connections that one address has open at once; those beyond are closed with 4101. Nil for no limit. Default nil; 1 through
    /// 10,000,000.
    ///
    /// An address counts as for `newQueuesPerSecond`: behind a proxy all clients have one.
    public var maxConnectionsPerAddress: Int?

    /// From which load on new clients should go to other nodes.
    public var readiness: ReadinessThresholds = ReadinessThresholds()

    /// The most payload bytes in the store; sends fail with `full` above it. Default 10 GiB; at least 1 byte.
    public var maxStoreBytes: Int = 10_737_418_240

    /// How long idempotency keys are remembered. Default 1 h; 1 s through 24 h.
    public var keyLifetime: Duration = .seconds(3_600)

    /// The largest payload of a message, in bytes. Default 64 KiB, at most 1 MiB.
    public var maxMessageBytes: Int = Limits.defaultMaxPayloadBytes

    /// The window of each connection's downlink. Default 256 messages and 1 MiB; at most 65,536 messages and 64 MiB.
    public var downlinkWindow: Window = .defaultDownlink

    /// The window of each connection's uplink. Default 64 messages and 256 KiB; at most 65,536 messages and 64 MiB.
    public var uplinkWindow: Window = .defaultUplink

    /// The most payload bytes from clients that wait for handlers in this process, all connections together. Default 256 MiB; at least the
    /// bytes of `uplinkWindow` and one message, at most 1 TiB.
    ///
    /// A client whose message does not fit is closed with 4100 and brings it again. Up to there nobody is made to wait for the handlers of
    /// others: what else comes on a connection - acknowledgements, pings, tokens - is handled while they run.
    public var maxUplinkBytes: Int = 268_435_456

    /// A side that has sent nothing for so long sends a `PING`. Default 20 s; 100 ms through 300 s.
    public var heartbeat: Duration = .seconds(20)

    /// A connection on which nothing came for so long is dead. Default 30 s; longer than `heartbeat`, at most 600 s.
    public var silence: Duration = .seconds(30)

    /// How long a connection may take to say `HELLO`. Default 10 s; 100 ms through 60 s.
    public var helloDeadline: Duration = .seconds(10)

    /// How long a client has for `AUTH` when its authentication ends. Default 25 s; 1 s through 300 s.
    public var authenticationGrace: Duration = .seconds(25)

    /// How often a handler that throws is run for one message before `onFailure` decides. Default 5; 1 through 100.
    public var handlerAttempts: Int = 5

    /// Which URL gets the messages of clients, in the place of `onMessage`; its answers hold the replies. Default nil.
    ///
    /// While it cannot be reached, a message is tried again with waits up to 30 s for as long as its client is attached, unless `onFailure` decides
    /// otherwise. Articles and examples: <doc:Webhooks>.
    public var messageWebhook: WebhookConfiguration?

    /// Which URL is told of `webhookEvents`, beside the hooks of this process. Default nil.
    public var eventWebhook: WebhookConfiguration?

    /// What `eventWebhook` is told of. Default: everything that there is.
    public var webhookEvents: Set<WebhookEventKind> = Set(WebhookEventKind.allCases)

    /// How long a server that stops goes on taking clients while `/ready` says 503, so that its balancer notices before anybody is refused.
    /// Default 15 s; 0 through 300 s. A server that is alone does not wait.
    public var drainWait: Duration = .seconds(15)

    /// Over how long the clients are asked to move then, one after the other. Default 30 s; 0 through 300 s.
    public var drainTime: Duration = .seconds(30)

    /// How long a client that is asked to move has for it; then it is closed with 4000. Default 10 s; 100 ms through 300 s.
    public var moveTime: Duration = .seconds(10)

    /// Whether a node that holds clearly more than its share of the clients moves some away, a few at a time, as it does when it stops; nodes that
    /// were started later get their part so. Default true. Nobody is moved while a node is cordoned, drains, or has come or gone lately.
    public var rebalance: Bool = true

    /// How long after the beginning of a shutdown everything ends: clients that are left are closed a little before, and `run()` waits, at the
    /// most, for handlers, authenticators and hooks that were cancelled. Default 60 s; at least
    /// `drainWait`, `drainTime` and `moveTime` together and 5 s more (a tenth of it, where that is less), at most 900 s.
    ///
    /// Those that are left then are told in the log and left behind. The messages of such handlers are not acknowledged: they come again.
    public var hardStop: Duration = .seconds(60)

    /// How long a socket may take no byte while something is to be sent, for tests.
    package var slowConsumerTime: Duration = .seconds(30)

    /// How long a peer may take to answer a Close, for tests.
    package var closeTime: Duration = .seconds(5)

    /// The most connections, 1 through 10,000,000. Nil takes what the limit of open files leaves, and more than that it is never. Default nil.
    public var maxConnections: Int?

    /// The most sends that wait for the store at once; `overloaded` beyond. Default 50,000; 1 through 1,000,000.
    public var maxPendingSends: Int = 50_000

    /// How long a send waits for the store before it fails: with `unavailable` when it was taken back, with `unknown` when a commit hangs.
    /// Default 20 s; 1 s through 300 s.
    public var sendTimeout: Duration = .seconds(20)

    /// How many threads serve connections, 1 through 256. Default: one for each processor, at most 64.
    public var threads: Int?

    /// The defaults.
    public init() {
        self.name = NodeName.ofHost
    }

    /// How fast clients are taken.
    var attachPace: AttachPace.Limit? {
        self.attachesPerSecond.map { AttachPace.Limit(perSecond: $0, rampTime: self.warmUp) }
    }
}
