// What the server says, Protocol.md §5.4, §6 and §8 to §11.
extension ClientSession {
    /// A frame came on the connection.
    package mutating func received(
        _ frame: ServerFrame,
        on id: ConnectionID,
        _ turn: inout ClientTurn<some RandomNumberGenerator>
    ) {
        self.heard(id, now: turn.now)
        guard let role = self.role(of: id), !self.isAfterError(role) else { return }
        switch role {
        case .opening: self.receivedOnOpening(frame, &turn)
        case .newest: self.receivedOnNewest(frame, &turn)
        case .older: self.receivedOnOlder(frame, &turn)
        }
    }

    /// Before `WELCOME` only signs of life and a refusal may come (Protocol.md [R11.3-2]).
    private mutating func receivedOnOpening(_ frame: ServerFrame, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        switch frame {
        case .welcome(let welcome): self.welcomed(welcome, &turn)
        case .ping(let number):
            // HELLO comes first (Protocol.md [R4.0-1]).
            if self.opening?.isGreeting == true { self.opening?.send(.pong(number), &turn) } else { self.opening?.owedPong = number }
        case .pong: return
        case .error(let error):
            self.opening?.error = error
            self.opening?.deadline = turn.now + ClientTimes.farewell
        case .message, .acknowledge, .gap, .authenticate, .authenticated, .drain: self.fault(.opening, &turn)
        }
    }

    private mutating func receivedOnNewest(_ frame: ServerFrame, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let newest = self.newest, let attachment = newest.attachment else { preconditionFailure("the newest connection is welcomed") }
        switch frame {
        case .welcome: self.fault(.newest, &turn)
        case .message(let message):
            self.take(self.downlink.take(message, epoch: attachment.epoch), .newest, &turn)
        case .gap(let gap):
            self.take(self.downlink.take(gap, epoch: attachment.epoch), .newest, &turn)
        case .acknowledge(let through):
            guard case .confirmed(let tickets) = self.outbox.acknowledged(through: through) else { return self.fault(.newest, &turn) }
            self.confirm(tickets, &turn)
            self.proceed(&turn)
        case .ping(let number): self.newest?.send(.pong(number), &turn)
        case .pong: return
        case .authenticate(let within):
            if self.authentication.asked(on: newest.id) { turn.perform(.obtainToken(.renewal(within: within))) }
        case .authenticated: self.authentication.accepted(on: newest.id)
        case .drain(let drain): self.drain(drain, &turn)
        case .error(let error):
            self.newest?.error = error
            self.newest?.deadline = turn.now + ClientTimes.farewell
        }
    }

    /// What was on its way counts by the same numbers; nothing else does (Protocol.md [R10.1-6], [R10.1-7]).
    private mutating func receivedOnOlder(_ frame: ServerFrame, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let attachment = self.older?.attachment else { preconditionFailure("an older connection is welcomed") }
        switch frame {
        case .welcome: self.fault(.older, &turn)
        case .message(let message):
            self.take(self.downlink.take(message, epoch: attachment.epoch), .older, &turn)
        case .gap(let gap):
            self.take(self.downlink.take(gap, epoch: attachment.epoch), .older, &turn)
        case .acknowledge(let through):
            guard attachment.outbox == self.outbox.id else { return }
            guard case .confirmed(let tickets) = self.outbox.acknowledgedByOlder(through: through) else { return self.fault(.older, &turn) }
            self.confirm(tickets, &turn)
            self.proceed(&turn)
        case .error(let error): self.older?.error = error
        case .ping, .pong, .authenticate, .authenticated, .drain: return
        }
    }

    private mutating func take(_ taking: ClientDownlink.Taking, _ role: Role, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        switch taking {
        case .message(let reference, let message): turn.perform(.deliver(.message(reference, message)))
        case .gap(let reference, let gap): turn.perform(.deliver(.gap(reference, gap)))
        case .dropped: return
        case .fault: self.fault(role, &turn)
        }
    }

