// The states of a connection before it is attached, each with what it knows.

extension ServerSession {
    /// The WebSocket is open; no `HELLO` yet.
    struct AwaitingHello {
        let configuration: ServerSessionConfiguration
        var link: Link
        let opened: Instant

        init(configuration: ServerSessionConfiguration, now: Instant) {
            self.configuration = configuration
            self.link = Link(configuration, now: now)
            self.opened = now
        }

        var deadline: Instant { self.opened + self.configuration.helloDeadline }

        /// Judges the first frame: a hello, or why the connection ends.
        func received(_ frame: ClientFrame) -> Result<Hello, SessionEnding> {
            guard case .hello(let hello) = frame else {
                return .failure(SessionEnding(.outOfOrder, "HELLO comes first."))  // [R4.0-3]
            }
            switch (hello.client, self.configuration.namesClients) {
            case (nil, false):
                return .failure(SessionEnding(.malformed, "HELLO names no client."))  // [R9.1-5]
            case (.some, true) where hello.token == nil:
                return .failure(.unknownClient)  // [R9.2-3]
            case (.some, _), (nil, true):
                return .success(hello)
            }
        }
    }

    /// `HELLO` came; whether and as whom it may attach is being found out.
    struct Greeted {
        let configuration: ServerSessionConfiguration
        var link: Link
        let opened: Instant
        let hello: Hello
        /// When the one who is asked, the authenticator or the store, takes too long.
        var deadline: Instant

        init(_ state: AwaitingHello, hello: Hello, now: Instant) {
            self.configuration = state.configuration
            self.link = state.link
            self.opened = state.opened
            self.hello = hello
            self.deadline = now + state.configuration.answerDeadline
        }

        /// Judges a frame that comes between `HELLO` and `WELCOME`. [R4.0-3]
        mutating func received(_ frame: ClientFrame, now: Instant, into output: inout ServerSessionOutput) -> SessionEnding? {
            switch frame {
            case .ping(let number):
                self.link.pong(number, now: now, into: &output)
                return nil
            case .pong:
                return nil
            case .hello:
                return SessionEnding(.outOfOrder, "HELLO comes once.")
            case .message, .acknowledge, .authenticate, .bye:
                return SessionEnding(.outOfOrder, "Nothing but PING and PONG may come before WELCOME.")
            }
        }

        /// Judges the authenticator's answer. [R9.1-1 to R9.1-4]
        func authenticated(_ outcome: AuthenticationOutcome, wallClock: Timestamp, now: Instant) -> Result<Proof, SessionEnding> {
            switch (outcome, self.hello.client) {
            case (.refused(let ending), _):
                return .failure(ending)
            case (.proved(let identity), .some(let client)):
                if let ending = SessionEnding(judging: identity, for: client, wallClock: wallClock) {
                    return .failure(ending)
                }
                return .success(Proof(client: client, token: nil, expires: identity.expires(wallClock: wallClock, now: now)))
            case (.unneeded, .some(let client)):
                return .success(Proof(client: client, token: nil, expires: nil))
            case (.named(let name, let token), let client):
                guard client == nil || client == name else { return .failure(.unknownClient) }
                return .success(Proof(client: name, token: token, expires: nil))
            case (.proved, nil), (.unneeded, nil):
                return .failure(SessionEnding(.malformed, "HELLO names no client."))
            }
        }
    }

    /// What an authenticator's answer came to.
    struct Proof {
        let client: ClientID
        /// To be told in `WELCOME`.
        let token: String?
        let expires: Instant?
    }

    /// Authenticated; the store is asked.
    struct Attaching {
        var greeted: Greeted
        let proof: Proof

        init(_ greeted: Greeted, proof: Proof, now: Instant) {
            self.greeted = greeted
            self.greeted.deadline = now + greeted.configuration.answerDeadline
            self.proof = proof
        }

        var operation: AttachOperation {
            AttachOperation(
                client: self.proof.client,
                node: self.greeted.configuration.node,
                instance: self.greeted.hello.instance,
                attempt: self.greeted.hello.attempt,
                position: self.greeted.hello.position,
                taken: self.greeted.hello.taken,
                held: self.greeted.hello.held,
                outbox: self.greeted.hello.outbox,
                force: self.greeted.hello.force,
                keep: self.greeted.hello.keep
            )
        }

        /// What a notice says about the attach.
        enum Answer {
            case attached(Attachment)
            case refused(SessionEnding)
            /// It is about something else.
            case nothing
        }

        /// Judges the store's answer.
        func answer(in notice: SessionNotice) -> Answer {
            switch notice {
            case .attached(.attached(let attachment)):
                .attached(attachment)
            case .attached(.late):
                .refused(SessionEnding(.superseded, "This attempt is late."))  // [R5.3-2]
            case .attached(.rival):
                .refused(SessionEnding(.takenOver, "Another instance holds this client."))  // [R5.3-3]
            case .attached(.tooManyClients):
                .refused(SessionEnding(.tooManyClients, "The user has no room for another client."))
            case .attached(.tooManyQueues):
                .refused(self.ending(.overloaded, "The store has no room for another queue."))
            case .attached(.tooManyNewQueues):
                .refused(self.ending(.rateLimited, "Too many new clients come from this address."))  // [R5.1-5]
            case .attached(.sentAway(let code)):
                .refused(SessionEnding(sentAway: code))
            case .storeFailed(.attach):
                .refused(SessionEnding(.storeUnavailable, "The store cannot be reached."))  // [R5.1-4]
            case .acknowledged, .ended, .storeFailed, .committed, .news, .look, .displaced, .removed, .handled, .gaveUp, .drain, .close:
                .nothing
            }
        }

        /// A refusal that passes.
        private func ending(_ code: CloseCode, _ message: String) -> SessionEnding {
            let configuration = self.greeted.configuration
            return SessionEnding(code, message, retryAfter: configuration.retryAfter, jitter: configuration.retryJitter)
        }
    }
}

extension SessionEnding {
    /// An operator removed the queue; nothing is left to detach.
    init(removedByOperator code: CloseCode) {
        self = SessionEnding(sentAway: code).displaced
    }

    /// The token of a client that the server named cannot be verified. [R9.2-3]
    static let unknownClient = SessionEnding(.unknownClient, "The client token cannot be verified.", forget: true)

    /// Why a genuine proof does not allow to attach as the client; nil when it does.
    init?(judging identity: Identity, for client: ClientID, wallClock: Timestamp) {
        if client.user != identity.user {
            self.init(.wrongUser, "The token belongs to another user.")  // [R9.1-2]
        } else if !identity.allows(client) {
            self.init(.forbidden, "The token is not good for this device.")  // [R9.1-3]
        } else if let expires = identity.expires, expires <= wallClock {
            self.init(.tokenExpired, "The token has expired.")  // [R9.1-4]
        } else {
            return nil
        }
    }
}

extension Identity {
    /// The end of the proof on the monotonic clock; nil when it does not end.
    func expires(wallClock: Timestamp, now: Instant) -> Instant? {
        guard let expires = self.expires else { return nil }
        // A proof that ends in centuries does not end: the monotonic clock does not reach that far.
        let limit: UInt64 = 100 * 365 * 86_400_000
        guard expires.milliseconds < wallClock.milliseconds + limit else { return nil }
        return now + .milliseconds(Int64(expires.milliseconds) - Int64(wallClock.milliseconds))
    }
}
