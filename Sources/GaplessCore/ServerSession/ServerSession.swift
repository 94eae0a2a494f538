/// The server's side of one connection, with every rule that concerns it (Protocol.md §12.1).
///
/// A shell feeds it what happens - frames, answers, notices of the node, the time - and performs what it puts into the output. It is
/// never asked a question and never asks one: whatever it wants to know is an effect, and the answer an event. After each batch of events
/// the shell moves the session's timer to `nextDeadline`.
package struct ServerSession: ~Copyable {
    private enum State: ~Copyable {
        /// The WebSocket is open. Next: admitting, closing, closed.
        case awaitingHello(AwaitingHello)
        /// `HELLO` came; the node is asked whether it takes clients. Next: authenticating, closing, closed.
        case admitting(Greeted)
        /// The authenticator is asked. Next: attaching, closing, closed.
        case authenticating(Greeted)
        /// The store is asked. Next: attached, closing, closed.
        case attaching(Attaching)
        /// `WELCOME` was sent, messages flow. Next: leaving, closing, closed.
        case attached(Live)
        /// `BYE` came; the store removes the queue. Next: closing, closed.
        case leaving(Leaving)
        /// `ERROR` and Close were sent. Next: closed.
        case closing(Closing)
        /// The WebSocket is gone.
        case closed(Closed)
    }

    private var state: State

    /// A WebSocket was opened just now.
    package init(configuration: ServerSessionConfiguration, now: Instant) {
        self.state = .awaitingHello(AwaitingHello(configuration: configuration, now: now))
    }

    private init(_ state: consuming State) {
        self.state = state
    }

    /// Stays in the state, or ends: says why, closes, and gives back what the connection held. [R3.7-1]
    private init(
        _ state: consuming State,
        endedBy ending: SessionEnding?,
        _ bond: @autoclosure () -> Bond,
        now: Instant,
        into output: inout ServerSessionOutput
    ) {
        if let ending {
            let closing = Closing(ending, bond(), now: now, into: &output)
            self.init(.closing(closing))
        } else {
            self.init(state)
        }
    }

    private init(_ live: Live, _ next: Live.Next, now: Instant, into output: inout ServerSessionOutput) {
        switch next {
        case .stay: self.init(.attached(live))
        case .leave: self.init(.leaving(Leaving(live)))
        case .end(let ending): self.init(.closing(Closing(ending, Bond(live), now: now, into: &output)))
        }
    }

    // MARK: From the socket

    /// A frame came.
    package mutating func received(_ frame: ClientFrame, now: Instant, into output: inout ServerSessionOutput) {
        self.signOfLife(now: now)
        switch consume self.state {
        case .awaitingHello(let state):
            switch state.received(frame) {
            case .success(let hello):
                output.effects.append(.admit)
                self = .init(.admitting(Greeted(state, hello: hello, now: now)))
            case .failure(let ending):
                self = .init(.closing(Closing(ending, Bond(state.configuration), now: now, into: &output)))
            }
        case .admitting(var state):
            let ending = state.received(frame, now: now, into: &output)
            self = .init(.admitting(state), endedBy: ending, Bond(state.configuration), now: now, into: &output)
        case .authenticating(var state):
            let ending = state.received(frame, now: now, into: &output)
            self = .init(.authenticating(state), endedBy: ending, Bond(state.configuration), now: now, into: &output)
        case .attaching(var state):
            let ending = state.greeted.received(frame, now: now, into: &output)
            self = .init(.attaching(state), endedBy: ending, Bond(state), now: now, into: &output)
        case .attached(var live):
            let next = live.received(frame, now: now, into: &output)
            self = .init(live, next, now: now, into: &output)
        case .leaving(let state):
            self = .init(.leaving(state))  // [R10.3-3]: nothing counts after BYE.
        case .closing(let state):
            self = .init(.closing(state))
        case .closed(let state):
            self = .init(.closed(state))
        }
    }

    /// What came is no frame: too large, not UTF-8, or outside of the grammar. [R3.3-2, R3.2-3 to R3.2-5, R4.11-5]
    package mutating func misread(_ code: CloseCode, _ message: String, now: Instant, into output: inout ServerSessionOutput) {
        self.signOfLife(now: now)
        self.end(SessionEnding(code, message), now: now, into: &output)
    }

    /// Something came that is no frame and no fault: a control frame, or a part of a message. [R8-2]
    package mutating func signOfLife(now: Instant) {
        self.onLink { $0.heard(now: now) }
    }

    /// The peer's Close came, or the connection is gone. [R3.7-7]
    ///
    /// - Parameter side: who ended it, for the observation alone.
    package mutating func peerClosed(by side: SessionSide = .peer, now: Instant, into output: inout ServerSessionOutput) {
        var late = LateAttachment.none
        switch consume self.state {
        case .awaitingHello:
            break
        case .admitting:
            output.effects.append(.observe(.lost(client: nil, by: side, .greeting)))
        case .authenticating:
            output.effects.append(.observe(.lost(client: nil, by: side, .greeting)))
        case .attaching(let state):
            output.effects.append(.observe(.lost(client: state.proof.client, by: side, .greeting)))
            late = .awaited(state.proof.client)
        case .attached(let live):
            output.effects.append(.detach(DetachOperation(client: live.client, fence: live.fence)))
            output.effects.append(.observe(.lost(client: live.client, by: side, live.phase)))
        case .leaving(let state):
            // Refused when the queue is removed, as it should be; needed when that failed.
            output.effects.append(.detach(DetachOperation(client: state.client, fence: state.fence)))
            output.effects.append(.observe(.lost(client: state.client, by: side, state.phase)))
        case .closing(let state):
            late = state.late
        case .closed(let state):
            self = .init(.closed(state))
            return
        }
        output.close = .drop
        self = .init(.closed(Closed(late: late)))
    }

    /// The socket takes more, or is full. While it is full, nothing is read from the store.
    package mutating func writabilityChanged(to isWritable: Bool, now: Instant, into output: inout ServerSessionOutput) {
        self.onLink { $0.writabilityChanged(to: isWritable, now: now, into: &output) }
        self.onLive(now: now, into: &output) { live, output in
            live.readOn(into: &output)
            return .stay
        }
    }

    /// The socket took bytes, or a flush ended. [R8-6]
    ///
    /// From the first frame of an output on, the session counts the time until the socket takes something. A shell therefore reports
    /// after each flush how much is still to be written, and again whenever that shrinks.
    ///
    /// - Parameter pending: how many bytes are still to be written; 0 when the socket took all.
    package mutating func bytesTaken(pending: Int, now: Instant) {
        self.onLink { $0.bytesTaken(pending: pending, now: now) }
    }

    // MARK: From the node

    /// The node takes the client, or does not; the answer to `admit`.
    package mutating func admitted(_ admission: Admission, now: Instant, into output: inout ServerSessionOutput) {
        switch consume self.state {
        case .admitting(let state):
            switch admission {
            case .accepted:
                output.effects.append(.authenticate(state.hello))
                self = .init(.authenticating(state))
            case .refused(let ending):
                self = .init(.closing(Closing(ending, Bond(state.configuration), now: now, into: &output)))
            }
        case .awaitingHello:
            preconditionFailure("an admission that was not asked for")
        case .authenticating:
            preconditionFailure("a second admission")
        case .attaching:
            preconditionFailure("a second admission")
        case .attached:
            preconditionFailure("a second admission")
        case .leaving:
            preconditionFailure("a second admission")
        case .closing(let state):
            self = .init(.closing(state))
        case .closed(let state):
            self = .init(.closed(state))
        }
    }

    /// Who the client is; the answer to `authenticate` and `authenticateAgain`.
    ///
    /// - Parameter wallClock: the node's time of day, to turn the end of a proof into a deadline.
    package mutating func authenticated(
        _ outcome: AuthenticationOutcome,
        wallClock: Timestamp,
        now: Instant,
        into output: inout ServerSessionOutput
    ) {
        switch consume self.state {
        case .authenticating(let state):
            switch state.authenticated(outcome, wallClock: wallClock, now: now) {
            case .success(let proof):
                let attaching = Attaching(state, proof: proof, now: now)
                output.effects.append(.attach(attaching.operation))
                self = .init(.attaching(attaching))
            case .failure(let ending):
                self = .init(.closing(Closing(ending, Bond(state.configuration), now: now, into: &output)))
            }
        case .attached(var live):
            let next = live.authenticated(outcome, wallClock: wallClock, now: now, into: &output)
            self = .init(live, next, now: now, into: &output)
        case .awaitingHello:
            preconditionFailure("an answer of the authenticator that was not asked for")
        case .admitting:
            preconditionFailure("an answer of the authenticator that was not asked for")
        case .attaching:
            preconditionFailure("a second answer of the authenticator")
        case .leaving(let state):
            self = .init(.leaving(state))  // The client left while its token was checked.
        case .closing(let state):
            self = .init(.closing(state))  // The connection died while its token was checked.
        case .closed(let state):
            self = .init(.closed(state))
        }
    }

    /// The answer to `read`.
    package mutating func loaded(_ receipt: ReadReceipt, now: Instant, into output: inout ServerSessionOutput) {
        self.onLive(now: now, into: &output) { live, output in
            live.loaded(receipt, now: now, into: &output)
        }
    }

    /// The node has something to tell.
    package mutating func notice(_ notice: SessionNotice, now: Instant, into output: inout ServerSessionOutput) {
        switch consume self.state {
        case .awaitingHello(let state):
            self = .init(.awaitingHello(state), endedBy: notice.ending, Bond(state.configuration), now: now, into: &output)
        case .admitting(let state):
            self = .init(.admitting(state), endedBy: notice.ending, Bond(state.configuration), now: now, into: &output)
        case .authenticating(let state):
            self = .init(.authenticating(state), endedBy: notice.ending, Bond(state.configuration), now: now, into: &output)
        case .attaching(let state):
            switch state.answer(in: notice) {
            case .attached(let attachment):
                self = .init(.attached(Live(state, attachment, now: now, into: &output)))
            case .refused(let ending):
                self = .init(.closing(Closing(ending, Bond(refused: state), now: now, into: &output)))
            case .nothing:
                self = .init(.attaching(state), endedBy: notice.ending, Bond(state), now: now, into: &output)
            }
        case .attached(var live):
            let next = live.notice(notice, now: now, into: &output)
            self = .init(live, next, now: now, into: &output)
        case .leaving(let state):
            let ending = state.ending(for: notice)
            self = .init(.leaving(state), endedBy: ending, Bond(state), now: now, into: &output)
        case .closing(var state):
            state.late.settle(notice, into: &output)
            self = .init(.closing(state))
        case .closed(var state):
            state.late.settle(notice, into: &output)
            self = .init(.closed(state))
        }
    }

    // MARK: What it is

    /// The client, once it is authenticated and as long as the connection is open; for logs.
    package var client: ClientID? {
        switch self.state {
        case .awaitingHello: nil
        case .admitting: nil
        case .authenticating: nil
        case .attaching(let state): state.proof.client
        case .attached(let live): live.client
        case .leaving(let state): state.client
        case .closing: nil
        case .closed: nil
        }
    }

    /// What is under way to the client, while it is attached; for metrics.
    package var backlog: SessionBacklog {
        switch self.state {
        case .awaitingHello: SessionBacklog()
        case .admitting: SessionBacklog()
        case .authenticating: SessionBacklog()
        case .attaching: SessionBacklog()
        case .attached(let live): live.backlog
        case .leaving: SessionBacklog()
        case .closing: SessionBacklog()
        case .closed: SessionBacklog()
        }
    }

    /// Whether nothing more can come of the session: the connection is gone and the store owes it no answer. A shell that sees it
    /// may forget the session.
    package var isOver: Bool {
        switch self.state {
        case .awaitingHello: false
        case .admitting: false
        case .authenticating: false
        case .attaching: false
        case .attached: false
        case .leaving: false
        case .closing: false
        case .closed(let state): state.late.isSettled
        }
    }

    // MARK: Time

    /// When to call `timerFired`; nil when nothing is left to wait for.
    package var nextDeadline: Instant? {
        switch self.state {
        case .awaitingHello(let state): min(state.link.nextDeadline, state.deadline)
        case .admitting(let state): state.link.nextDeadline
        case .authenticating(let state): min(state.link.nextDeadline, state.deadline)
        case .attaching(let state): min(state.greeted.link.nextDeadline, state.greeted.deadline)
        case .attached(let live): live.nextDeadline
        case .leaving(let state): state.link.nextDeadline
        case .closing(let state): state.deadline
        case .closed: nil
        }
    }

    /// The deadline passed, or another time came: too early is as good as not at all.
    package mutating func timerFired(now: Instant, into output: inout ServerSessionOutput) {
        switch consume self.state {
        case .awaitingHello(var state):
            let late = now >= state.deadline ? SessionEnding(.helloTimeout, "No HELLO came in time.") : nil  // [R5.1-1]
            let ending = late ?? state.link.timerFired(now: now, into: &output)
            self = .init(.awaitingHello(state), endedBy: ending, Bond(state.configuration), now: now, into: &output)
        case .admitting(var state):
            let ending = state.link.timerFired(now: now, into: &output)
            self = .init(.admitting(state), endedBy: ending, Bond(state.configuration), now: now, into: &output)
        case .authenticating(var state):
            let late = now >= state.deadline ? SessionEnding(.overloaded, "The authentication took too long.") : nil
            let ending = late ?? state.link.timerFired(now: now, into: &output)
            self = .init(.authenticating(state), endedBy: ending, Bond(state.configuration), now: now, into: &output)
        case .attaching(var state):
            let late = now >= state.greeted.deadline ? SessionEnding(.storeUnavailable, "The store took too long.") : nil
            let ending = late ?? state.greeted.link.timerFired(now: now, into: &output)
            self = .init(.attaching(state), endedBy: ending, Bond(state), now: now, into: &output)
        case .attached(var live):
            let next = live.timerFired(now: now, into: &output)
            self = .init(live, next, now: now, into: &output)
        case .leaving(var state):
            let ending = state.link.timerFired(now: now, into: &output)
            self = .init(.leaving(state), endedBy: ending, Bond(state), now: now, into: &output)
        case .closing(let state):
            if now >= state.deadline {
                output.close = .drop  // [R3.7-3]
                self = .init(.closed(Closed(late: state.late)))
            } else {
                self = .init(.closing(state))
            }
        case .closed(let state):
            self = .init(.closed(state))
        }
    }

    // MARK: Private

    /// Ends the connection from any state that is open.
    private mutating func end(_ ending: SessionEnding, now: Instant, into output: inout ServerSessionOutput) {
        switch consume self.state {
        case .awaitingHello(let state):
            self = .init(.closing(Closing(ending, Bond(state.configuration), now: now, into: &output)))
        case .admitting(let state):
            self = .init(.closing(Closing(ending, Bond(state.configuration), now: now, into: &output)))
        case .authenticating(let state):
            self = .init(.closing(Closing(ending, Bond(state.configuration), now: now, into: &output)))
        case .attaching(let state):
            self = .init(.closing(Closing(ending, Bond(state), now: now, into: &output)))
        case .attached(let live):
            self = .init(.closing(Closing(ending, Bond(live), now: now, into: &output)))
        case .leaving(let state):
            self = .init(.closing(Closing(ending, Bond(state), now: now, into: &output)))
        case .closing(let state):
            self = .init(.closing(state))
        case .closed(let state):
            self = .init(.closed(state))
        }
    }

    /// Changes a live connection; every other one has nothing to do with what happened.
    private mutating func onLive(
        now: Instant,
        into output: inout ServerSessionOutput,
        _ change: (inout Live, inout ServerSessionOutput) -> Live.Next
    ) {
        switch consume self.state {
        case .attached(var live):
            let next = change(&live, &output)
            self = .init(live, next, now: now, into: &output)
        case .awaitingHello(let state):
            self = .init(.awaitingHello(state))
        case .admitting(let state):
            self = .init(.admitting(state))
        case .authenticating(let state):
            self = .init(.authenticating(state))
        case .attaching(let state):
            self = .init(.attaching(state))
        case .leaving(let state):
            self = .init(.leaving(state))
        case .closing(let state):
            self = .init(.closing(state))  // The connection died while the store worked.
        case .closed(let state):
            self = .init(.closed(state))
        }
    }

    /// Changes what every open connection has.
    private mutating func onLink(_ change: (inout Link) -> Void) {
        switch consume self.state {
        case .awaitingHello(var state):
            change(&state.link)
            self = .init(.awaitingHello(state))
        case .admitting(var state):
            change(&state.link)
            self = .init(.admitting(state))
        case .authenticating(var state):
            change(&state.link)
            self = .init(.authenticating(state))
        case .attaching(var state):
            change(&state.greeted.link)
            self = .init(.attaching(state))
        case .attached(var live):
            change(&live.link)
            self = .init(.attached(live))
        case .leaving(var state):
            change(&state.link)
            self = .init(.leaving(state))
        case .closing(let state):
            self = .init(.closing(state))
        case .closed(let state):
            self = .init(.closed(state))
        }
    }
}
