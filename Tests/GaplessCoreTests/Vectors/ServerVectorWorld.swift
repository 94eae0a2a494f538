import GaplessCore
import GaplessStore
import NIOCore

/// A service of one or more nodes on one store, in the time of a vector.
final class ServerVectorWorld {
    let settings: ServerVectorSettings
    let queues: MemoryQueues
    private(set) var now = Instant(nanoseconds: 1_000_000_000_000)
    private(set) var wallClock: Timestamp
    private(set) var nodes: [ServerVectorNode] = []
    private(set) var connections: [ServerVectorConnection] = []
    /// Whether every commit and every read fails.
    var isStoreDown = false
    /// Whether commits happen and nobody hears of it.
    var isStoreDeaf = false
    /// Whether commits wait.
    var isStoreHeld = false
    var copies: [String: MemoryQueues] = [:]
    private var work: [() -> Void] = []
    /// Sends that wait for the store.
    private var held: [[AppendOperation]] = []

    init(settings: ServerVectorSettings, time: UInt64) {
        self.settings = settings
        self.queues = MemoryQueues(policy: settings.store, random: SeededLuck(1))
        self.wallClock = Timestamp(milliseconds: time - 2_000)
        // A node that stands alone stops differently: a second one is always there.
        self.nodes = ["a", "b"].enumerated().map { index, name in
            let identity = NodeIdentity(name: Named.node(name), incarnation: UInt64(index + 1))
            var configuration = NodeConfiguration(node: identity, creations: settings.creations)
            configuration.maxUplinkBytes = settings.maxUplinkBytes
            configuration.pace = settings.pace
            configuration.maxConnectionsPerAddress = settings.connectionsPerAddress
            configuration.rebalance = settings.rebalance
            return ServerVectorNode(world: self, name: identity.name, incarnation: identity.incarnation, configuration: configuration)
        }
        for _ in 0..<2 {
            for node in self.nodes { node.fire() }
            self.settle()
        }
        self.pass(.milliseconds(2_000))
    }

    func later(_ action: @escaping () -> Void) { self.work.append(action) }

    /// Lets everything happen that needs no time.
    func settle() {
        while !self.work.isEmpty {
            let action = self.work.removeFirst()
            action()
        }
    }

    func node(_ name: String) throws -> ServerVectorNode {
        guard let node = self.nodes.first(where: { $0.identity.name.description == name }) else { throw VectorFailure("no node \(name)") }
        return node
    }

    func connection(_ name: String) throws -> ServerVectorConnection {
        guard let connection = self.connections.first(where: { $0.name == name }) else { throw VectorFailure("no connection \(name)") }
        return connection
    }

    func open(_ name: String, on node: ServerVectorNode) throws {
        guard !self.connections.contains(where: { $0.name == name }) else { throw VectorFailure("\(name) is open already") }
        var configuration = self.settings.session
        configuration.node = node.identity
        let connection = ServerVectorConnection(
            name: name,
            node: node,
            address: node.open(),
            configuration: configuration,
            now: self.now
        )
        node.connections.append(connection)
        self.connections.append(connection)
    }

    // MARK: Time

    /// Time passes; whatever is due happens when it is due.
    func pass(_ time: Duration) {
        let end = self.now + time
        for _ in 0..<200_000 {
            let deadlines = self.nodes.compactMap(\.nextDeadline)
            guard let next = deadlines.min(), next <= end else { break }
            if self.now < next { self.advance(next - self.now) }
            for node in self.nodes { node.fire() }
            self.settle()
        }
        if self.now < end { self.advance(end - self.now) }
    }

    /// The processes stand still; what was due happens when they go on.
    func stall(_ time: Duration) {
        self.advance(time)
        for node in self.nodes { node.fire() }
        self.settle()
    }

    private func advance(_ time: Duration) {
        self.now = self.now + time
        self.wallClock = self.wallClock + time
    }

    // MARK: The application and the operator

    /// The store goes on with what waited.
    func release() throws {
        self.isStoreHeld = false
        let held = self.held
        self.held = []
        for appends in held { _ = try self.send(appends) }
        for node in self.nodes { node.commitSubmitted() }
    }

    /// One transaction with all of them. None is refused while the store holds them back.
    func send(_ appends: [AppendOperation]) throws -> [AppendReceipt] {
        guard !self.isStoreHeld else {
            self.held.append(appends)
            return []
        }
        guard let node = self.nodes.first(where: \.isAlive) else { throw VectorFailure("no node is alive") }
        guard !self.isStoreDown, let receipt = try? node.store.commit(appends.map { .append($0) }, now: self.wallClock) else {
            throw VectorFailure("the store is down")
        }
        node.feed { logic, now, output in
            logic.committed(
                zip(appends, receipt.receipts).map { CommittedOperation(.append($0), $1) },
                now: now,
                into: &output
            )
        }
        return receipt.receipts.compactMap { if case .append(let receipt) = $0 { receipt } else { nil } }
    }

    func snapshot(_ client: ClientID) throws -> QueueSnapshot? {
        try self.nodes.first?.store.snapshot(of: client, now: self.wallClock)
    }
}
