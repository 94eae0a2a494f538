public import GaplessCore
package import GaplessWebSocket
public import NIOCore

/// What a ``GaplessClient`` is to do: where to, who it is, and the bounds that it keeps.
///
/// ```swift
/// var configuration = ClientConfiguration(endpoints: ["wss://a.example.com/gapless", "wss://b.example.com/gapless"], client: "alice/phone")
/// configuration.token = .provider { try await session.freshToken() }
/// configuration.state = .file("alice.state")
/// ```
public struct ClientConfiguration: Sendable {
    /// The URLs of the service, `ws:` or `wss:`, at least one. The client shuffles them once, goes to the next after a failure, and prefers the
    /// last that worked. A URL without a path gets `/gapless`. Secrets have no place in a URL: a user name or a parameter that is named
    /// like a secret is refused.
    public var endpoints: [String]

    /// The queue to attach to, `user` or `user/device`; nil where the server names its clients.
    public var client: String?

    /// How the client proves who it is. Default: not at all.
    public var token = ClientToken.none

    /// A value for the `Authorization` field of the handshake, such as `Basic ...`, for balancers that want one. It is sent to every endpoint,
    /// those that the server tells included. Default: none; a ``token`` does not need it.
    public var authorization: String?

    /// Where position and unsent messages are kept. Default: in memory, so a restarted process starts anew.
    public var state = StateStorage.memory

    /// When a message counts as handled. Default: when the next one is asked for.
    public var acknowledgement = Acknowledgement.automatic

    /// What happens at the start when another instance of this client is attached. Default: the client that holds the queue keeps it.
    public var start = Start.resume

    /// How TLS judges servers. Default: by the system's certificates.
    public var tls = ClientTLS()

    /// How many messages and bytes the server may have under way to this client; the server's own window is the upper bound. Default: that.
    public var window: Window?

    /// How long the server is to keep the queue after this client went away; the server's own time is the upper bound. Default: that.
    public var keep: Duration?

    /// Name and version of the program, for people who look at the server; at most 128 bytes. Default: the name of this library.
    public var agent: String? = "gapless-swift"

    /// What becomes of endpoints that the server tells. Default: they are used as well.
    public var serverEndpoints = ServerEndpoints.follow

    /// The most messages that wait to be handled by the server; more are refused. Default 1,000; at least 1.
    public var maxQueuedMessages = 1_000

    /// The most bytes that wait to be handled by the server; more are refused. Default 4 MiB; at least 1.
    public var maxQueuedBytes = 4_194_304

    /// How long a connection may take, from the lookup of the name to the server's `WELCOME`. Default 15 s.
    public var connectTimeout = Duration.seconds(15)

    /// The bound of the first random wait before another attempt; it doubles with each round of failures at all endpoints. Default 0.5 s; above zero.
    public var backoffBase = Duration.milliseconds(500)

    /// The bound that the doubling stops at. Default 30 s; at least `backoffBase`.
    public var backoffCap = Duration.seconds(30)

    /// How long a graceful shutdown waits for what the application has in hand, so that it need not come again. Default 5 s.
    public var leaveTimeout = Duration.seconds(5)

    /// The threads to work on; the client uses one event loop of it. Default: those that the process shares.
    public var eventLoopGroup: (any EventLoopGroup)?

    /// What the client waits by, for tests.
    package var clock = LoopClock.system

    /// What everybody must say: where to, and who.
    public init(endpoints: [String], client: String? = nil) {
        self.endpoints = endpoints
        self.client = client
    }

    /// When a message or a gap counts as handled.
    public enum Acknowledgement: Hashable, Sendable {
        /// When the consumer asks for the next event: whatever it was given before is done with.
        case automatic
        /// When `acknowledge` is called on it. Calls may come in any order; the position follows the longest run without a hole.
        case explicit
    }

    /// What a client does at its start when another instance holds its queue.
    public enum Start: Hashable, Sendable {
        /// Attaches. An instance that was displaced before asks for the queue once more, since its rival may be a connection that is dead and
        /// not yet noticed; after that it ends with the code ``ClientError/Code/takenOver``, now and whenever it is started while the rival
        /// is there.
        case resume
        /// Takes the queue over, whoever holds it.
        case takeOver
    }

    /// What a client does with endpoints that a server tells.
    public enum ServerEndpoints: Hashable, Sendable {
        /// Uses them as well; a `ws:` URL that came over `wss:` is ignored.
        case follow
        /// Stays with the ones that it was configured with.
        case ignore
    }
}
