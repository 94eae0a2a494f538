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

    // 1000-2999: the WebSocket's own.
    public static let normal = CloseCode(1000)
    public static let goingAway = CloseCode(1001)
    public static let protocolError = CloseCode(1002)
    public static let noStatus = CloseCode(1005)
    public static let abnormal = CloseCode(1006)
    // 4000-4099: resume at once, within the jitter.
    public static let draining = CloseCode(4000)
    public static let rebalance = CloseCode(4001)
    public static let maxAge = CloseCode(4002)
    // 4100-4199: resume after backoff.
    public static let overloaded = CloseCode(4100)
    public static let rateLimited = CloseCode(4101)
    public static let storeUnavailable = CloseCode(4102)
    public static let internalError = CloseCode(4103)
    public static let slowConsumer = CloseCode(4104)
    public static let silent = CloseCode(4105)
    public static let helloTimeout = CloseCode(4106)
    public static let fenceChanged = CloseCode(4107)
    // 4200-4299: hello without position, tell the application.
    public static let unknownClient = CloseCode(4200)
    public static let queueRemoved = CloseCode(4201)
    // 4300-4399: get a new token, then resume.
    public static let tokenExpired = CloseCode(4300)
    public static let authenticateAgain = CloseCode(4301)
    public static let tokenRefused = CloseCode(4302)
    // 4400-4449: stop, the client is at fault.
    public static let malformed = CloseCode(4400)
    public static let outOfOrder = CloseCode(4401)
    public static let version = CloseCode(4402)
    public static let ackBeyondHead = CloseCode(4403)
    public static let tooLarge = CloseCode(4404)
    public static let notUTF8 = CloseCode(4405)
    // 4450-4499: stop, policy.
    public static let forbidden = CloseCode(4450)
    public static let wrongUser = CloseCode(4451)
    public static let removedByOperator = CloseCode(4452)
    public static let tooManyClients = CloseCode(4453)
    // 4500-4549: stop this instance quietly.
    public static let superseded = CloseCode(4500)
    public static let takenOver = CloseCode(4501)
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

    public var description: String {
        self.name.map { "\(self.rawValue) \($0)" } ?? String(self.rawValue)
    }
}
