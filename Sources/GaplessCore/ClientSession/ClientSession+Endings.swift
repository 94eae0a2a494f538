// What the end of a connection means, Protocol.md §5.3, §5.6, §9.2, §10.1 and §11.
extension ClientSession {
    /// A connection is gone.
    mutating func end(_ role: Role, _ end: ConnectionEnd, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        switch role {
        case .older: self.older = nil
        case .opening: self.openingEnded(end, &turn)
        case .newest: self.newestEnded(end, &turn)
        }
    }

    private mutating func openingEnded(_ end: ConnectionEnd, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let connection = self.opening else { return }
        self.opening = nil
        self.handover = nil
        let ending = Ending(connection, end, now: turn.now)
        // Protocol.md [R5.6-1]: only the answer to a HELLO counts.
        if connection.isGreeting, ending.code == .internalError { self.failedResumes += 1 }
        // Protocol.md [R5.3-12]: a HELLO with force that was lost or refused for another reason took nothing over.
        if let moment = connection.forced, ending.code == .takenOver { self.lastForce = moment }
        // A refused second connection does not end the first (Protocol.md [R10.1-7]).
        if self.newest == nil { self.react(to: ending, &turn) } else { self.moveFailed(ending, &turn) }
    }

    private mutating func newestEnded(_ end: ConnectionEnd, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let connection = self.newest else { return }
        let ending = Ending(connection, end, now: turn.now)
        self.newest = nil
        self.move = nil
        self.outbox.connectionEnded()
        if ending.isHealthy { self.backoff.reset() }
        if self.goal == .leaving { return self.leaveIfDone(&turn) }
        if let opening = self.opening {
            guard ending.code?.stopsMove == true else {
                // The second connection is on its way; it tells what became of the session.
                self.note(ending, &turn)
                if ending.demand == .startOver { self.unheeded = ending }
                return self.lackConnection(because: ending, besides: opening, &turn)
            }
        }
        self.react(to: ending, &turn)
    }

    /// The second connection is all there is. When the first is told to be superseded while `HELLO` waits for its answer, that `HELLO` has most
    /// likely done it, and another node was faster to say so: the application hears of it only if the answer does not come (Protocol.md §10.1).
    private mutating func lackConnection(
        because ending: Ending,
        besides opening: ClientConnection,
        _ turn: inout ClientTurn<some RandomNumberGenerator>
    ) {
        if ending.code == .superseded, opening.isSpeaking {
            self.handover = turn.now + ClientTimes.handover
        } else {
            self.tell(.connecting(endpoint: opening.endpoint), &turn)
        }
    }

    /// Tells the application that there is no connection, when the answer to the second one's `HELLO` took too long.
    mutating func checkHandover(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let handover = self.handover, handover <= turn.now else { return }
        self.handover = nil
        if let opening = self.opening { self.tell(.connecting(endpoint: opening.endpoint), &turn) }
    }

    /// Keeps what the server said about coming back to where it said it (Protocol.md [R11.2-5]).
    mutating func note(_ ending: Ending, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        if let retryAfter = ending.retryAfter {
            let moment = turn.now + retryAfter.jittered(upTo: ending.jitter, using: &turn.random)
            self.endpoints.postpone(ending.endpoint, until: moment)
        }
        if !ending.isGoodEndpoint { self.endpoints.failed(at: ending.endpoint) }
    }

