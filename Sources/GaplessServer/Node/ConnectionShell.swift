import GaplessCore
import GaplessStore
import GaplessWebSocket
import NIOCore

/// The shell around one `ServerSession`: feeds it what the socket and the node say, performs what it decides, and keeps its one timer.
///
/// It lives on one event loop. It outlives its socket as long as the store owes its session an answer.
final class ConnectionShell: WebSocketConnectionDelegate {
    private typealias Connection = WebSocketConnectionHandler<ConnectionShell>

    private let node: Node
    private let home: LoopShell
    private let handshake: HandshakeCredentials
    private var decoder: ClientFrameDecoder
    private var session: ServerSession
    private var tally = ConnectionTally()
    /// Of the attachment that is under way, when somebody traces.
    private var attachSpan: AttachSpan?
    private var backlog = BacklogShare()
    private var output = ServerSessionOutput()
    /// What is being performed; kept for its memory.
    private var performing = ServerSessionOutput()
    private var address: ConnectionAddress?
    private var connection: Connection?
    /// Whether mail was taken in the batch that is being delivered.
    private var isTouched = false
    private var timer: (moment: Instant, task: LoopTimer)?
    /// When the socket was last seen to take a byte.
    private var lastProgress = NIODeadline.uptimeNanoseconds(0)

    init(node: Node, home: LoopShell, handshake: HandshakeCredentials) {
        self.node = node
        self.home = home
        self.handshake = handshake
        self.decoder = ClientFrameDecoder(limits: node.sessionConfiguration.limits)
        self.session = ServerSession(configuration: node.sessionConfiguration, now: node.clock.monotonic())
    }

    private var now: Instant { self.node.clock.monotonic() }

    // MARK: From the socket

    func connectionOpened(_ connection: WebSocketConnectionHandler<ConnectionShell>) {
        let address = self.node.feed { logic, _, output in
            logic.opened(loop: self.home.index, from: self.handshake.remote, into: &output)
        }
        self.address = address
        self.connection = connection
        // What the node has to tell it comes with a later turn of the loop.
        self.home.add(self, as: address.id)
        // [R3.2-5]: nothing larger is buffered than what may come at this point.
        connection.maxMessageBytes = self.node.maxHelloFrameBytes
        self.armTimer()
    }

    func received(_ kind: WebSocketMessageKind, _ payload: ByteBuffer) {
        do {
            let frame = try self.decoder.decode(kind == .text ? .text : .binary, payload)
            self.session.received(frame.detached, now: self.now, into: &self.output)
        } catch {
            self.session.misread(error.closeCode, error.message, now: self.now, into: &self.output)
        }
    }

    func readBatchEnded() {
        self.batchEnded()
    }

    func anyInbound() {
        self.session.signOfLife(now: self.now)
    }

    func writabilityChanged(_ isWritable: Bool) {
        self.session.writabilityChanged(to: isWritable, now: self.now, into: &self.output)
        self.batchEnded()
    }

    func violation(_ violation: WebSocketViolation) -> (code: WebSocketCloseCode, reason: String) {
        let code: CloseCode
        switch violation.kind {
        case .protocolError: return (violation.closeCode, violation.message)
        case .tooLarge: code = .tooLarge
        case .invalidUTF8: code = .notUTF8
        }
        self.session.misread(code, violation.message, now: self.now, into: &self.output)
        // The session may have ended before, in the same read; then its own code counts. [R3.7-1]
        let ending: CloseCode = if case .handshake(let ending) = self.output.close { ending } else { code }
        self.output.close = nil  // The WebSocket layer closes when this returns.
        self.perform()
        return (WebSocketCloseCode(ending.rawValue), ending.name ?? "")
    }

    func connectionClosed(_ closure: WebSocketClosure) {
        self.connection = nil
        self.timer?.task.cancel()
        self.timer = nil
        self.session.peerClosed(by: self.node.dropsConnections ? .node : .peer, now: self.now, into: &self.output)
        self.perform()
        if let address {
            self.node.feed { logic, _, output in logic.closed(address.id, into: &output) }
            self.node.jobs.cancel(authenticationOf: address.id)
        }
        self.forgetIfOver()
    }

    // MARK: From the node

    /// Takes mail; true when it is the first of the batch, whose end is to be told by `batchEnded`.
    func take(_ mail: LoopShell.Mail) -> Bool {
        switch mail {
        case .notice(let notice): self.session.notice(notice, now: self.now, into: &self.output)
        case .loaded(let receipt): self.session.loaded(receipt, now: self.now, into: &self.output)
        case .authenticated(let outcome): self.authenticated(outcome)
        }
        defer { self.isTouched = true }
        return !self.isTouched
    }

    /// Everything that came together was taken: does what follows, with one flush.
    func batchEnded() {
        self.isTouched = false
        self.perform()
        self.connection?.flush()
        self.noteProgress()
        self.armTimer()
        self.forgetIfOver()
    }

