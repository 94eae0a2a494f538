/// What a client wishes, and the bounds that it keeps.
package struct ClientSessionConfiguration: Hashable, Sendable {
    /// The URLs of the service, `ws:` or `wss:`, at least one; the session shuffles them once.
    package var endpoints: [String]
    /// What becomes of endpoints that the server tells. Default: they are followed.
    package var serverEndpoints = ServerEndpoints.follow
    /// Whether changes of the record are reported and waited for. Default: nothing is kept beyond the process.
    package var persistence = ClientPersistence.memory
    /// The token of the first `HELLO`; a secret.
    package var token: String?
    /// Whether the application gives tokens when asked. Default: it does not.
    package var tokenSource = TokenSource.none
    /// The downlink window that the client wishes; nil: the server's own.
    package var window: Window?
    /// How long the client wishes its queue to be kept after detach; nil: the server's own.
    package var keep: Duration?
    /// Optional parts of the protocol that the client can do.
    package var features: [String] = []
    /// Name and version of the client's software, for people; at most 128 bytes.
    package var agent: String?
    /// The most uplink messages that wait for their acknowledgement. Default 1,000.
    package var maxQueuedMessages = 1_000
    /// The most uplink payload that waits for its acknowledgement, in bytes. Default 4 MiB.
    package var maxQueuedBytes = 4_194_304
    /// How long a connection may take from the first packet to its `WELCOME`. Default 15 s.
    package var connectDeadline = Duration.seconds(15)
    /// How long to wait between attempts. Default 0.5 s, doubled up to 30 s, full jitter.
    package var backoff = Backoff()

    /// The defaults.
    ///
    /// - Precondition: there is at least one endpoint.
    package init(endpoints: [String]) {
        precondition(!endpoints.isEmpty, "a client has at least one endpoint")
        self.endpoints = endpoints
    }
}

/// What a client does with endpoints that a server tells in `WELCOME` and `DRAIN` (Protocol.md §4.2, §14).
package enum ServerEndpoints: Hashable, Sendable {
    /// Adds them to its own; a `ws:` URL that came over `wss:` is ignored.
    case follow
    /// Stays with the endpoints that it was configured with.
    case ignore
}

/// Whether a session's record outlives the process.
package enum ClientPersistence: Hashable, Sendable {
    /// No changes are reported, nothing is waited for.
    case memory
    /// Changes are reported, and whatever depends on one waits until it is durable.
    case durable
}

/// Where a client gets a token from when it needs a new one.
package enum TokenSource: Hashable, Sendable {
    /// Nowhere.
    case none
    /// The application is asked.
    case application
}

/// The times and counts of Protocol.md §13.2 that are the client's.
enum ClientTimes {
    /// The latest moment of an acknowledgement after something was handled.
    static let acknowledgement = Duration.milliseconds(250)
    /// A connection counts as healthy that long after its `WELCOME`.
    static let healthy = Duration.seconds(30)
    /// A 4501 is believed that soon after the last `force`.
    static let force = Duration.seconds(60)
    /// How long the peer's Close is waited for, and an older connection left open.
    static let farewell = Duration.seconds(5)
    /// How long a superseded client waits for the answer to the `HELLO` that most likely superseded it, before it counts as without a connection.
    static let handover = Duration.seconds(1)
    /// The most of `retryAfter` and of `jitter` that a client heeds.
    static let patience = Duration.seconds(86_400)
    /// After so many failed resumes in a row a `HELLO` goes without a position.
    static let failedResumes = 3
}
