/// One run of a client, from the wish to be attached to the end, and what leaving waits for.
///
/// The session knows nothing of it: whoever leaves patiently is given nothing more, but what the application has in hand is waited for, so
/// that it need not come again (Protocol.md §10.3).
package struct ClientRun: Sendable {
    private enum State {
        /// The application has not asked for a connection. Next: running, finished.
        case idle
        /// The session connects as it sees fit. Next: parting, leaving, finished.
        case running
        /// The application has an event in hand that is worth waiting for. Next: leaving, finished.
        case parting(EventReference)
        /// The session saves, acknowledges and closes. Next: finished.
        case leaving
        /// Nothing happens any more.
        case finished
    }

    /// Whether leaving waits for the application.
    package enum Patience: Hashable, Sendable {
        /// Until it is done with what it has in hand, or for as long as it is given.
        case patient
        /// Not at all.
        case impatient
    }

    private var state: State

    /// A run that has not begun.
    package init() {
        self.init(.idle)
    }

    private init(_ state: State) {
        self.state = state
    }

    /// Whether the run is over.
    package var isFinished: Bool {
        switch self.state {
        case .finished: true
        case .idle, .running, .parting, .leaving: false
        }
    }

    /// Whether it has begun and is not over.
    package var isUnderWay: Bool {
        switch self.state {
        case .running, .parting, .leaving: true
        case .idle, .finished: false
        }
    }

    // MARK: The application

    /// What the wish to be attached leads to.
    package enum StartAction: Hashable, Sendable {
        /// The session is started.
        case start
        /// It was before, or the run is over.
        case none
    }

    /// The application wants to be attached.
    package mutating func start() -> StartAction {
        switch self.state {
        case .idle:
            self = .init(.running)
            return .start
        case .running, .parting, .leaving, .finished:
            return .none
        }
    }

    /// What the wish to leave leads to.
    package enum LeaveAction: Hashable, Sendable {
        /// The run is over: it never began.
        case finish
        /// Once all that the application reported has been heard, `reportsHeard` tells.
        case hearReports
        /// The application has some time for what it has in hand; `patienceEnded` tells when that is over.
        case wait
        /// The session leaves.
        case leave
        /// That was asked for before.
        case none
    }

    /// The application leaves, and is given nothing more.
    ///
    /// - Parameters:
    ///   - inHand: the newest event that it still works on; nil when there is none.
    ///   - position: how far the session is.
    package mutating func leave(_ patience: Patience, inHand: EventReference?, position: Position?) -> LeaveAction {
        switch self.state {
        case .idle:
            return .finish
        case .running:
            guard patience == .patient else {
                self = .init(.leaving)
                return .leave
            }
            guard let inHand, !inHand.isBehind(position) else { return .hearReports }
            self = .init(.parting(inHand))
            return .wait
        case .parting:
            guard patience == .impatient else { return .none }
            self = .init(.leaving)
            return .leave
        case .leaving, .finished:
            return .none
        }
    }

    /// What the end of a wait leads to.
    package enum WaitAction: Hashable, Sendable {
        /// The session leaves.
        case leave
        /// There is more to wait for, or nothing waits.
        case none
    }

    /// All that the application reported before it left has been heard.
    package mutating func reportsHeard() -> WaitAction {
        switch self.state {
        case .running, .parting:
            self = .init(.leaving)
            return .leave
        case .idle, .leaving, .finished:
            return .none
        }
    }

    /// The session's position may have moved.
    package mutating func progressed(to position: Position?) -> WaitAction {
        switch self.state {
        case .parting(let inHand):
            guard inHand.isBehind(position) else { return .none }
            self = .init(.leaving)
            return .leave
        case .idle, .running, .leaving, .finished:
            return .none
        }
    }

    /// The consumer of events went away.
    package mutating func consumerLeft(inHand: EventReference?) -> WaitAction {
        switch self.state {
        case .parting:
            guard inHand == nil else { return .none }
            self = .init(.leaving)
            return .leave
        case .idle, .running, .leaving, .finished:
            return .none
        }
    }

    /// The time that leaving gave to the application is over.
    package mutating func patienceEnded() -> WaitAction {
        switch self.state {
        case .parting:
            self = .init(.leaving)
            return .leave
        case .idle, .running, .leaving, .finished:
            return .none
        }
    }

    // MARK: The session

    /// What an idle session means for the run.
    package enum IdleAction: Hashable, Sendable {
        /// The run is over: the client has left.
        case finish
        /// It goes on.
        case none
    }

    /// The session has become idle.
    package func sessionIdled() -> IdleAction {
        switch self.state {
        case .leaving: .finish
        case .idle, .running, .parting, .finished: .none
        }
    }

    /// The run is over, for whatever reason.
    package mutating func finish() {
        self = .init(.finished)
    }
}

extension EventReference {
    /// Whether the position has reached the event, or left its numbering behind.
    fileprivate func isBehind(_ position: Position?) -> Bool {
        guard let position, position.epoch == self.epoch else { return true }
        return self.through <= position.handled
    }
}
