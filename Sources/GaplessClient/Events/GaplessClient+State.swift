public import GaplessCore

extension GaplessClient {
    /// Whether the client is connected, and if not, why and for how long.
    @nonexhaustive
    public enum State: Hashable, Sendable {
        /// Not started, or left.
        case idle
        /// A connection is being opened, and there is no other. During a move the old one may end a moment before the new one is welcomed; that
        /// moment is not told.
        case connecting(endpoint: String)
        /// Attached: messages flow.
        case online(Attachment)
        /// No connection; the client comes back by itself.
        case offline(Absence)
        /// The client does not come back by itself.
        case stopped(CloseCode, message: String)
    }

    /// Where a client is attached.
    public struct Attachment: Hashable, Sendable {
        /// The client, as the server names it.
        public let client: ClientID
        /// The name of the node, for people.
        public let node: String
        /// The URL.
        public let endpoint: String
        /// The largest message that the server takes, in bytes.
        public let maxMessageBytes: Int
        /// How much the server keeps for this client.
        public let retention: RetentionPolicy
    }

    /// Why a client is offline for a while.
    public struct Absence: Hashable, Sendable {
        /// What ended the last connection, or stands against the next; more causes may come.
        public struct Cause: Hashable, Sendable, CustomStringConvertible {
            /// The cause's name.
            public let description: String

            /// The server closed the connection; see `closeCode`.
            public static let closed = Cause(description: "closed")
            /// The connection broke, or none could be opened.
            public static let lost = Cause(description: "lost")
            /// Nothing came for too long.
            public static let silent = Cause(description: "silent")
            /// The server broke the protocol.
            public static let serverAtFault = Cause(description: "serverAtFault")
            /// The server did not answer in time.
            public static let timedOut = Cause(description: "timedOut")
            /// The server forgot what it had of this client's messages; they go on under a new numbering.
            public static let outboxRenewed = Cause(description: "outboxRenewed")
            /// The node stops, and no other could be reached in time.
            public static let notMoved = Cause(description: "notMoved")
            /// The provider of tokens has not answered yet.
            public static let awaitingToken = Cause(description: "awaitingToken")
        }

        /// The cause.
        public let cause: Cause
        /// The code that the server closed with.
        public let closeCode: CloseCode?
        /// What the server said about it, or what the network did, for people; may be empty.
        public let message: String
        /// How long until the next attempt.
        public let retryAfter: Duration
    }
}

extension GaplessClient.State {
    /// What a session's state is to the application.
    init(_ state: GaplessCore.ClientState) {
        switch state {
        case .idle: self = .idle
        case .connecting(let endpoint): self = .connecting(endpoint: ClientEndpoint.withoutSecrets(endpoint))
        case .online(let attachment):
            self = .online(
                GaplessClient.Attachment(
                    client: attachment.client,
                    node: attachment.node,
                    endpoint: attachment.endpoint,
                    maxMessageBytes: attachment.limits.message,
                    retention: attachment.retention
                )
            )
        case .offline(let reason, let retryAfter): self = .offline(GaplessClient.Absence(reason, retryAfter: retryAfter))
        case .stopped(let reason): self = .stopped(reason.code, message: reason.message)
        }
    }
}

extension GaplessClient.Absence {
    fileprivate init(_ reason: OfflineReason, retryAfter: Duration) {
        var closeCode: CloseCode?
        var text = ""
        let cause: Cause
        switch reason {
        case .closed(let code, let message):
            cause = .closed
            closeCode = code
            text = message
        case .lost: cause = .lost
        case .silent: cause = .silent
        case .serverAtFault: cause = .serverAtFault
        case .timedOut: cause = .timedOut
        case .outboxRenewed: cause = .outboxRenewed
        case .notMoved: cause = .notMoved
        case .awaitingToken: cause = .awaitingToken
        }
        self.init(cause: cause, closeCode: closeCode, message: text, retryAfter: retryAfter)
    }
}

extension GaplessClient.Event {
    /// The event with what went wrong below the protocol, where the protocol says nothing.
    func explained(by fault: String) -> GaplessClient.Event {
        guard case .state(.offline(let absence)) = self, absence.message.isEmpty else { return self }
        switch absence.cause {
        case .lost, .serverAtFault: return .state(.offline(absence.explained(by: fault)))
        default: return self
        }
    }
}

extension GaplessClient.Absence {
    fileprivate func explained(by fault: String) -> GaplessClient.Absence {
        GaplessClient.Absence(cause: self.cause, closeCode: self.closeCode, message: fault, retryAfter: self.retryAfter)
    }
}
