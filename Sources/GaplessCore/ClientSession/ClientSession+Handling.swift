// What the application has done, and its acknowledgement: Protocol.md §6.3.
extension ClientSession {
    /// The application is done with one message or gap; the position moves when it is done with everything before it as well.
    ///
    /// - Parameter bookmark: A number of the application's own that is saved with the position as soon as this belongs to it.
    package mutating func handled(
        _ reference: EventReference,
        bookmark: UInt64? = nil,
        _ turn: inout ClientTurn<some RandomNumberGenerator>
    ) {
        self.downlink.handled(reference, bookmark: bookmark, now: turn.now)
        self.acknowledge(&turn)
        self.leaveIfDone(&turn)
    }

    /// The application is done with the message or gap and with everything before it.
    package mutating func handled(
        through reference: EventReference,
        bookmark: UInt64? = nil,
        _ turn: inout ClientTurn<some RandomNumberGenerator>
    ) {
        self.downlink.handled(through: reference, bookmark: bookmark, now: turn.now)
        self.acknowledge(&turn)
        self.leaveIfDone(&turn)
    }

    /// Saves what was handled when it is time, and acknowledges what is saved on the newest welcomed connection.
    mutating func acknowledge(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        let window = self.newest?.attachment?.downlinkWindow ?? self.configuration.window ?? .defaultDownlink
        if self.downlink.isSaveDue(now: turn.now, window: window) { self.saveProgress(.now, &turn) }
        #if MUTANTS
        if Mutant.ackBeforeSave.isPlanted || Mutant.ackAcrossEpochs.isPlanted { return self.acknowledgeWrongly(&turn) }
        #endif
        guard let newest = self.newest, newest.isSpeaking, let attachment = newest.attachment,
            let position = self.downlink.saved.position, position.epoch == attachment.epoch,
            attachment.acknowledged < position.handled
        else { return }
        self.newest?.attachment?.acknowledged = position.handled
        self.newest?.send(.acknowledge(through: position.handled), &turn)
    }

    // MARK: Tokens

    /// The application has a token: one that it was asked for, or a newer one.
    package mutating func tokenObtained(_ token: String, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard Self.canSay(token: token) else { return self.tokenUnavailable(&turn) }
        let speaking = self.newest.flatMap { $0.isSpeaking ? $0.id : nil }
        if self.authentication.obtained(token, newest: speaking) != nil {
            self.newest?.send(.authenticate(token: token), &turn)
        }
        self.connectIfDue(&turn)
    }

    /// Whether a `HELLO` has room for the token. Where it needs escapes, they count.
    package static func canSay(token: String) -> Bool {
        !token.isEmpty && JSONWriter.encodedBytes(of: token) <= Limits.maxCredentialBytes + 2
    }

    /// The application has no token to give; without a connection the session stops, if it cannot say `HELLO` without one.
    package mutating func tokenUnavailable(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard let reason = self.authentication.unavailable(), self.newest == nil, self.waiting != nil else { return }
        self.stop(reason, &turn)
    }

    /// Asks the application for a token, unless it was asked already.
    mutating func requestToken(_ purpose: TokenPurpose, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        if self.authentication.request() { turn.perform(.obtainToken(purpose)) }
    }
}
