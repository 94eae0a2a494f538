import GaplessCore
import GaplessWebSocket
import NIOCore

// From the start of a client's run to its end.
extension ClientShell {
    /// The application wants to be attached.
    func start(_ start: ClientConfiguration.Start) {
        guard case .idle = self.phase else { return }
        self.phase = .running
        switch start {
        case .resume: self.feed { $0.start(&$1) }
        case .takeOver: self.feed { $0.takeOver(&$1) }
        }
    }

    /// The application leaves: it is given nothing more, and what it did is saved and acknowledged.
    ///
    /// - Parameter patience: whether to wait for what the application has in hand.
    func leave(_ patience: Patience) {
        switch (self.phase, patience) {
        case (.idle, _):
            self.finish(.left)
        case (.running, .patient):
            self.surroundings.events.end(.success(()), discarding: true)
            guard let reference = self.surroundings.events.inHand, !self.isHandled(reference) else {
                // What the application reported last may still be in the mailbox.
                return self.surroundings.mailbox.post(.perform { $0.leaveNow() })
            }
            self.phase = .parting(reference)
            self.schedulePartingTimer()
        case (.running, .impatient), (.parting, .impatient):
            self.surroundings.events.end(.success(()), discarding: true)
            self.leaveNow()
        case (.parting, .patient), (.leaving, _), (.finished, _):
            return
        }
    }

    /// Whether leaving waits for the application.
    enum Patience: Sendable {
        case patient
        case impatient
    }

    /// Leaves if what the application had in hand is done with.
    func leaveIfHandled() {
        if case .parting(let reference) = self.phase, self.isHandled(reference) { self.leaveNow() }
    }

    /// The consumer of events went away.
    func consumerLeft() {
        if case .parting = self.phase, self.surroundings.events.inHand == nil { self.leaveNow() }
    }

    private func leaveNow() {
        switch self.phase {
        case .running, .parting:
            self.phase = .leaving
            self.feed { $0.leave(&$1) }
        case .idle, .leaving, .finished:
            return
        }
    }

    /// Whether the position has reached the event, or left its numbering behind.
    private func isHandled(_ reference: EventReference) -> Bool {
        guard let position = self.session.record.progress.position, position.epoch == reference.epoch else { return true }
        return reference.through <= position.handled
    }

    private func schedulePartingTimer() {
        let timeout = TimeAmount(self.surroundings.leaveTimeout)
        self.partingTimer = self.setTimer(in: timeout) { shell in
            if case .parting = shell.phase { shell.leaveNow() }
            shell.settle()
        }
    }

    /// The application wants the queue to end.
    func end(_ ending: ClientEnding, _ waiter: Waiter<Void>) {
        switch self.phase {
        case .running, .parting, .leaving:
            self.endWaiters.append(waiter)
            self.feed { $0.end(ending, &$1) }
        case .idle, .finished:
            waiter.continuation.resume(throwing: ClientError(.notRunning, "the client does not run"))
        }
    }

    /// Every connection has to prove that it works.
    func probe() {
        guard !self.isFinished else { return }
        self.feed { $0.probe(&$1) }
    }

    /// The provider of tokens answered; nil when it has none.
    func tokenObtained(_ token: String?) {
        guard !self.isFinished else { return }
        self.feed { session, turn in
            if let token { session.tokenObtained(token, &turn) } else { session.tokenUnavailable(&turn) }
        }
    }

    /// Something went wrong that the session knows nothing of: everything stops at once.
    func abort(_ error: ClientError) {
        for id in Array(self.sockets.keys) { self.closeSocket(id, .normal) }
        self.finish(.failed(error))
    }

    /// Stops everything that would happen by itself and tells everybody who waits.
    func finish(_ outcome: Outcome) {
        guard !self.isFinished else { return }
        self.phase = .finished
        self.timer?.task.cancel()
        self.timer = nil
        self.partingTimer?.cancel()
        self.saves.lazyTimer?.cancel()
        self.surroundings.events.append(self.events)
        self.events.removeAll()
        let error: SendError = if case .ended = outcome { .ended } else { .stopped }
        for waiter in self.saves.waiters { waiter.resume(error) }
        self.saves.waiters.removeAll()
        for applicant in self.lobby { applicant.waiter.continuation.resume(throwing: error) }
        self.lobby.removeAll()
        self.uplink.failAll(error)
        for waiter in self.endWaiters {
            switch outcome {
            case .ended: waiter.continuation.resume()
            case .left: waiter.continuation.resume(throwing: ClientError(.notRunning, "the client left before the session was ended"))
            case .failed(let error): waiter.continuation.resume(throwing: error)
            }
        }
        self.endWaiters.removeAll()
        switch outcome {
        case .left: self.surroundings.events.end(.success(()), discarding: true)
        case .ended: self.surroundings.events.end(.success(()), discarding: false)
        case .failed(let error): self.surroundings.events.end(.failure(error), discarding: false)
        }
        self.completion.succeed(outcome)
    }
}

extension ClientError {
    /// The error of a client that the code stopped.
    init(stoppedWith code: CloseCode, _ message: String) {
        let sentence = message.isEmpty ? "the server does not let this client go on" : message
        switch code {
        case .takenOver: self.init(.takenOver, "another instance of this client is attached", closeCode: code)
        default: self.init(.refused, sentence, closeCode: code)
        }
    }
}
