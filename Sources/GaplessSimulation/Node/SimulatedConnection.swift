import GaplessCore

/// The server's side of a link: what `ConnectionShell` is to a socket, without one.
final class SimulatedConnection {
    let link: SimulatedLink
    let address: ConnectionAddress
    private var node: NodeProcess { self.link.node }
    private var session: ServerSession
    private var output = ServerSessionOutput()
    private var alarm: Instant?
    private var isWritable = true
    private var isGone = false
    /// Whether the server said that it ends.
    private(set) var isEnding = false
    /// What was sent and not acknowledged on this connection, for the checker: numbers and sizes.
    var window = SentWindow()
    /// What it told of its queue, for the checker.
    var stream: ToldStream?
    /// What it was welcomed with, for the checker.
    var welcome: Welcome?

    init(link: SimulatedLink, address: ConnectionAddress, node: NodeProcess, configuration: ServerSessionConfiguration) {
        self.link = link
        self.address = address
        self.session = ServerSession(configuration: configuration, now: node.now)
    }

    var isOver: Bool { self.session.isOver }

    /// Its time begins to run.
    func begin() {
        self.armTimer()
    }

    // MARK: From the network

    func received(_ frame: ClientFrame) {
        if case .acknowledge(let through) = frame { self.window.acknowledge(through) }
        self.stream?.received(frame)
        self.session.received(frame, now: self.node.now, into: &self.output)
        self.settle()
    }

    /// A part of a message came.
    func heard() {
        self.session.signOfLife(now: self.node.now)
        self.settle()
    }

    func peerClosed() {
        guard !self.isGone else { return }
        self.isGone = true
        self.session.peerClosed(now: self.node.now, into: &self.output)
        self.perform()
        self.node.closed(self)
    }

    /// Bytes left the socket.
    func progressed() {
        guard !self.isGone, !self.link.isServerOver, self.node.isRunning else { return }
        self.node.run {
            self.session.bytesTaken(pending: self.link.down.bytes, now: self.node.now)
            self.adjustWritability()
            self.settle()
        }
    }

    private func adjustWritability() {
        let high = self.node.world.options.socketBytes
        let isWritable = self.isWritable ? self.link.down.bytes <= high : self.link.down.bytes <= high / 2
        guard isWritable != self.isWritable else { return }
        self.isWritable = isWritable
        if !isWritable { self.node.world.counters.count(.unwritable) }
        self.session.writabilityChanged(to: isWritable, now: self.node.now, into: &self.output)
    }

    // MARK: From the node

    func take(_ mail: NodeProcess.Mail) {
        switch mail {
        case .notice(let notice): self.session.notice(notice, now: self.node.now, into: &self.output)
        case .loaded(let receipt): self.session.loaded(receipt, now: self.node.now, into: &self.output)
        case .authenticated(let outcome):
            self.session.authenticated(outcome, wallClock: self.node.wallClock, now: self.node.now, into: &self.output)
        }
        self.settle()
        if case .loaded(let receipt) = mail, !self.isGone, !self.isEnding { self.node.world.checker.looked(receipt, by: self) }
    }

    // MARK: Performing

    private func settle() {
        self.perform()
        self.armTimer()
        self.node.forgetIfOver(self)
    }

    private func perform() {
        while !self.output.isEmpty {
            let output = self.output
            self.output.removeAll()
            for frame in output.frames {
                self.node.world.send(frame, on: self.link)
            }
            if !output.frames.isEmpty, !self.isGone {
                self.session.bytesTaken(pending: self.link.down.bytes, now: self.node.now)
                self.adjustWritability()
            }
            for effect in output.effects { self.perform(effect) }
            switch output.close {
            case .handshake(let code):
                self.isEnding = true
                self.node.world.close(self.link, byServerWith: code)
            case .drop:
                self.node.world.drop(self.link)
                if !self.isGone {
                    self.isGone = true
                    self.session.peerClosed(now: self.node.now, into: &self.output)
                    self.node.closed(self)
                }
            case nil: break
            }
        }
    }

    private func perform(_ effect: ServerSessionEffect) {
        switch effect {
        case .admit:
            let admission = self.node.logic.admit(authentications: 0, now: self.node.now)
            self.session.admitted(admission, now: self.node.now, into: &self.output)
        case .authenticate(let hello): self.node.authenticate(hello.client, token: hello.token, for: self)
        case .authenticateAgain(let client, let token): self.node.authenticate(client, token: token, for: self)
        case .attach(let operation):
            // Where few queues may be created, all clients are behind one address.
            let place = self.node.options.creations == 1 ? 9 : self.link.client.client.place
            let remote = RemoteAddress(bytes: [10, 0, 0, UInt8(place)])
            self.node.feed { $0.attach(operation, for: self.address, from: remote, now: $1, into: &$2) }
        case .acknowledge(let operation): self.node.submit(.acknowledge(operation), for: self.address)
        case .end(let operation): self.node.submit(.end(operation), for: self.address)
        case .detach(let operation): self.node.submit(.detach(operation), for: self.address)
        case .read(let request): self.node.read(request, for: self.address)
        case .deliver(let delivery): self.node.feed { $0.deliver(delivery, now: $1, into: &$2) }
        case .displaced(let client, let fence): self.node.feed { $0.displaced(client, from: fence, now: $1, into: &$2) }
        case .observe: break
        }
    }

    // MARK: Time

    private func armTimer() {
        guard !self.isGone, let deadline = self.session.nextDeadline else { return }
        if let alarm = self.alarm, alarm <= deadline { return }
        self.alarm = deadline
        self.node.schedule(at: max(deadline, self.node.now)) {
            guard self.alarm == deadline else { return }
            self.alarm = nil
            guard !self.isGone else { return }
            self.session.bytesTakenIfEmpty(self.link.down.bytes, now: self.node.now)
            self.session.timerFired(now: self.node.now, into: &self.output)
            self.settle()
        }
    }
}

extension ServerSession {
    /// The socket is empty, which a shell finds out before it lets a deadline pass.
    mutating func bytesTakenIfEmpty(_ pending: Int, now: Instant) {
        if pending == 0 { self.bytesTaken(pending: 0, now: now) }
    }
}
