import GaplessCore
import GaplessWebSocket
import Logging
import NIOCore
import NIOHTTP1

/// The shell of a `ClientSession` on one event loop: feeds it, performs what it decides, and keeps its one timer.
///
/// Whatever happens comes in by a method here, which feeds the session once; `settle` ends a batch of such calls: it hands events to the
/// consumer, flushes sockets, begins to save, and moves the timer.
final class ClientShell {
    /// What a client of a session needs besides the session.
    struct Surroundings {
        let eventLoop: any EventLoop
        let clock: LoopClock
        let connector: any ClientConnector
        let headers: HTTPHeaders
        let mailbox: ClientMailbox
        let events: EventBuffer
        let writer: StateWriter?
        let logger: Logger
        let leaveTimeout: Duration
        /// Asks for a token.
        let requestToken: @Sendable (TokenPurpose) -> Void
        /// Told each new state.
        let publishState: @Sendable (GaplessClient.State) -> Void
    }

    /// How a client's run ended.
    enum Outcome: Sendable {
        /// The application left; the session goes on with the next client.
        case left
        /// The server confirmed the end of the session.
        case ended
        /// The client does not come back by itself.
        case failed(ClientError)
    }

    let surroundings: Surroundings
    let completion: EventLoopPromise<Outcome>
    var session: ClientSession
    /// How far the run is, and what leaving waits for.
    var run = ClientRun()
    var uplink: UplinkWaiters
    var sockets: [ConnectionID: Socket] = [:]
    /// How many sockets are open or closing, whether or not the session still knows them.
    var openSockets = 0
    /// Whoever waits for that to be none.
    var socketWaiters: [EventLoopPromise<Void>] = []
    /// Saves under way, and who waits for them.
    var saves = Saves()
    /// Who waits for room in the outbox.
    var lobby = CircularBuffer<Applicant>()
    /// Whether room was made for them.
    var isRoomMade = false
    /// Who waits for the end of the session to be confirmed.
    var endWaiters: [Waiter<Void>] = []
    var partingTimer: LoopTimer?
    /// What the consumer is to be given at the end of the batch.
    var events: [GaplessClient.Event] = []
    /// Whether nothing is read because the consumer has too much.
    var isThrottled = false
    /// What went wrong below the protocol, for people.
    var lastFault = ""
    var timer: (at: Instant, task: LoopTimer)?

    private var turn: ClientTurn<SystemRandomNumberGenerator>
    private var isPerforming = false

    init(_ session: consuming ClientSession, restored: Int, surroundings: Surroundings) {
        self.session = session
        self.surroundings = surroundings
        self.uplink = UplinkWaiters(restored: restored)
        self.completion = surroundings.eventLoop.makePromise()
        self.turn = ClientTurn(now: Instant(nanoseconds: 0), random: SystemRandomNumberGenerator())
    }

    deinit {
        // A client that was never run: nobody may wait for what it will not do.
        self.finish(.left)
    }

    var logger: Logger { self.surroundings.logger }

    // MARK: Feeding

    /// Tells the session one event and performs what it decides.
    func feed<Result>(_ event: (inout ClientSession, inout ClientTurn<SystemRandomNumberGenerator>) -> Result) -> Result {
        self.turn.now = Instant(self.surroundings.clock.now())
        let result = event(&self.session, &self.turn)
        self.performActions()
        return result
    }

    private func performActions() {
        // An attempt that fails at once reports from inside `perform`; what follows from that is done after what is being done.
        guard !self.isPerforming else { return }
        self.isPerforming = true
        while !self.turn.actions.isEmpty {
            for action in self.turn.takeActions() { self.perform(action) }
        }
        self.isPerforming = false
    }

    /// Ends a batch of events.
    func settle() {
        if !self.events.isEmpty {
            self.surroundings.events.append(self.events)
            self.events.removeAll(keepingCapacity: true)
        }
        if self.isRoomMade {
            self.isRoomMade = false
            self.admit()
        }
        for (id, socket) in self.sockets where socket.isDirty {
            self.sockets[id]?.isDirty = false
            socket.webSocket?.flush()
        }
        self.throttle()
        self.beginSaving()
        self.rearm()
    }

