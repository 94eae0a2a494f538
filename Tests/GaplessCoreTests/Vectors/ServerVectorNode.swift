import GaplessCore
import GaplessStore
import NIOCore

/// What a server did that a vector can see.
enum ServerSight {
    case frame(ServerFrame)
    /// The Close of the server.
    case close(CloseCode)
    /// The end of the TCP connection, by the server.
    case drop
}

/// The server's side of one WebSocket in a vector: a session, and what it said that no step has expected yet.
final class ServerVectorConnection {
    let name: String
    let node: ServerVectorNode
    let address: ConnectionAddress
    var session: ServerSession
    var sights: [ServerSight] = []
    /// Whether the socket takes bytes.
    var isBlocked = false
    var isGone = false

    init(name: String, node: ServerVectorNode, address: ConnectionAddress, configuration: ServerSessionConfiguration, now: Instant) {
        self.name = name
        self.node = node
        self.address = address
        self.session = ServerSession(configuration: configuration, now: now)
    }

    func drive(_ event: (inout ServerSession, inout ServerSessionOutput) -> Void) {
        var output = ServerSessionOutput()
        event(&self.session, &output)
        for frame in output.frames where !self.isGone { self.sights.append(.frame(frame)) }
        if !output.frames.isEmpty, !self.isBlocked { self.session.bytesTaken(pending: 0, now: self.node.world.now) }
        for effect in output.effects { self.node.perform(effect, for: self) }
        switch output.close {
        case .handshake(let code): self.sights.append(.close(code))
        case .drop: self.drop()
        case nil: break
        }
    }

    private func drop() {
        guard !self.isGone else { return }
        self.isGone = true
        self.sights.append(.drop)
        self.drive { $0.peerClosed(now: self.node.world.now, into: &$1) }
        self.node.feed { $0.closed(self.address.id, into: &$2) }
    }

    /// The connection is lost, or was closed by the client.
    func lose() {
        guard !self.isGone else { return }
        self.isGone = true
        self.drive { $0.peerClosed(now: self.node.world.now, into: &$1) }
        self.node.feed { $0.closed(self.address.id, into: &$2) }
    }
}

/// One node of a vector: its logic, its way to the store, its connections.
final class ServerVectorNode {
    unowned let world: ServerVectorWorld
    let identity: NodeIdentity
    var logic: NodeLogic
    let store: MemoryQueueStore
    var connections: [ServerVectorConnection] = []
    var isAlive = true
    private var submitted: [SubmittedOperation] = []
    /// Handlers that run, oldest first.
    var runs: [HandlerRun] = []
    /// What the application's handler saw and no step expected yet.
    var calls: [HandlerRun] = []
    var cancelled: [HandlerRun.ID] = []

    init(world: ServerVectorWorld, name: NodeName, incarnation: UInt64, configuration: NodeConfiguration) {
        self.world = world
        self.identity = NodeIdentity(name: name, incarnation: incarnation)
        self.store = MemoryQueueStore(world.queues)
        self.logic = NodeLogic(configuration: configuration, wallClock: world.wallClock, now: world.now)
    }

    // MARK: The logic

    func feed(_ event: (inout NodeLogic, Instant, inout NodeOutput) -> Void) {
        guard self.isAlive else { return }
        var output = NodeOutput()
        event(&self.logic, self.world.now, &output)
        for notice in output.notices {
            self.world.later {
                guard let connection = self.connections.first(where: { $0.address == notice.address }) else { return }
                connection.drive { $0.notice(notice.notice, now: self.world.now, into: &$1) }
            }
        }
        for effect in output.effects { self.perform(effect) }
    }

    /// A WebSocket is opened; all come from one address.
    func open() -> ConnectionAddress {
        guard self.isAlive else { return self.logic.opened(loop: 0) }
        var address: ConnectionAddress?
        self.feed { logic, _, output in address = logic.opened(loop: 0, from: .v4(1), into: &output) }
        return address ?? self.logic.opened(loop: 0)
    }

