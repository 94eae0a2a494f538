/// How a connection ended.
enum ConnectionEnd: Hashable, Sendable {
    /// It was closed by the other side, with a code or without, or it was lost.
    case closed(CloseCode?)
    /// Nothing came for too long.
    case silent
    /// The server broke a rule.
    case misbehaved
    /// No `WELCOME` came in time.
    case timedOut
    /// The outbox is another one now, and only a new `HELLO` can tell.
    case outboxRenewed
    /// It was to be left for another one, and its server did not close it.
    case notMoved
}

// The life of connections, Protocol.md §5.3, §8, §11 and §12.2.
extension ClientSession {
    /// What a connection is to the session.
    package enum Role: String, Hashable, Sendable {
        /// Not welcomed yet.
        case opening
        /// The newest that was welcomed.
        case newest
        /// The one welcomed before.
        case older
    }

    /// The subprotocol that both sides have to agree on (Protocol.md §3.1).
    package static let subprotocol = "gapless.v1"

    /// What the connection is to the session; nil when it is nothing to it any more.
    package func role(of id: ConnectionID) -> Role? {
        if self.newest?.id == id { return .newest }
        if self.opening?.id == id { return .opening }
        return self.older?.id == id ? .older : nil
    }

    // MARK: What the shell reports

    /// The WebSocket is open; the server selected the subprotocol, or none.
    package mutating func opened(
        _ id: ConnectionID,
        subprotocol: String?,
        _ turn: inout ClientTurn<some RandomNumberGenerator>
    ) {
        guard self.opening?.id == id, case .connecting = self.opening?.phase else { return }
        guard subprotocol == Self.subprotocol else {
            self.opening?.close(.normal, &turn)
            return self.end(.opening, .closed(nil), &turn)
        }
        if self.downlink.isUnsaved { self.saveProgress(.now, &turn) }
        self.opening?.liveness = Heartbeat(beforeWelcomeAt: turn.now)
        self.opening?.phase = .opened(self.downlink.newestSave ?? self.ledger.saved)
        self.proceed(&turn)
    }

    /// The WebSocket could not be opened; `retryAfter` is what the server's answer to the handshake asked for, if it did.
    package mutating func connectFailed(
        _ id: ConnectionID,
        retryAfter: Duration?,
        _ turn: inout ClientTurn<some RandomNumberGenerator>
    ) {
        guard let opening = self.opening, opening.id == id else { return }
        if let retryAfter { self.endpoints.postpone(opening.endpoint, until: turn.now + retryAfter) }
        self.end(.opening, .closed(nil), &turn)
    }

    /// The connection is closed: with the code of the other side's Close, or without one.
    package mutating func closed(
        _ id: ConnectionID,
        code: CloseCode?,
        _ turn: inout ClientTurn<some RandomNumberGenerator>
    ) {
        guard let role = self.role(of: id) else { return }
        self.end(role, .closed(code), &turn)
    }

    /// Something came that is no frame of this version: an unknown keyword, or a control frame of the WebSocket.
    package mutating func signOfLife(_ id: ConnectionID, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.heard(id, now: turn.now)
    }

    /// Something came that cannot be read (Protocol.md [R3.3-3]).
    package mutating func misread(_ id: ConnectionID, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.heard(id, now: turn.now)
        guard let role = self.role(of: id), !self.isAfterError(role) else { return }
        self.fault(role, &turn)
    }

    /// The network is another one, the machine woke, or the application became visible: every connection has to prove that it works.
    package mutating func probe(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.newest?.probe(&turn)
        guard let opening = self.opening else { return }
        if opening.isSpeaking {
            self.opening?.probe(&turn)
        } else if let deadline = opening.deadline {
            self.opening?.deadline = min(deadline, turn.now + Heartbeat.probeTime)
        }
    }

    // MARK: Opening

    /// Opens the next connection when its time has come and nothing stands against it.
    mutating func connectIfDue(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let waiting = self.waiting, waiting <= turn.now, self.opening == nil, self.newest == nil else { return }
        guard self.authentication.need == nil else {
            self.requestToken(.hello, &turn)
            if case .idle = self.state { self.tell(.offline(.awaitingToken, retryAfter: .zero), &turn) }
            return
        }
        self.waiting = nil
        self.open(self.endpoints.current, &turn)
        self.proceed(&turn)
    }

    /// Counts an attempt and opens a connection as soon as the count is saved (Protocol.md [R4.1-7]).
    mutating func open(_ endpoint: String, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.heedFormer(&turn)
        if self.newest != nil { self.letGoOfOlder(&turn) }
        if let attempt = self.identity.attempt, attempt.rawValue == Limits.maxInteger { self.takeNewInstance(&turn) }
        let attempt = self.identity.attempt?.next ?? .first
        self.identity.attempt = attempt
        if self.downlink.isUnsaved { self.saveProgress(.now, &turn) }
        let version = self.saveIdentity(.now, &turn)
        self.opening = ClientConnection(id: self.nextConnectionID(), attempt: attempt, endpoint: endpoint, recording: version)
        if self.newest == nil { self.tell(.connecting(endpoint: endpoint), &turn) }
    }