    // MARK: WELCOME

    /// The opening connection is attached: it is the newest now (Protocol.md §5.4).
    private mutating func welcomed(_ welcome: Welcome, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard var connection = self.opening, case .greeting(let outbox, let since) = connection.phase,
            welcome.after <= welcome.head, self.identity.client ?? welcome.client == welcome.client
        else { return self.fault(.opening, &turn) }
        connection.phase = .attached(
            ClientConnection.Attachment(
                epoch: welcome.epoch,
                outbox: outbox,
                since: turn.now,
                downlinkWindow: welcome.downlinkWindow,
                uplinkWindow: welcome.uplinkWindow,
                acknowledged: welcome.after
            )
        )
        connection.deadline = nil
        connection.liveness?.adopt(interval: welcome.heartbeat, silence: welcome.silence, now: since)
        connection.liveness?.heard(now: turn.now)
        let previous = self.newest
        if previous?.isHealthy(now: turn.now) == true { self.backoff.reset() }
        self.newest = connection
        self.opening = nil
        self.move = nil
        self.handover = nil
        self.failedResumes = 0
        self.isForcing = false
        if let moment = connection.forced { self.lastForce = moment }
        self.unheeded = nil
        self.endpoints.welcomed(at: connection.endpoint)
        if let told = welcome.endpoints { self.endpoints.adopt(told, over: connection.endpoint) }
        self.adoptIdentity(welcome, &turn)
        let numbering = self.adoptNumbering(welcome, previous, &turn)
        guard self.adoptMark(welcome, after: numbering, &turn) else { return }
        let attachment = ClientAttachment(
            client: welcome.client,
            node: welcome.node,
            endpoint: connection.endpoint,
            limits: welcome.limits,
            retention: welcome.retention
        )
        self.tell(.online(attachment), &turn)
        self.proceed(&turn)
    }

    /// A client that was named, or got a new token, keeps both (Protocol.md [R9.2-2]); whoever is attached is not taken over.
    private mutating func adoptIdentity(_ welcome: Welcome, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        let known = self.identity
        self.identity.client = welcome.client
        self.identity.isTakenOver = false
        if let token = welcome.token {
            self.identity.token = token
            self.authentication.replacedByServer()
        }
        if self.identity != known { _ = self.saveIdentity(.later, &turn) }
    }

    /// What became of the numbering that the client had.
    enum Numbering: Hashable, Sendable {
        /// It goes on, or there was none.
        case kept
        /// It is gone, and the application was told.
        case reset
    }

    /// The stream goes on, or anew; what was the newest connection before is the older one now, or closed.
    private mutating func adoptNumbering(
        _ welcome: Welcome,
        _ previous: ClientConnection?,
        _ turn: inout ClientTurn<some RandomNumberGenerator>
    ) -> Numbering {
        self.letGoOfOlder(&turn)
        #if MUTANTS
        if Mutant.duplicateAfterDrain.isPlanted, previous != nil { self.downlink.forgetTaken() }
        #endif
        let arrival = self.downlink.welcomed(welcome)
        if var previous {
            if arrival == .reset {
                previous.close(.normal, &turn)
            } else {
                previous.deadline = turn.now + ClientTimes.farewell
                self.older = previous
            }
        }
        self.saveProgress(.later, &turn)
        switch (arrival, welcome.resume) {
        case (.reset, .reset(let reason)), (.first, .reset(let reason)):
            turn.perform(.deliver(.reset(reason)))
            return .reset
        case (.reset, .new), (.reset, .resumed), (.reset, .partial):
            turn.perform(.deliver(.reset(ResetReason(""))))
            return .reset
        case (.skipped(let reference, let gap), _):
            turn.perform(.deliver(.gap(reference, gap)))
            return .kept
        case (.first, .new), (.first, .resumed), (.first, .partial), (.same, _):
            return .kept
        }
    }
}