    /// There is no connection left: what comes next is decided by the range of the code.
    private mutating func react(to ending: Ending, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.note(ending, &turn)
        if self.goal == .leaving { return self.leaveIfDone(&turn) }
        switch ending.demand {
        case .resumeAtOnce:
            let jitter = Duration.zero.jittered(upTo: ending.jitter, using: &turn.random)
            self.resume(after: jitter + self.shortLifeBackoff(ending, &turn), ending, &turn)
        case .resumeLater:
            let wait = self.backoff.next(among: self.endpoints.count, using: &turn.random)
            let isPostponed = ending.retryAfter != nil && !self.endpoints.isAnyOpen(at: turn.now + wait)
            self.resume(after: isPostponed ? .zero : wait, ending, &turn)
        case .startOver:
            self.startOver(ending, &turn)
        case .renewToken:
            guard self.authentication.canRenew else { return self.stop(ending.stopReason, &turn) }
            self.authentication.refused(ending.stopReason)
            self.resume(after: self.shortLifeBackoff(ending, &turn), ending, &turn)
            self.requestToken(.hello, &turn)
        case .stop:
            self.stop(ending.stopReason, &turn)
        case .superseded:
            if ending.isAnswerToHello { self.takeNewInstance(&turn) }
            self.resume(after: self.backoff.next(among: self.endpoints.count, using: &turn.random), ending, &turn)
        case .takenOver:
            self.takenOver(ending, &turn)
        case .resumeWithBackoff:
            self.resume(after: self.backoff.next(among: self.endpoints.count, using: &turn.random), ending, &turn)
        }
    }

    /// Where a connection that lived long resumes at once, one that did not resumes with backoff.
    private mutating func shortLifeBackoff(_ ending: Ending, _ turn: inout ClientTurn<some RandomNumberGenerator>) -> Duration {
        ending.isHealthy ? .zero : self.backoff.next(among: self.endpoints.count, using: &turn.random)
    }

    /// Waits, then connects.
    private mutating func resume(after wait: Duration, _ ending: Ending, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        let moment = self.endpoints.select(at: turn.now + wait)
        self.waiting = moment
        self.tell(.offline(ending.reason, retryAfter: moment - turn.now), &turn)
    }

    /// The position means nothing any more.
    private mutating func startOver(_ ending: Ending, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.forgetPosition(ending, &turn)
        self.resume(after: self.shortLifeBackoff(ending, &turn), ending, &turn)
    }

    /// The second connection was not welcomed either: what the code of the first said counts, before another is opened.
    mutating func heedFormer(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let former = self.unheeded else { return }
        self.forgetPosition(former, &turn)
    }

    /// Forgets the position, and perhaps even the name (Protocol.md §9.2, [R11.2-4]).
    private mutating func forgetPosition(_ ending: Ending, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.unheeded = nil
        if ending.forget {
            self.identity.client = nil
            self.identity.token = nil
            self.authentication.forget()
            _ = self.saveIdentity(.later, &turn)
            self.renewOutbox(&turn)
        }
        self.downlink.forget()
        self.saveProgress(.later, &turn)
        turn.perform(.deliver(.reset(.unknown)))
        self.tellDoubtful(&turn)
    }

    /// It may have been a ghost: once, the client takes over in its turn. Whoever forced lately, or believed it before and was not attached
    /// since, has a rival that is alive (Protocol.md [R5.3-12], [R5.3-15]).
    private mutating func takenOver(_ ending: Ending, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        #if MUTANTS
        if Mutant.forceWithoutLimit.isPlanted {
            self.isForcing = true
            return self.resume(after: self.backoff.next(using: &turn.random), ending, &turn)
        }
        #endif
        let hasForced = self.lastForce.map { turn.now - $0 < ClientTimes.force } ?? false
        guard hasForced || self.identity.isTakenOver else {
            self.isForcing = true
            return self.resume(after: self.backoff.next(among: self.endpoints.count, using: &turn.random), ending, &turn)
        }
        self.identity.isTakenOver = true
        _ = self.saveIdentity(.now, &turn)
        self.stop(ending.stopReason, &turn)
    }

    /// The saved state went back: its attempts are used up (Protocol.md [R5.3-11]).
    mutating func takeNewInstance(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.identity.instance = InstanceID(using: &turn.random)
        self.identity.attempt = nil
        self.downlink.forgetGeneration()
    }

    // MARK: Not coming back

    /// A code said stop: the position and the outbox are kept (Protocol.md [R11.2-3]).
    mutating func stop(_ reason: StopReason, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        if reason.code == .ended, case .ended = self.goal { self.forgetSession(&turn) }
        self.goal = .stopped
        self.closeAll(&turn)
        if self.downlink.isUnsaved { self.saveProgress(.later, &turn) }
        self.tell(.stopped(reason), &turn)
    }