    /// Takes the opening connection as far as what is durable lets it.
    mutating func proceedOpening(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let opening = self.opening else { return }
        switch opening.phase {
        case .recording(let version) where self.ledger.holds(version):
            self.opening?.phase = .connecting
            self.opening?.deadline = turn.now + self.configuration.connectDeadline
            turn.perform(.connect(opening.id, endpoint: opening.endpoint))
        case .opened(let version) where self.ledger.holds(version):
            self.sayHello(opening, &turn)
        case .recording, .connecting, .opened, .greeting, .attached:
            return
        }
    }

    /// Says who the client is and how far it got (Protocol.md §4.1).
    private mutating func sayHello(_ opening: ClientConnection, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        // What is told counts as an acknowledgement, so it is what is saved; after failed resumes, nothing (Protocol.md [R5.6-2]).
        let progress = self.failedResumes < ClientTimes.failedResumes ? self.downlink.saved : ClientProgress()
        let hello = Hello(
            client: self.identity.client,
            position: progress.position,
            taken: self.downlink.taken(above: progress.position),
            held: progress.position == nil ? nil : progress.held,
            instance: self.identity.instance,
            attempt: opening.attempt,
            outbox: self.outbox.id,
            window: self.configuration.window,
            keep: self.configuration.keep,
            force: self.isForcing,
            token: self.authentication.token ?? self.identity.token,
            features: self.configuration.features,
            agent: self.configuration.agent
        )
        if self.isForcing {
            self.isForcing = false
            self.opening?.forced = turn.now
        }
        self.opening?.phase = .greeting(outbox: self.outbox.id, since: turn.now)
        #if MUTANTS
        if Mutant.positionTaken.isPlanted { return self.opening?.send(.hello(hello.telling(self.downlink.taken)), &turn) ?? () }
        if Mutant.takenUntold.isPlanted { return self.opening?.send(.hello(hello.withoutTaken), &turn) ?? () }
        #endif
        self.opening?.send(.hello(hello), &turn)
        if let number = opening.owedPong { self.opening?.send(.pong(number), &turn) }
    }

    // MARK: Deadlines

    mutating func checkOpening(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let opening = self.opening else { return }
        if let deadline = opening.deadline, deadline <= turn.now {
            if opening.error != nil { return self.abandon(.opening, &turn) }
            guard Heartbeat.maxLateness < turn.now - deadline, !opening.isOverdue else {
                self.opening?.close(.normal, &turn)
                return self.end(.opening, .timedOut, &turn)
            }
            // The answer may lie in the socket, unread (Protocol.md [R8-5]).
            self.opening?.isOverdue = true
            self.opening?.deadline = turn.now + Heartbeat.probeTime
            self.opening?.probe(&turn)
        }
        if opening.isSpeaking, self.opening?.checkLiveness(&turn) == true { self.fallSilent(.opening, &turn) }
    }

    mutating func checkNewest(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let newest = self.newest else { return }
        guard newest.error == nil else {
            if let deadline = newest.deadline, deadline <= turn.now { self.abandon(.newest, &turn) }
            return
        }
        if self.newest?.checkLiveness(&turn) == true { self.fallSilent(.newest, &turn) }
    }

    mutating func checkOlder(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let deadline = self.older?.deadline, deadline <= turn.now else { return }
        self.letGoOfOlder(&turn)
    }

    mutating func letGoOfOlder(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.older?.close(.normal, &turn)
        self.older = nil
    }

    /// Ends a connection on which no Close followed the `ERROR` (Protocol.md §3.7).
    private mutating func abandon(_ role: Role, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.connection(role)?.close(.normal, &turn)
        self.end(role, .closed(nil), &turn)
    }

    private mutating func fallSilent(_ role: Role, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.connection(role)?.close(.silent, &turn)
        self.end(role, .silent, &turn)
    }

    /// The server broke a rule: the connection is closed with 4400, and the position makes it safe to come back (Protocol.md §11.3).
    mutating func fault(_ role: Role, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.connection(role)?.close(.malformed, &turn)
        self.end(role, .misbehaved, &turn)
    }

    func connection(_ role: Role) -> ClientConnection? {
        switch role {
        case .opening: self.opening
        case .newest: self.newest
        case .older: self.older
        }
    }

    func isAfterError(_ role: Role) -> Bool {
        self.connection(role)?.error != nil
    }

    mutating func heard(_ id: ConnectionID, now: Instant) {
        switch self.role(of: id) {
        case .opening: self.opening?.liveness?.heard(now: now)
        case .newest: self.newest?.liveness?.heard(now: now)
        case .older, nil: return
        }
    }
}
