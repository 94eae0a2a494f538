/// A frame from the client to the server (Protocol.md §4).
package enum ClientFrame: Hashable, Sendable {
    /// `HELLO {json}`: who I am, how far I got. The first frame, and only the first.
    case hello(Hello)
    /// `MSG <seq> <payload>`: an uplink message; `sequence` counts in the outbox.
    case message(sequence: SequenceNumber, payload: Payload)
    /// `ACK <seq>`: everything through the number was handled.
    case acknowledge(through: SequenceNumber)
    /// `PING <n>`.
    case ping(UInt64)
    /// `PONG <n>`.
    case pong(UInt64)
    /// `AUTH {"token":"..."}`: a new proof of identity.
    case authenticate(token: String)
    /// `BYE`: end the session, remove the queue.
    case bye
}

/// The contents of `HELLO` (Protocol.md §4.1).
package struct Hello: Hashable, Sendable {
    /// The queue to attach to; nil only where the server names clients.
    package var client: ClientID?
    /// How far the client got; nil when it has no position.
    package var position: Position?
    /// How far the client took above the position, in its epoch; nil when everything taken is handled.
    package var taken: Taken?
    /// The generation last held, in the epoch of the position.
    package var held: Generation?
    /// The client object in its process.
    package var instance: InstanceID
    /// Which connection of the instance this is.
    package var attempt: Attempt
    /// The outbox that uplink messages will be numbered in; nil when the client sends none.
    package var outbox: OutboxID?
    /// The downlink window that the client wishes.
    package var window: Window?
    /// How long the client wishes its queue to be kept after detach.
    package var keep: Duration?
    /// Whether the queue is to be taken over even from a live other instance.
    package var force: Bool
    /// Proof of identity; a secret.
    package var token: String?
    /// Optional parts of the protocol that the client can do.
    package var features: [String]
    /// Name and version of the client's software.
    package var agent: String?

    /// The required parts, and those of the optional ones that are given.
    package init(
        client: ClientID?,
        position: Position? = nil,
        taken: Taken? = nil,
        held: Generation? = nil,
        instance: InstanceID,
        attempt: Attempt,
        outbox: OutboxID? = nil,
        window: Window? = nil,
        keep: Duration? = nil,
        force: Bool = false,
        token: String? = nil,
        features: [String] = [],
        agent: String? = nil
    ) {
        self.client = client
        self.position = position
        self.taken = taken
        self.held = held
        self.instance = instance
        self.attempt = attempt
        self.outbox = outbox
        self.window = window
        self.keep = keep
        self.force = force
        self.token = token
        self.features = features
        self.agent = agent
    }
}