    private func perform(_ effect: NodeEffect) {
        switch effect {
        case .poll(let cursor):
            self.world.later {
                let batch = self.world.isStoreDown ? nil : try? self.store.signals(for: self.identity, after: cursor)
                self.feed { logic, now, output in
                    if let batch { logic.polled(batch, now: now, into: &output) } else { logic.pollFailed(now: now) }
                }
            }
        case .commit(let operation): self.submit(SubmittedOperation(operation))
        case .attach(let operation, let address): self.submit(SubmittedOperation(.attach(operation), connection: address))
        case .run(let run):
            self.runs.append(run)
            self.calls.append(run)
        case .cancel(let id): self.cancelled.append(id)
        case .decide(let run):
            let decision = self.world.settings.decision
            self.world.later { self.feed { $0.decided(run.id, decision, now: $1, into: &$2) } }
        case .observe, .drained, .started, .leave: break
        }
    }

    // MARK: The store

    private func submit(_ operation: SubmittedOperation) {
        self.submitted.append(operation)
        if self.submitted.count == 1 { self.world.later { self.commitSubmitted() } }
    }

    /// Commits what waits, unless the store answers nobody.
    func commitSubmitted() {
        guard !self.world.isStoreHeld, !self.submitted.isEmpty else { return }
        let batch = self.submitted
        self.submitted = []
        self.commit(batch)
    }

    func commit(_ batch: [SubmittedOperation]) {
        guard !self.world.isStoreDown, let receipt = try? self.store.commit(batch.map(\.operation), now: self.world.wallClock) else {
            return self.feed { $0.commitFailed(batch, .nothing, now: $1, into: &$2) }
        }
        guard !self.world.isStoreDeaf else {
            return self.feed { $0.commitFailed(batch, .unknown, now: $1, into: &$2) }
        }
        let committed = zip(batch, receipt.receipts).map { submitted, receipt in
            CommittedOperation(submitted.operation, receipt, connection: submitted.connection)
        }
        self.feed { $0.committed(committed, now: $1, into: &$2) }
    }

    // MARK: Sessions

    func perform(_ effect: ServerSessionEffect, for connection: ServerVectorConnection) {
        guard self.isAlive else { return }
        switch effect {
        case .admit:
            self.world.later {
                let admission = self.logic.hear(authentications: 0, now: self.world.now)
                connection.drive { $0.admitted(admission, now: self.world.now, into: &$1) }
            }
        case .authenticate(let hello): self.authenticate(hello.client, hello.token, for: connection)
        case .authenticateAgain(let client, let token): self.authenticate(client, token, for: connection)
        case .attach(let operation):
            self.feed { $0.attach(operation, for: connection.address, from: .v4(1), now: $1, into: &$2) }
        case .read(let request):
            self.world.later {
                guard !self.world.isStoreDown, let receipt = try? self.store.read([request], now: self.world.wallClock).first else {
                    return connection.drive { $0.notice(.storeFailed(.read), now: self.world.now, into: &$1) }
                }
                connection.drive { $0.loaded(receipt, now: self.world.now, into: &$1) }
            }
        case .acknowledge(let operation): self.submit(SubmittedOperation(.acknowledge(operation), connection: connection.address))
        case .deliver(let delivery): self.feed { $0.deliver(delivery, now: $1, into: &$2) }
        case .end(let operation): self.submit(SubmittedOperation(.end(operation), connection: connection.address))
        case .detach(let operation): self.submit(SubmittedOperation(.detach(operation), connection: connection.address))
        case .displaced(let client, let fence): self.feed { $0.displaced(client, from: fence, now: $1, into: &$2) }
        case .observe: break
        }
    }

    private func authenticate(_ client: ClientID?, _ token: String?, for connection: ServerVectorConnection) {
        guard let outcome = self.world.settings.judge(client, token) else { return }
        self.world.later {
            connection.drive { $0.authenticated(outcome, wallClock: self.world.wallClock, now: self.world.now, into: &$1) }
        }
    }

    // MARK: Time

    var nextDeadline: Instant? {
        guard self.isAlive else { return nil }
        return self.connections.reduce(self.logic.nextDeadline) { first, connection in
            guard let deadline = connection.session.nextDeadline else { return first }
            return first.map { min($0, deadline) } ?? deadline
        }
    }

    func fire() {
        guard self.isAlive else { return }
        if let deadline = self.logic.nextDeadline, deadline <= self.world.now {
            let wallClock = self.world.wallClock
            self.feed { $0.timerFired(wallClock: wallClock, now: $1, into: &$2) }
        }
        for connection in self.connections {
            guard let deadline = connection.session.nextDeadline, deadline <= self.world.now else { continue }
            connection.drive { $0.timerFired(now: self.world.now, into: &$1) }
        }
    }
}