    /// The server confirmed `BYE`: there is nothing to come back to.
    private mutating func forgetSession(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        _ = self.outbox.renew(OutboxID(using: &turn.random))
        let discarded = self.outbox.discardAll()
        if !discarded.isEmpty { turn.perform(.discarded(discarded, .sessionEnded)) }
        _ = self.ledger.record(.outbox(self.outbox.record), .later, &turn)
        self.downlink.forget()
        self.saveProgress(.later, &turn)
    }

    private mutating func closeAll(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.opening?.close(.normal, &turn)
        self.newest?.close(.normal, &turn)
        self.letGoOfOlder(&turn)
        self.opening = nil
        self.newest = nil
        self.move = nil
        self.handover = nil
        self.waiting = nil
        self.outbox.connectionEnded()
    }

    /// Finishes leaving, once what was handled is saved and acknowledged.
    mutating func leaveIfDone(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard self.goal == .leaving else { return }
        self.opening?.close(.normal, &turn)
        self.opening = nil
        self.move = nil
        if self.newest?.isSpeaking == true, !self.downlink.isSettled {
            if !self.downlink.isSaving { self.saveProgress(.now, &turn) }
            guard self.downlink.isSettled else { return }
            self.acknowledge(&turn)
        }
        self.goal = .idle
        self.closeAll(&turn)
        self.tell(.idle, &turn)
    }

    /// Says `BYE` when the application wants it and nothing of its uplink is in doubt (Protocol.md §10.3).
    mutating func sayByeIfDue(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard case .ended(let ending) = self.goal, self.opening == nil, self.newest?.isSpeaking == true else { return }
        guard ending == .immediately || self.outbox.isEmpty else { return }
        self.newest?.send(.bye, &turn)
        self.newest?.attachment?.isEnding = true
        self.move = nil
    }
}

/// What a connection was when it ended, and what was said last.
struct Ending {
    let endpoint: String
    let end: ConnectionEnd
    let error: ErrorFrame?
    /// Whether it lived long enough to count as a success.
    let isHealthy: Bool
    let isAnswerToHello: Bool
    /// What the server said: the code of its `ERROR`, whatever Close followed (Protocol.md [R3.7-5]).
    let code: CloseCode?

    init(_ connection: ClientConnection, _ end: ConnectionEnd, now: Instant) {
        self.endpoint = connection.endpoint
        self.end = end
        self.error = connection.error
        self.isHealthy = connection.isHealthy(now: now)
        self.isAnswerToHello = connection.isGreeting
        if let error = connection.error {
            self.code = error.code
        } else if case .closed(let code) = end {
            self.code = code
        } else {
            self.code = nil
        }
    }

    var demand: Demand { self.code?.demand ?? .resumeWithBackoff }
    // No server keeps a client away for ever by one number. [R11.2-6]
    var retryAfter: Duration? { (self.error?.retryAfter).map { min($0, ClientTimes.patience) } }
    var jitter: Duration { min(self.error?.jitter ?? .zero, ClientTimes.patience) }
    var forget: Bool { self.error?.forget ?? false }
    var stopReason: StopReason { StopReason(code: self.code ?? .abnormal, message: self.message) }

    /// What the server said to people, on one line and without what a terminal or a log would obey.
    private var message: String { self.error?.message.withoutControls ?? "" }

    /// Whether the same endpoint is the best one to come back to: it worked, and it did not send the client away.
    var isGoodEndpoint: Bool {
        self.isHealthy && self.demand == .resumeWithBackoff
    }

    var reason: OfflineReason {
        if let code = self.code, self.error != nil || code.rawValue >= 4000 { return .closed(code, message: self.message) }
        return switch self.end {
        case .closed: .lost
        case .silent: .silent
        case .misbehaved: .serverAtFault
        case .timedOut: .timedOut
        case .outboxRenewed: .outboxRenewed
        case .notMoved: .notMoved
        }
    }
}
