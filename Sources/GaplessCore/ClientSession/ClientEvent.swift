/// What the application is told, in this order.
package enum ClientEvent: Hashable, Sendable {
    /// A message; the application reports `handled` with the reference when it is done with it.
    case message(EventReference, StoredMessage)
    /// Messages are gone; reported as `handled` like a message.
    case gap(EventReference, Gap)
    /// The numbering is new: some messages may have been missed, others may come again. Needs no report.
    case reset(ResetReason)
    /// The server forgot which uplink messages it had handled; these were sent before and may be handled twice. Needs no report.
    case uplinkMayRepeat([UplinkTicket])
    /// The session's state changed. Needs no report.
    case state(ClientState)
}

/// Names one message or gap towards the session: its highest number, in the numbering that it came in.
package struct EventReference: Hashable, Sendable {
    /// The epoch of the number.
    package let epoch: EpochToken
    /// How many numberings this session saw before; it tells apart an epoch that was left and entered again.
    package let numbering: UInt64
    /// The number of the message, or the last one of the gap.
    package let through: SequenceNumber

    /// Joins the parts.
    package init(epoch: EpochToken, numbering: UInt64, through: SequenceNumber) {
        self.epoch = epoch
        self.numbering = numbering
        self.through = through
    }
}

/// The state of a session as the application sees it.
package enum ClientState: Hashable, Sendable {
    /// Not started, or left by the application.
    case idle
    /// A connection is being opened, and there is no other; a handover that takes no more than a moment is not told.
    case connecting(endpoint: String)
    /// Attached.
    case online(ClientAttachment)
    /// No connection; another attempt is made after the time given.
    case offline(OfflineReason, retryAfter: Duration)
    /// The session does not come back by itself.
    case stopped(StopReason)
}

/// Where a session is attached.
package struct ClientAttachment: Hashable, Sendable {
    /// The client, as the server named it.
    package let client: ClientID
    /// The name of the node, for people.
    package let node: String
    /// The URL.
    package let endpoint: String
    /// The bounds in force.
    package let limits: WireLimits
    /// How much the server keeps for this client.
    package let retention: RetentionPolicy

    /// Joins the parts.
    package init(client: ClientID, node: String, endpoint: String, limits: WireLimits, retention: RetentionPolicy) {
        self.client = client
        self.node = node
        self.endpoint = endpoint
        self.limits = limits
        self.retention = retention
    }
}

/// Why a session is offline for a while.
package enum OfflineReason: Hashable, Sendable {
    /// The server closed with a code, or sent `ERROR` with it; the sentence is for people.
    case closed(CloseCode, message: String)
    /// The connection ended without a code that says more, or could not be opened.
    case lost
    /// Nothing came for too long.
    case silent
    /// The server broke the protocol.
    case serverAtFault
    /// No `WELCOME` came in time.
    case timedOut
    /// The server forgot the outbox; the uplink goes on under a new one.
    case outboxRenewed
    /// The node is about to stop, and no other could be reached in time.
    case notMoved
    /// The application has not yet given a token.
    case awaitingToken
}

/// Why a session stopped; the code's range says whose turn it is (Protocol.md §11.2).
package struct StopReason: Hashable, Sendable {
    /// The code.
    package let code: CloseCode
    /// One sentence for people; empty when the server gave none.
    package let message: String

    /// Joins the two.
    package init(code: CloseCode, message: String) {
        self.code = code
        self.message = message
    }
}
