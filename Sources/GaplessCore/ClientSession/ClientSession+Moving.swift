// Make before break, Protocol.md §10.1.
extension ClientSession {
    /// The next moment at which `checkMove` has something to do.
    var moveDeadline: Instant? { self.move?.deadline }

    /// `DRAIN` came on the newest connection.
    mutating func drain(_ drain: Drain, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let newest = self.newest, newest.isSpeaking, self.goal != .leaving else { return }
        let told = self.endpoints.acceptable(drain.endpoints ?? [], over: newest.endpoint)
        self.endpoints.add(told)
        var move = Move(within: drain.within, endpoints: told, backoff: self.backoff, now: turn.now)
        if self.opening != nil { move.step = .opening }
        self.move = move
        self.moveIfSettled(&turn)
    }

    /// Opens the second connection once no handler of the server works for the first (Protocol.md [R10.1-2]).
    mutating func moveIfSettled(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard self.move?.step == .settling, self.outbox.isFlightEmpty else { return }
        self.openSecond(&turn)
    }

    mutating func checkMove(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let move = self.move, let deadline = move.deadline, deadline <= turn.now else { return }
        switch move.step {
        case .settling, .waiting:
            self.openSecond(&turn)
        case .exhausted:
            self.newest?.close(.normal, &turn)
            self.end(.newest, .notMoved, &turn)
        case .opening:
            return
        }
    }

    private mutating func openSecond(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let first = self.newest?.endpoint else { return }
        if self.authentication.need != nil { self.requestToken(.hello, &turn) }
        guard self.authentication.need == nil,
            let endpoint = self.move?.nextEndpoint(from: first, in: self.endpoints, now: turn.now)
        else {
            self.move?.failed(among: self.endpoints.count, now: turn.now, using: &turn.random)
            return
        }
        self.move?.step = .opening
        self.open(endpoint, &turn)
        self.proceedOpening(&turn)
    }

    /// The second connection failed; the first goes on, and another second one is tried while there is time (Protocol.md [R10.1-4]).
    mutating func moveFailed(_ ending: Ending, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.note(ending, &turn)
        switch ending.demand {
        case .renewToken where self.authentication.canRenew:
            self.authentication.refused(ending.stopReason)
            self.requestToken(.hello, &turn)
        case .superseded where ending.isAnswerToHello:
            self.takeNewInstance(&turn)
        case .renewToken, .superseded, .resumeAtOnce, .resumeLater, .startOver, .stop, .takenOver, .resumeWithBackoff:
            break
        }
        self.move?.failed(among: self.endpoints.count, now: turn.now, using: &turn.random)
    }
}
