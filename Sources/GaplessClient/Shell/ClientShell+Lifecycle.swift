import GaplessCore
import GaplessWebSocket
import NIOCore

// From the start of a client's run to its end.
extension ClientShell {
    /// The application wants to be attached.
    func start(_ start: ClientConfiguration.Start) {
        guard self.run.start() == .start else { return }
        switch start {
        case .resume: self.feed { $0.start(&$1) }
        case .takeOver: self.feed { $0.takeOver(&$1) }
        }
    }

    /// The application leaves: it is given nothing more, and what it did is saved and acknowledged.
    ///
    /// - Parameter patience: whether to wait for what the application has in hand.
    func leave(_ patience: ClientRun.Patience) {
        // Before anything is decided, so that what is in hand then is the last.
        self.surroundings.events.end(.success(()), discarding: true)
        let position = self.session.record.progress.position
        switch self.run.leave(patience, inHand: self.surroundings.events.inHand, position: position) {
        case .finish:
            self.finish(.left)
        case .hearReports:
            self.surroundings.mailbox.post(.perform { $0.perform($0.run.reportsHeard()) })
        case .wait:
            self.schedulePartingTimer()
        case .leave:
            self.perform(.leave)
        case .none:
            return
        }
    }

    /// Leaves if what the application had in hand is done with.
    func leaveIfHandled() {
        self.perform(self.run.progressed(to: self.session.record.progress.position))
    }

    /// The consumer of events went away.
    func consumerLeft() {
        self.perform(self.run.consumerLeft(inHand: self.surroundings.events.inHand))
    }

    private func perform(_ action: ClientRun.WaitAction) {
        switch action {
        case .leave: self.feed { $0.leave(&$1) }
        case .none: return
        }
    }

    private func schedulePartingTimer() {
        let timeout = TimeAmount(self.surroundings.leaveTimeout)
        self.partingTimer = self.setTimer(in: timeout) { shell in
            shell.perform(shell.run.patienceEnded())
            shell.settle()
        }
    }

    /// The application wants the queue to end.
    func end(_ ending: ClientEnding, _ waiter: Waiter<Void>) {
        guard self.run.isUnderWay else {
            return waiter.continuation.resume(throwing: ClientError(.notRunning, "the client does not run"))
        }
        self.endWaiters.append(waiter)
        self.feed { $0.end(ending, &$1) }
    }

    /// Every connection has to prove that it works.
    func probe() {
        guard !self.run.isFinished else { return }
        self.feed { $0.probe(&$1) }
    }

    /// The provider of tokens answered; nil when it has none.
    func tokenObtained(_ token: String?) {
        guard !self.run.isFinished else { return }
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
        guard !self.run.isFinished else { return }
        self.run.finish()
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
