import GaplessCore
import GaplessStore

/// A connection on its node's side.
final class WorldConnection {
    var session: ServerSession
    let wire: WorldWire
    let address: ConnectionAddress
    var isWritable = true

    init(session: consuming ServerSession, wire: WorldWire, address: ConnectionAddress) {
        self.session = session
        self.wire = wire
        self.address = address
    }
}

/// One process of a node: its logic, its sessions, and what it has submitted to the store.
final class WorldNode {
    let index: Int
    let identity: NodeIdentity
    let store: MemoryQueueStore
    var logic: NodeLogic
    var connections: [ServedConnectionID: WorldConnection] = [:]
    /// In order of their opening; dictionaries are never iterated.
    var order: [ServedConnectionID] = []
    var submitted: [SubmittedOperation] = []
    var isCommitting = false
    var isAlive = true
    private unowned let world: World

    init(index: Int, incarnation: UInt64, queues: MemoryQueues, world: World) {
        self.index = index
        self.identity = NodeIdentity(name: WorldName.node(index), incarnation: incarnation)
        self.store = MemoryQueueStore(queues)
        self.world = world
        self.logic = NodeLogic(
            configuration: NodeConfiguration(node: self.identity),
            wallClock: world.wallClock,
            now: world.now
        )
    }

    var nextDeadline: Instant? {
        guard self.isAlive else { return nil }
        return self.order.reduce(self.logic.nextDeadline) { earliest, id in
            let deadline = self.connections[id]?.session.nextDeadline
            guard let earliest, let deadline else { return earliest ?? deadline }
            return min(earliest, deadline)
        }
    }

    func fire() {
        self.tell { $0.timerFired(wallClock: self.world.wallClock, now: self.world.now, into: &$1) }
        for id in self.order {
            guard let deadline = self.connections[id]?.session.nextDeadline, deadline <= self.world.now else { continue }
            self.feed(id) { $0.timerFired(now: self.world.now, into: &$1) }
        }
    }

    // MARK: Connections

    func accept(_ wire: WorldWire) {
        let address = self.logic.opened(loop: 0)
        let configuration = ServerSessionConfiguration(
            node: self.identity,
            endpoints: nil,
            downlinkWindow: self.world.options.downlinkWindow,
            uplinkWindow: self.world.options.uplinkWindow
        )
        let session = ServerSession(configuration: configuration, now: self.world.now)
        self.connections[address.id] = WorldConnection(session: session, wire: wire, address: address)
        self.order.append(address.id)
        wire.served = address.id
    }

    func feed(_ id: ServedConnectionID, _ event: (inout ServerSession, inout ServerSessionOutput) -> Void) {
        guard self.isAlive, let connection = self.connections[id] else { return }
        var output = ServerSessionOutput()
        event(&connection.session, &output)
        self.perform(output, of: connection)
        if connection.session.isOver {
            self.connections[id] = nil
            self.order.removeAll { $0 == id }
        }
    }

    func lost(_ id: ServedConnectionID) {
        self.feed(id) { $0.peerClosed(now: self.world.now, into: &$1) }
        self.tell { $0.closed(id, into: &$1) }
    }

    private func perform(_ output: ServerSessionOutput, of connection: WorldConnection) {
        let id = connection.address.id
        let now = self.world.now
        for frame in output.frames { self.world.send(frame, on: connection.wire) }
        if !output.frames.isEmpty, connection.isWritable { connection.session.bytesTaken(pending: 0, now: now) }
        for effect in output.effects {
            switch effect {
            case .admit:
                let admission = self.logic.admit(authentications: 0, now: now)
                self.feed(id) { $0.admitted(admission, now: now, into: &$1) }
            case .authenticate, .authenticateAgain:
                self.world.after(self.world.latency) { world in
                    self.feed(id) { $0.authenticated(.unneeded, wallClock: world.wallClock, now: world.now, into: &$1) }
                }
            case .attach(let operation):
                self.tell { $0.attach(operation, for: connection.address, from: .unknown, now: now, into: &$1) }
            case .acknowledge(let operation): self.submit(SubmittedOperation(.acknowledge(operation)))
            case .end(let operation): self.submit(SubmittedOperation(.end(operation)))
            case .detach(let operation): self.submit(SubmittedOperation(.detach(operation)))
            case .read(let request): self.read(request, for: id)
            case .deliver(let delivery): self.tell { $0.deliver(delivery, now: now, into: &$1) }
            case .displaced(let client, let fence): self.tell { $0.displaced(client, from: fence, now: now, into: &$1) }
            case .observe: break
            }
        }
        switch output.close {
        case .handshake(let code): self.world.serverCloses(connection.wire, code)
        case .drop: self.world.cut(connection.wire, isHalfOpen: false)
        case nil: break
        }
    }

