/// What a shell does after it fed a `ServerSession`: write the frames, do the effects, close.
///
/// A shell keeps one, feeds the session one event or a whole batch of them, performs, and empties it with `removeAll`, which keeps
/// the memory: an event without consequences allocates nothing.
package struct ServerSessionOutput: Hashable, Sendable {
    /// Frames in order, to be written as one batch with one flush.
    package var frames: [ServerFrame] = []
    /// What else is to be done, in order.
    package var effects: [ServerSessionEffect] = []
    /// What becomes of the connection, after the frames are written.
    package var close: ServerSessionClose?

    /// Nothing to do.
    package init() {}

    /// Whether there is nothing to do.
    package var isEmpty: Bool { self.frames.isEmpty && self.effects.isEmpty && self.close == nil }

    /// Empties the slots and keeps their memory.
    package mutating func removeAll() {
        self.frames.removeAll(keepingCapacity: true)
        self.effects.removeAll(keepingCapacity: true)
        self.close = nil
    }
}

/// How a connection ends.
package enum ServerSessionClose: Hashable, Sendable {
    /// Send a Close frame with the code and its name as the reason, go on reading, and report what comes of it; the session
    /// discards it. [R3.7-3]
    case handshake(CloseCode)
    /// Close the TCP connection: the peer's Close came (after it was answered as RFC 6455 says), or never will.
    case drop
}

/// What a session wants done outside of itself. Effects carry values; each answer comes back as an event.
package enum ServerSessionEffect: Hashable, Sendable {
    /// Ask the node whether it takes clients (`NodeLogic.admit`); answered by `admitted`.
    case admit
    /// Find out who the client is; answered by `authenticated`. The hello holds a secret.
    case authenticate(Hello)
    /// Find out whom a new token belongs to; answered by `authenticated`. The token is a secret.
    case authenticateAgain(client: ClientID, token: String)
    /// Submit to the store; answered by the notice `attached` or `storeFailed`. When the connection ends meanwhile the answer is still
    /// reported: an attachment that came too late is given back.
    case attach(AttachOperation)
    /// Read from the store; answered by `loaded` or the notice `storeFailed`. At most one is under way.
    case read(ReadRequest)
    /// Submit to the store, joined with others of the same client and fence; answered by the notice `acknowledged` or `storeFailed`.
    case acknowledge(AcknowledgeOperation)
    /// Hand to the client's uplink lane; answered by the notice `handled` or `gaveUp`.
    case deliver(UplinkDelivery)
    /// Submit to the store; answered by the notice `ended` or `storeFailed`.
    case end(EndOperation)
    /// Submit to the store, again and again until it is committed; not answered.
    case detach(DetachOperation)
    /// The fence is lost; the client's handlers may be cancelled (`NodeLogic.displaced`). [R7.2-8]
    case displaced(client: ClientID, fence: Fence)
    /// Tell hooks, log and metrics.
    case observe(SessionObservation)
}

/// A message from a client on its way to the handler.
package struct UplinkDelivery: Hashable, Sendable {
    package var client: ClientID
    /// What the mark is committed under.
    package var fence: Fence
    package var outbox: OutboxID
    package var number: SequenceNumber
    package var payload: Payload

    package init(client: ClientID, fence: Fence, outbox: OutboxID, number: SequenceNumber, payload: Payload) {
        self.client = client
        self.fence = fence
        self.outbox = outbox
        self.number = number
        self.payload = payload
    }
}
