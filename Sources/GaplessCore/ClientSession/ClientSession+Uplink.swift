// The way up, Protocol.md §7.
extension ClientSession {
    /// The application sends a message; it waits in the outbox until the server handled it.
    ///
    /// - Throws: `UplinkRefusal` when it is too large, the outbox is full, or the session is ending; then nothing was promised.
    package mutating func enqueue(
        _ payload: Payload,
        _ turn: inout ClientTurn<some RandomNumberGenerator>
    ) throws(UplinkRefusal) -> UplinkTicket {
        if case .ended = self.goal { throw .sessionEnded }
        guard payload.count <= self.maxPayloadBytes else { throw .tooLarge(limit: self.maxPayloadBytes) }
        let ticket = try self.outbox.enqueue(
            payload,
            maxMessages: self.configuration.maxQueuedMessages,
            maxBytes: self.configuration.maxQueuedBytes
        )
        _ = self.ledger.record(.queued(payload), .now, &turn)
        self.flush(&turn)
        return ticket
    }

    /// Writes what the window lets out, after its numbers are saved (Protocol.md [R7.1-1], [R7.1-2]).
    mutating func flush(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        // While the connection is to be left, what was not sent on it waits for the second one (Protocol.md [R10.1-1]).
        guard self.move == nil, self.goal != .leaving, self.newest?.isSpeaking == true,
            let window = self.newest?.attachment?.uplinkWindow
        else { return }
        self.write(within: window, &turn)
        guard let through = self.outbox.number(within: window) else { return }
        self.outbox.saving(self.ledger.record(.assigned(through: through), .now, &turn))
        self.outbox.saved(through: self.ledger.saved)
        self.write(within: window, &turn)
    }

    private mutating func write(within window: Window, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        while let message = self.outbox.next(within: window) {
            self.newest?.send(.message(sequence: message.sequence, payload: message.payload), &turn)
        }
    }

    /// Tells the application that the server handled the messages.
    mutating func confirm(_ tickets: [UplinkTicket], _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard !tickets.isEmpty else { return }
        _ = self.ledger.record(.acknowledged(through: self.outbox.acknowledged), .later, &turn)
        turn.perform(.confirmed(tickets))
    }

    /// Takes the mark and the limit of a `WELCOME`. Returns whether the uplink can go on over this connection; if not, it is closed.
    mutating func adoptMark(
        _ welcome: Welcome,
        after numbering: Numbering,
        _ turn: inout ClientTurn<some RandomNumberGenerator>
    ) -> Bool {
        self.maxPayloadBytes = welcome.limits.message
        let acknowledged = self.outbox.acknowledged
        switch self.outbox.welcomed(mark: welcome.mark) {
        case .confirmed(let tickets):
            if tickets.isEmpty, acknowledged < welcome.mark {
                // The record went back behind what it once knew; it goes on from the mark.
                _ = self.ledger.record(.acknowledged(through: welcome.mark), .later, &turn)
            }
            self.confirm(tickets, &turn)
            guard self.outbox.hasNumbered(above: welcome.limits.message) else {
                if numbering == .reset { self.tellDoubtful(&turn) }
                self.discardTooLarge(&turn)
                return true
            }
        case .forgotten, .fault:
            break
        }
        // The numbers cannot go on: a new outbox, and a new HELLO to tell it (Protocol.md §7.4).
        self.renewOutbox(&turn)
        self.discardTooLarge(&turn)
        self.letGoOfOlder(&turn)
        self.newest?.close(.normal, &turn)
        self.end(.newest, .outboxRenewed, &turn)
        return false
    }

    /// The numbering of the outbox starts anew, under a new id, and the application is told (Protocol.md [R7.4-2], [R7.4-3]).
    mutating func renewOutbox(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        let doubtful = self.outbox.renew(OutboxID(using: &turn.random))
        _ = self.ledger.record(.outbox(self.outbox.record), .later, &turn)
        turn.perform(.deliver(.uplinkMayRepeat(doubtful)))
    }

    /// With the numbering of the queue the marks may be gone: what was sent and not acknowledged may be handled twice (Protocol.md [R7.4-4]).
    mutating func tellDoubtful(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        let doubtful = self.outbox.doubtful
        if !doubtful.isEmpty { turn.perform(.deliver(.uplinkMayRepeat(doubtful))) }
    }

    /// Messages that were queued before the limit was known, or under a larger one, can never be sent (Protocol.md [R4.3-3]).
    private mutating func discardTooLarge(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        let tickets = self.outbox.discard(above: self.maxPayloadBytes)
        guard !tickets.isEmpty else { return }
        _ = self.ledger.record(.outbox(self.outbox.record), .later, &turn)
        turn.perform(.discarded(tickets, .tooLarge(limit: self.maxPayloadBytes)))
    }
}