    private var storeTime: Timestamp { self.logic.storeTime(wallClock: self.world.wallClock, now: self.world.now) }

    private func read(_ request: ReadRequest, for id: ServedConnectionID) {
        // The store sees the request at one moment, and the session its answer at a later one.
        self.world.after(self.world.latency) { world in
            guard self.isAlive else { return }
            let isFailing = world.isStoreFailing()
            let receipt = isFailing ? nil : try? self.store.read([request], now: self.storeTime).first
            world.after(world.latency) { world in
                self.feed(id) { session, output in
                    if let receipt {
                        session.loaded(receipt, now: world.now, into: &output)
                    } else {
                        session.notice(.storeFailed(.read), now: world.now, into: &output)
                    }
                }
            }
        }
    }

    // MARK: The node

    func tell(_ event: (inout NodeLogic, inout NodeOutput) -> Void) {
        guard self.isAlive else { return }
        var output = NodeOutput()
        event(&self.logic, &output)
        for notice in output.notices {
            self.feed(notice.address.id) { $0.notice(notice.notice, now: self.world.now, into: &$1) }
        }
        for effect in output.effects { self.perform(effect) }
    }

    private func perform(_ effect: NodeEffect) {
        switch effect {
        case .poll(let cursor):
            self.world.after(self.world.latency) { world in
                guard self.isAlive else { return }
                let isFailing = world.isStoreFailing()
                let batch = isFailing ? nil : try? self.store.signals(for: self.identity, after: cursor)
                self.tell { logic, output in
                    if let batch {
                        logic.polled(batch, now: world.now, into: &output)
                    } else {
                        logic.pollFailed(now: world.now)
                    }
                }
            }
        case .commit(let operation): self.submit(SubmittedOperation(operation))
        case .attach(let operation, let address): self.submit(SubmittedOperation(.attach(operation), connection: address))
        case .run(let run): self.world.handle(run, on: self)
        case .decide(let run):
            self.world.after(self.world.latency) { world in
                self.tell { $0.decided(run.id, .close, now: world.now, into: &$1) }
            }
        case .cancel, .observe: break
        case .started, .leave: break
        case .drained: self.world.restart(self, isClean: true)
        }
    }

    // MARK: The store

    func submit(_ operation: SubmittedOperation) {
        self.submitted.append(operation)
        guard !self.isCommitting else { return }
        self.isCommitting = true
        self.world.after(self.world.latency) { _ in self.commit() }
    }

    private func commit() {
        guard self.isAlive else { return }
        let batch = self.coalesced()
        let isFailing = self.world.isStoreFailing()
        // A store that fails may have committed all the same: nobody knows.
        let isDone = !isFailing || self.world.luck.isOnce(in: 2)
        let receipt = isDone ? try? self.store.commit(batch.map(\.operation), now: self.storeTime) : nil
        if let receipt { self.world.committed(zip(batch.map(\.operation), receipt.receipts).map { ($0, $1) }) }
        self.world.after(self.world.latency) { world in
            guard self.isAlive else { return }
            self.isCommitting = false
            self.tell { logic, output in
                if let receipt, !isFailing {
                    let operations = zip(batch, receipt.receipts).map { CommittedOperation($0.operation, $1, connection: $0.connection) }
                    logic.committed(operations, now: world.now, into: &output)
                } else {
                    logic.commitFailed(batch, .unknown, now: world.now, into: &output)
                }
            }
            if !self.submitted.isEmpty, !self.isCommitting {
                self.isCommitting = true
                world.after(world.latency) { _ in self.commit() }
            }
        }
    }

    /// Everything that waits, acknowledgements joined at the end, as the gateway has it.
    private func coalesced() -> [SubmittedOperation] {
        var coalescer = AcknowledgementCoalescer()
        var batch: [SubmittedOperation] = []
        for submitted in self.submitted {
            if case .acknowledge(let operation) = submitted.operation {
                coalescer.add(operation)
            } else {
                batch.append(submitted)
            }
        }
        self.submitted = []
        return batch + coalescer.take().map { SubmittedOperation(.acknowledge($0)) }
    }
}