    private func authenticated(_ outcome: AuthenticationOutcome) {
        self.session.authenticated(outcome, wallClock: self.node.clock.wallClock(), now: self.now, into: &self.output)
    }

    // MARK: Performing

    /// Does what the session decided, until it wants nothing more.
    private func perform() {
        // Before anybody can see what was decided. What the effects below lead to changes no backlog.
        self.backlog.report(self.session.backlog, to: self.home.backlog)
        while !self.output.isEmpty {
            // Performing an effect may make the session want more.
            swap(&self.output, &self.performing)
            for frame in self.performing.frames { self.send(frame) }
            self.tally.batchEnded(self.node.metrics)
            for effect in self.performing.effects { self.perform(effect) }
            switch self.performing.close {
            case .handshake(let code): self.connection?.close(WebSocketCloseCode(code.rawValue), reason: code.name ?? "")
            case .drop: self.connection?.abort()
            case nil: break
            }
            self.performing.removeAll()
        }
    }

    private func send(_ frame: ServerFrame) {
        self.tally.sent(frame)
        if case .welcome = frame { self.connection?.maxMessageBytes = self.node.maxFrameBytes }
        self.connection?.send(FrameEncoder.kind(of: frame) == .text ? .text : .binary, expectedBytes: frame.expectedBytes) { buffer in
            FrameEncoder.append(frame, to: &buffer)
        }
    }

    private func perform(_ effect: ServerSessionEffect) {
        guard let address else { preconditionFailure("a session wants something before its connection is open") }
        switch effect {
        case .admit:
            self.tally.greeted(now: self.now)
            if let tracer = self.node.tracer { self.attachSpan = AttachSpan(tracer, on: address.id) }
            let admission = self.node.admission()
            self.session.admitted(admission, now: self.now, into: &self.output)
        case .authenticate(let hello):
            self.node.authenticate(
                self.handshake.credentials(for: hello.client, token: hello.token),
                for: address,
                in: self.attachSpan?.context
            )
        case .authenticateAgain(let client, let token):
            self.node.authenticate(self.handshake.credentials(for: client, token: token), for: address)
        case .attach(let operation):
            self.node.feed { logic, now, output in
                logic.attach(operation, for: address, from: self.handshake.remote, now: now, into: &output)
            }
        case .read(let request): self.node.read(request, for: address)
        case .acknowledge(let operation): self.node.submit(.acknowledge(operation), for: address)
        case .end(let operation): self.node.submit(.end(operation), for: address)
        case .detach(let operation): self.node.submit(.detach(operation), for: address)
        case .deliver(let delivery):
            self.node.feed { logic, now, output in logic.deliver(delivery, now: now, into: &output) }
        case .displaced(let client, let fence):
            self.node.feed { logic, now, output in logic.displaced(client, from: fence, now: now, into: &output) }
        case .observe(let observation):
            self.tally.observed(observation, now: self.now, self.node.metrics)
            if let span = self.attachSpan, span.observed(observation) { self.attachSpan = nil }
            self.node.observe(observation, on: address.id)
        }
    }

    // MARK: Time

    /// Reports to the session when the socket has taken bytes since the last look. [R8-6]
    private func noteProgress() {
        guard let connection else { return }
        let pending = connection.bytesOutstanding
        let progress = connection.lastWriteProgress
        guard pending == 0 || progress > self.lastProgress else { return }
        self.lastProgress = progress
        self.session.bytesTaken(pending: pending, now: self.now)
    }

    private func armTimer() {
        guard self.connection != nil, let deadline = self.session.nextDeadline else { return }
        // A timer that fires too early costs less than moving it with each frame.
        if let timer, timer.moment <= deadline { return }
        self.timer?.task.cancel()
        let shell = NIOLoopBound(self, eventLoop: self.home.eventLoop)
        let task = self.node.loopClock.setTimer(at: NIODeadline(deadline), on: self.home.eventLoop) { shell.value.timerFired() }
        self.timer = (deadline, task)
    }

    private func timerFired() {
        self.timer = nil
        self.noteProgress()
        self.session.timerFired(now: self.now, into: &self.output)
        self.batchEnded()
    }

    private func forgetIfOver() {
        if let address, self.session.isOver { self.home.remove(address.id) }
    }
}

extension ServerFrame {
    /// A guess of the encoded length, good enough to make room.
    fileprivate var expectedBytes: Int {
        switch self {
        case .message(let message): message.payload.count + Limits.maxMessageHeadBytes
        case .welcome: 768
        case .acknowledge, .gap, .ping, .pong, .authenticate, .authenticated, .drain, .error: 64
        }
    }
}

extension ClientFrame {
    /// The frame without a share in the buffer of the read, which is much larger than most payloads.
    fileprivate var detached: ClientFrame {
        guard case .message(let sequence, let payload) = self else { return self }
        let bytes = ByteBuffer(bytes: payload.bytes.readableBytesView)
        return .message(sequence: sequence, payload: Payload(unchecked: bytes, kind: payload.kind))
    }
}
