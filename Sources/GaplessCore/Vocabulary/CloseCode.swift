/// Why a connection ends, and by its range alone what the client does about it (Protocol.md §11).
public struct CloseCode: Hashable, Sendable, CustomStringConvertible {
    /// The number, a WebSocket close code.
    public let rawValue: UInt16

    /// Wraps a number.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    private init(_ rawValue: UInt16) {
        self.rawValue = rawValue
    }

    // MARK: 1000-2999: the WebSocket's own.

    /// 1000: the connection ends, the session does not.
    public static let normal = CloseCode(1000)

    /// 1001: the peer goes away, such as a page that is left.
    public static let goingAway = CloseCode(1001)

    /// 1002: the peer broke the WebSocket's own rules.
    public static let protocolError = CloseCode(1002)

    /// 1005: the peer closed without a code. It is never sent.
    public static let noStatus = CloseCode(1005)

    /// 1006: the connection ended without a Close. It is never sent.
    public static let abnormal = CloseCode(1006)

    // MARK: 4000-4099: resume at once, within the jitter.

    /// 4000: the node stops.
    public static let draining = CloseCode(4000)

    /// 4001: the node holds more than its share.
    public static let rebalance = CloseCode(4001)

    /// 4002: the connection reached its maximum age.
    public static let maxAge = CloseCode(4002)

    // MARK: 4100-4199: resume after backoff.

    /// 4100: the node is full, or drains and takes no more.
    public static let overloaded = CloseCode(4100)

    /// 4101: too many connections or messages came from here.
    public static let rateLimited = CloseCode(4101)

    /// 4102: the node cannot reach its store.
    public static let storeUnavailable = CloseCode(4102)

    /// 4103: the server failed. As the answer to a `HELLO` it counts as a failed resume.
    public static let internalError = CloseCode(4103)

    /// 4104: the socket took no byte for too long.
    public static let slowConsumer = CloseCode(4104)

    /// 4105: nothing came for the whole of `silence`. The one code of this protocol besides `malformed` that a client sends.
    public static let silent = CloseCode(4105)

    /// 4106: no `HELLO` came in time.
    public static let helloTimeout = CloseCode(4106)

    /// 4107: the store or the queue's epoch is another than when the connection attached.
    public static let fenceChanged = CloseCode(4107)

    // MARK: 4200-4299: hello without position, tell the application.

    /// 4200: the token of a client that the server named cannot be verified.
    public static let unknownClient = CloseCode(4200)

    /// 4201: the queue was removed while the connection was attached.
    public static let queueRemoved = CloseCode(4201)

    // MARK: 4300-4399: get a new token, then resume.

    /// 4300: the token presented has expired.
    public static let tokenExpired = CloseCode(4300)

    /// 4301: `AUTH` was not answered in time.
    public static let authenticateAgain = CloseCode(4301)

    /// 4302: the token is missing or cannot be verified.
    public static let tokenRefused = CloseCode(4302)

    // MARK: 4400-4449: stop, the client is at fault.

    /// 4400: a frame does not fit its grammar. A client closes with it for every fault of the server.
    public static let malformed = CloseCode(4400)

    /// 4401: a frame came where it may not come.
    public static let outOfOrder = CloseCode(4401)

    /// 4402: the two sides share no version of the protocol.
    public static let version = CloseCode(4402)

    /// 4403: an `ACK` is above the newest message.
    public static let ackBeyondHead = CloseCode(4403)

    /// 4404: a payload or a JSON object is over its limit.
    public static let tooLarge = CloseCode(4404)

    /// 4405: a text message is not UTF-8.
    public static let notUTF8 = CloseCode(4405)

    // MARK: 4450-4499: stop, policy.

    /// 4450: this client may not attach.
    public static let forbidden = CloseCode(4450)

    /// 4451: the token belongs to another user.
    public static let wrongUser = CloseCode(4451)

    /// 4452: an operator removed or disconnected this client.
    public static let removedByOperator = CloseCode(4452)

    /// 4453: the user has no room for another client.
    public static let tooManyClients = CloseCode(4453)

    // MARK: 4500-4549: stop this instance quietly.

    /// 4500: a newer connection of the same instance attached.
    public static let superseded = CloseCode(4500)

    /// 4501: another instance attached.
    public static let takenOver = CloseCode(4501)

    /// 4502: the answer to `BYE`; the queue is removed.
    public static let ended = CloseCode(4502)

    /// The codes of this protocol with their names on the wire, in order.
    package static let named: [(code: CloseCode, name: String)] = [
        (.draining, "draining"), (.rebalance, "rebalance"), (.maxAge, "max-age"),
        (.overloaded, "overloaded"), (.rateLimited, "rate-limited"), (.storeUnavailable, "store-unavailable"),
        (.internalError, "internal"), (.slowConsumer, "slow-consumer"), (.silent, "silent"),
        (.helloTimeout, "hello-timeout"), (.fenceChanged, "fence-changed"),
        (.unknownClient, "unknown-client"), (.queueRemoved, "queue-removed"),
        (.tokenExpired, "token-expired"), (.authenticateAgain, "authenticate-again"), (.tokenRefused, "token-refused"),
        (.malformed, "malformed"), (.outOfOrder, "out-of-order"), (.version, "version"), (.ackBeyondHead, "ack-beyond-head"),
        (.tooLarge, "too-large"), (.notUTF8, "not-utf8"),
        (.forbidden, "forbidden"), (.wrongUser, "wrong-user"), (.removedByOperator, "removed-by-operator"),
        (.tooManyClients, "too-many-clients"),
        (.superseded, "superseded"), (.takenOver, "taken-over"), (.ended, "ended"),
    ]

    /// The name on the wire; nil for a code that this version does not know.
    public var name: String? {
        Self.named.first { $0.code == self }?.name
    }

    /// The number, and the name if this version knows one.
    public var description: String {
        self.name.map { "\(self.rawValue) \($0)" } ?? String(self.rawValue)
    }
}
