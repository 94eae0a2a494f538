/// A frame from the server to the client (Protocol.md §4).
package enum ServerFrame: Hashable, Sendable {
    /// `WELCOME {json}`: attached.
    case welcome(Welcome)
    /// `MSG <seq> <time> <payload>`.
    case message(StoredMessage)
    /// `ACK <seq>`: the handler's mark is committed through the number.
    case acknowledge(through: SequenceNumber)
    /// `GAP <from> <to> <reason>`.
    case gap(Gap)
    /// `PING <n>`.
    case ping(UInt64)
    /// `PONG <n>`.
    case pong(UInt64)
    /// `AUTH {"within":ms}`: authenticate again.
    case authenticate(within: Duration)
    /// `AUTH {"ok":true}`: the new token is accepted.
    case authenticated
    /// `DRAIN {json}`: move to another connection.
    case drain(Drain)
    /// `ERROR {json}`: why the connection ends; the last frame.
    case error(ErrorFrame)
}

/// A message as the store keeps it.
package struct StoredMessage: Hashable, Sendable {
    /// Its number in the queue.
    package let sequence: SequenceNumber
    /// The time of its commit.
    package let time: Timestamp
    /// What it carries.
    package let payload: Payload

    /// Joins the parts.
    package init(sequence: SequenceNumber, time: Timestamp, payload: Payload) {
        self.sequence = sequence
        self.time = time
        self.payload = payload
    }
}

/// The contents of `WELCOME` (Protocol.md §4.2).
package struct Welcome: Hashable, Sendable {
    package var client: ClientID
    package var epoch: EpochToken
    package var generation: Generation
    package var resume: Resume
    /// The stream goes on at the number after this one.
    package var after: SequenceNumber
    package var head: SequenceNumber
    /// Highest handled number of the outbox that the hello named; zero when there is none.
    package var mark: SequenceNumber
    package var downlinkWindow: Window
    package var uplinkWindow: Window
    package var heartbeat: Duration
    package var silence: Duration
    package var node: String
    /// A new token for a client that the server names; a secret.
    package var token: String?
    package var endpoints: [String]?
    package var features: [String]
    package var limits: WireLimits
    package var retention: RetentionPolicy

    package init(
        client: ClientID,
        epoch: EpochToken,
        generation: Generation,
        resume: Resume,
        after: SequenceNumber,
        head: SequenceNumber,
        mark: SequenceNumber,
        downlinkWindow: Window = .defaultDownlink,
        uplinkWindow: Window = .defaultUplink,
        heartbeat: Duration = .seconds(20),
        silence: Duration = .seconds(30),
        node: String,
        token: String? = nil,
        endpoints: [String]? = nil,
        features: [String] = [],
        limits: WireLimits = WireLimits(),
        retention: RetentionPolicy = RetentionPolicy()
    ) {
        self.client = client
        self.epoch = epoch
        self.generation = generation
        self.resume = resume
        self.after = after
        self.head = head
        self.mark = mark
        self.downlinkWindow = downlinkWindow
        self.uplinkWindow = uplinkWindow
        self.heartbeat = heartbeat
        self.silence = silence
        self.node = node
        self.token = token
        self.endpoints = endpoints
        self.features = features
        self.limits = limits
        self.retention = retention
    }
}

/// What became of a client's position (Protocol.md §5.2).
package enum Resume: Hashable, Sendable {
    /// There was nothing to resume: a queue that was never attached.
    case new
    /// The stream goes on where the position was.
    case resumed
    /// The stream goes on where the position was, and begins with a gap.
    case partial
    /// The numbering is new.
    case reset(ResetReason)
}

/// Why a numbering is new (Protocol.md §5.2). A client accepts reasons that it does not know.
public struct ResetReason: Hashable, Sendable, CustomStringConvertible {
    /// The word on the wire; empty when the server gave none.
    public let description: String

    /// The server does not know the queue: it was removed, or its lifetime ended.
    public static let unknown = ResetReason("unknown")

    /// The store went back in time.
    public static let rollback = ResetReason("rollback")

    /// The queue has another numbering than the client remembers.
    public static let epoch = ResetReason("epoch")

    /// Wraps a word.
    public init(_ text: String) {
        self.description = text
    }
}

/// The bounds that a server tells in `WELCOME`.
package struct WireLimits: Hashable, Sendable {
    /// The largest payload, in bytes.
    package var message: Int
    /// The most JSON in a `HELLO`, in bytes.
    package var hello: Int
    /// The most JSON in any other frame, in bytes.
    package var json: Int

    package init(message: Int = Limits.defaultMaxPayloadBytes, hello: Int = Limits.maxHelloBytes, json: Int = Limits.maxJSONBytes) {
        self.message = message
        self.hello = hello
        self.json = json
    }
}

/// The contents of `DRAIN` (Protocol.md §4.8).
package struct Drain: Hashable, Sendable {
    /// How long the connection goes on working.
    package var within: Duration
    /// Where to go; nil when the client chooses.
    package var endpoints: [String]?

    package init(within: Duration, endpoints: [String]? = nil) {
        self.within = within
        self.endpoints = endpoints
    }
}

/// The contents of `ERROR` (Protocol.md §4.10).
package struct ErrorFrame: Hashable, Sendable {
    package var code: CloseCode
    /// The code's name on the wire.
    package var name: String
    /// One sentence for people.
    package var message: String
    /// The client does not come back sooner.
    package var retryAfter: Duration?
    /// The client comes back at a random moment within this time.
    package var jitter: Duration?
    /// Whether the client forgets its name, token and position.
    package var forget: Bool

    package init(
        code: CloseCode,
        name: String? = nil,
        message: String,
        retryAfter: Duration? = nil,
        jitter: Duration? = nil,
        forget: Bool = false
    ) {
        self.code = code
        self.name = name ?? code.name ?? "other"
        self.message = message
        self.retryAfter = retryAfter
        self.jitter = jitter
        self.forget = forget
    }
}