    /// What other threads asked for.
    func perform(_ commands: [ClientMailbox.Command]) {
        for command in commands {
            switch command {
            case .handled(let reference, let bookmark):
                self.feed { $0.handled(reference, bookmark: bookmark, &$1) }
            case .handledThrough(let reference, let bookmark):
                self.feed { $0.handled(through: reference, bookmark: bookmark, &$1) }
            case .perform(let body): body(self)
            case .ask(let body): body(self)
            }
        }
        self.leaveIfHandled()
        self.settle()
    }

    // MARK: Performing

    private func perform(_ action: ClientAction) {
        guard !self.run.isFinished else { return }
        switch action {
        case .connect(let id, let endpoint):
            self.connect(id, endpoint)
        case .send(let id, let frame):
            self.sockets[id]?.webSocket?.send(frame)
            self.sockets[id]?.isDirty = true
        case .close(let id, let code):
            self.closeSocket(id, code)
        case .deliver(let event):
            self.deliver(event)
        case .confirmed(let tickets):
            self.uplink.confirmed(tickets)
            self.isRoomMade = true
        case .discarded(let tickets, let refusal):
            if case .tooLarge(let limit) = refusal {
                // Nobody may be waiting for a message that a record brought along.
                let metadata: Logger.Metadata = ["count": "\(tickets.count)", "limit": "\(limit)"]
                self.logger.warning("Messages that are larger than the server takes are discarded", metadata: metadata)
            }
            self.uplink.discarded(tickets, refusal)
            self.isRoomMade = true
        case .save(let change, let version, let urgency):
            self.save(change, version, urgency)
        case .obtainToken(let purpose):
            self.surroundings.requestToken(purpose)
        }
    }

    private func deliver(_ event: GaplessCore.ClientEvent) {
        let event = GaplessClient.Event(event, mailbox: self.surroundings.mailbox).explained(by: self.lastFault)
        self.events.append(event)
        guard case .state(let state) = event else { return }
        self.surroundings.publishState(state)
        self.log(state)
        switch state {
        case .stopped(let code, _) where code == .ended: self.finish(.ended)
        case .stopped(let code, let message): self.finish(.failed(ClientError(stoppedWith: code, message)))
        case .idle: if self.run.sessionIdled() == .finish { self.finish(.left) }
        case .connecting, .online, .offline: break
        }
    }

    private func log(_ state: GaplessClient.State) {
        switch state {
        case .idle: self.logger.debug("Client left")
        case .connecting(let endpoint): self.logger.debug("Client connects", metadata: ["endpoint": "\(endpoint)"])
        case .online(let attachment):
            self.logger.info("Client attached", metadata: ["client.id": "\(attachment.client)", "node": "\(attachment.node)"])
        case .offline(let absence):
            let metadata: Logger.Metadata = [
                "cause": "\(absence.cause)", "code": "\(absence.closeCode.map(\.description) ?? "-")",
                "retry.after": "\(absence.retryAfter)",
            ]
            self.logger.info("Client is offline", metadata: metadata)
        case .stopped(let code, _): self.logger.notice("Client stopped", metadata: ["code": "\(code)"])
        }
    }

    // MARK: Time

    private func rearm() {
        guard let deadline = self.session.nextDeadline, !self.run.isFinished else { return }
        // A timer that fires early only looks again; most deadlines move back before they are reached.
        if let timer = self.timer, timer.at <= deadline { return }
        self.timer?.task.cancel()
        let task = self.setTimer(at: NIODeadline(deadline)) { $0.timerFired() }
        self.timer = (deadline, task)
    }

    /// Calls back on the event loop at the moment.
    func setTimer(at moment: NIODeadline, _ body: @escaping @Sendable (ClientShell) -> Void) -> LoopTimer {
        let shell = NIOLoopBound(self, eventLoop: self.surroundings.eventLoop)
        return self.surroundings.clock.setTimer(at: moment, on: self.surroundings.eventLoop) { body(shell.value) }
    }

    /// Calls back on the event loop after a time.
    func setTimer(in time: TimeAmount, _ body: @escaping @Sendable (ClientShell) -> Void) -> LoopTimer {
        self.setTimer(at: self.surroundings.clock.now() + time, body)
    }

    private func timerFired() {
        self.timer = nil
        guard !self.run.isFinished else { return }
        let now = Instant(self.surroundings.clock.now())
        if let deadline = self.session.nextDeadline, deadline <= now { self.feed { $0.timerFired(&$1) } }
        self.settle()
    }
}
