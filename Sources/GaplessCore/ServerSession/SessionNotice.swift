/// What the rest of the node tells a session: answers of the store, news, and orders. A plain value, so that it can cross threads.
package enum SessionNotice: Hashable, Sendable {
    /// The answer to `attach`.
    case attached(AttachReceipt)
    /// The answer to `acknowledge`, with the operation as it was committed (joined with others).
    case acknowledged(AcknowledgeOperation, AcknowledgeReceipt)
    /// The answer to `end`.
    case ended(EndReceipt)
    /// The store did not do it, or nobody knows whether it did.
    case storeFailed(StoreWork)
    /// A message for this client was committed, and who holds the queue since.
    case committed(CommittedMessage)
    /// There may be something new behind the cursor.
    case news
    /// The attachment may be displaced: ask the store.
    case look
    /// The attachment is displaced.
    case displaced(FenceRefusal)
    /// An operator removed or sent away the client.
    case removed(CloseCode)
    /// Uplink messages through this number are handled, and their mark is committed.
    case handled(through: SequenceNumber)
    /// The handler gave up on a message and the service decided to close.
    case gaveUp
    /// Ask the client to move, and close when the time is over. [R10.1-8, R10.1-9]
    case drain(DrainOrder)
    /// Close now.
    case close(SessionEnding)
}

/// Which of a session's requests failed.
package enum StoreWork: Hashable, Sendable {
    case attach
    case read
    case acknowledge(AcknowledgeOperation)
    case end
}

/// A message fresh from its commit, for the one connection that may be handed it.
package struct CommittedMessage: Hashable, Sendable {
    package var message: StoredMessage
    /// Who is attached since the commit; the message is handed to this fence only.
    package var fence: Fence
    /// The highest number that gave way in the same commit, if any did.
    package var discardedThrough: SequenceNumber?

    package init(message: StoredMessage, fence: Fence, discardedThrough: SequenceNumber? = nil) {
        self.message = message
        self.fence = fence
        self.discardedThrough = discardedThrough
    }
}

/// How a connection is moved away.
package struct DrainOrder: Hashable, Sendable {
    /// How long the connection goes on working.
    package var within: Duration
    /// Where to go; nil when the client chooses.
    package var endpoints: [String]?
    /// What it is closed with when the time is over: 4000, or 4001 after a rebalance.
    package var code: CloseCode
    /// `jitter` of that close.
    package var jitter: Duration

    package init(within: Duration, endpoints: [String]? = nil, code: CloseCode = .draining, jitter: Duration) {
        self.within = within
        self.endpoints = endpoints
        self.code = code
        self.jitter = jitter
    }
}

/// Why and how a connection is ended by the server: the contents of its `ERROR` (Protocol.md §3.7).
package struct SessionEnding: Error, Hashable, Sendable {
    package var error: ErrorFrame
    /// Whether the connection lost its fence, so that nothing is left to detach.
    package var isDisplaced: Bool

    /// - Parameter message: one sentence for people; an authenticator's may be of any length, and is cut to what fits into the frame.
    package init(_ code: CloseCode, _ message: String, retryAfter: Duration? = nil, jitter: Duration? = nil, forget: Bool = false) {
        let sentence = message.prefix(utf8Bytes: Limits.maxErrorMessageBytes)
        self.error = ErrorFrame(code: code, message: sentence, retryAfter: retryAfter, jitter: jitter, forget: forget)
        self.isDisplaced = false
    }

    /// The connection is displaced. [R5.3-5]
    ///
    /// - Parameter instance: the displaced connection's own.
    package init(displacedBy refusal: FenceRefusal, instance: InstanceID) {
        switch refusal {
        case .gone:
            self.init(.queueRemoved, "The queue was removed.")
        case .otherEpoch:
            self.init(.fenceChanged, "The queue has another numbering than this connection.")
        case .newer(_, instance: let newer):
            // Protocol.md [R5.3-5]: nobody may hold the queue any more; then there is no rival to tell of.
            if newer == nil || newer == instance {
                self.init(.superseded, "A newer connection of this instance has attached.")
            } else {
                self.init(.takenOver, "Another instance has attached as this client.")
            }
        }
        self.isDisplaced = true
    }

    /// An operator sent the client away; what the connection holds it gives back.
    init(sentAway code: CloseCode) {
        self.init(code, "An operator sent this client away.")
    }

    /// The same, of a connection that lost its fence.
    var displaced: SessionEnding {
        var ending = self
        ending.isDisplaced = true
        return ending
    }
}

/// Whether a node takes a client now.
package enum Admission: Hashable, Sendable {
    case accepted
    /// 4100, 4101 or 4102, before the store is touched. [R5.1-3, R5.1-4]
    case refused(SessionEnding)
}

/// Who a client proved to be.
package enum AuthenticationOutcome: Hashable, Sendable {
    /// The proof is genuine. Whether it is good for the client that it comes with is the session's to judge.
    case proved(Identity)
    /// Nobody needs a proof here.
    case unneeded
    /// The server names its clients: the name, new or known by its token, and the token to be told in `WELCOME`. [R9.2-1]
    case named(ClientID, token: String)
    /// No proof, or one that does not count: 4200 with `forget`, 4300, 4302 or 4450; or it cannot be checked now: 4103.
    case refused(SessionEnding)
}
