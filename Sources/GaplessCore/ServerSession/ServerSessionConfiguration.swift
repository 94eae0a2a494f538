/// What a node says and does alike on all of its connections.
package struct ServerSessionConfiguration: Hashable, Sendable {
    /// The process that the connections end in; its name is told in `WELCOME`.
    package var node: NodeIdentity
    /// URLs of the service, told in `WELCOME`; nil to tell none.
    package var endpoints: [String]?
    /// Whether the server names all clients itself (Protocol.md §9.2).
    package var namesClients: Bool
    /// The largest downlink window; a client may wish for a smaller one.
    package var downlinkWindow: Window
    /// The uplink window.
    package var uplinkWindow: Window
    /// The limits told in `WELCOME`.
    package var limits: WireLimits
    /// After so long without sending, send `PING`.
    package var heartbeat: Duration
    /// After so long without receiving, the connection is dead.
    package var silence: Duration
    /// From the opening of the WebSocket to a complete `HELLO`.
    package var helloDeadline: Duration
    /// The longest that an authenticator, and then the store, may take to answer a `HELLO` or an `AUTH`.
    package var answerDeadline: Duration
    /// `within` of `AUTH`: from the end of a proof to the end of the connection.
    package var authenticationGrace: Duration
    /// The longest that a socket may take no byte while something is to be sent. [R8-6]
    package var slowConsumerTime: Duration
    /// From the server's Close to the end of the TCP connection, when the peer does not close. [R3.7-3]
    package var closeTime: Duration
    /// `retryAfter` and `jitter` of a refusal that passes: 4100 and 4101.
    package var retryAfter: Duration
    package var retryJitter: Duration
    /// How long after a failure of the store a read or an acknowledgement is tried again.
    package var storeRetry: Duration
    /// The most messages of one read.
    package var maxReadMessages: Int
    /// The most payload bytes of one read; one message is read whatever its size.
    package var maxReadBytes: Int
    /// The age at which a connection is closed with 4002; nil for none.
    package var maxAge: Duration?
    /// `jitter` of a close because of age.
    package var maxAgeJitter: Duration

    /// The defaults of Protocol.md §13, or other values.
    package init(
        node: NodeIdentity,
        endpoints: [String]? = nil,
        namesClients: Bool = false,
        downlinkWindow: Window = .defaultDownlink,
        uplinkWindow: Window = .defaultUplink,
        limits: WireLimits = WireLimits(),
        heartbeat: Duration = .seconds(20),
        silence: Duration = .seconds(30),
        helloDeadline: Duration = .seconds(10),
        answerDeadline: Duration = .seconds(20),
        authenticationGrace: Duration = .seconds(25),
        slowConsumerTime: Duration = .seconds(30),
        closeTime: Duration = .seconds(5),
        retryAfter: Duration = .seconds(2),
        retryJitter: Duration = .seconds(3),
        storeRetry: Duration = .seconds(1),
        maxReadMessages: Int = 256,
        maxReadBytes: Int = 262_144,
        maxAge: Duration? = nil,
        maxAgeJitter: Duration = .seconds(5)
    ) {
        precondition(maxReadMessages >= 1 && maxReadBytes >= 1, "a read gives something")
        self.node = node
        self.endpoints = endpoints
        self.namesClients = namesClients
        self.downlinkWindow = downlinkWindow
        self.uplinkWindow = uplinkWindow
        self.limits = limits
        self.heartbeat = heartbeat
        self.silence = silence
        self.helloDeadline = helloDeadline
        self.answerDeadline = answerDeadline
        self.authenticationGrace = authenticationGrace
        self.slowConsumerTime = slowConsumerTime
        self.closeTime = closeTime
        self.retryAfter = retryAfter
        self.retryJitter = retryJitter
        self.storeRetry = storeRetry
        self.maxReadMessages = maxReadMessages
        self.maxReadBytes = maxReadBytes
        self.maxAge = maxAge
        self.maxAgeJitter = maxAgeJitter
    }
}
