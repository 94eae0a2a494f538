import GaplessCore
import GaplessServer
import GaplessStore
import Logging
import Synchronization
import Testing

/// Queues in memory that several servers of one process share.
@Suite struct MemoryStoreTests {
    /// A server's side of a store: what it opened, and how often it was woken.
    private final class Side: Sendable {
        let node: NodeIdentity
        let opened: StoreConfiguration.Opened
        private let wakes: Wakes

        private final class Wakes: Sendable {
            let count = Mutex(0)
        }

        init(_ name: String, _ store: StoreConfiguration) throws {
            let wakes = Wakes()
            let node = NodeIdentity(name: try #require(NodeName(name)), incarnation: 1)
            self.wakes = wakes
            self.node = node
            self.opened = try store.open(
                StoreConfiguration.Context(
                    policy: StorePolicy(),
                    node: node,
                    onWake: { wakes.count.withLock { $0 += 1 } },
                    logger: Logger(label: "test")
                )
            )
        }

        var woken: Int { self.wakes.count.withLock { $0 } }

        /// Commits, and wakes those who have news, as a gateway does.
        func commit(_ operations: StoreOperation...) throws {
            let receipt = try self.opened.store.commit(operations, now: Timestamp(milliseconds: 1_000))
            self.opened.wake(receipt.wake)
        }

        func heartbeat() throws {
            try self.commit(.heartbeat(HeartbeatOperation(node: self.node, schemas: 1...1, seen: .zero)))
        }
    }

    private static func attach(at node: NodeIdentity) throws -> StoreOperation {
        .attach(
            AttachOperation(
                client: try #require(ClientID("alice/phone")),
                node: node,
                instance: try #require(InstanceID("i1")),
                attempt: .first
            )
        )
    }

    private static func send() throws -> StoreOperation {
        let clients = [try #require(ClientID("alice/phone"))]
        return .append(AppendOperation(recipients: .clients(clients, existingOnly: true), payload: Payload(text: "x")))
    }

    @Test func whoeverHoldsTheQueueIsWokenAtOnceByTheOthersAlone() throws {
        let store = StoreConfiguration.memory()
        let (a, b, c) = (try Side("a", store), try Side("b", store), try Side("c", store))
        for side in [a, b, c] { try side.heartbeat() }
        try a.commit(try Self.attach(at: a.node))
        try b.commit(try Self.send())
        #expect([a.woken, b.woken, c.woken] == [1, 0, 0])
        try a.commit(try Self.send())
        #expect(a.woken == 1)
        a.opened.close()
        try b.commit(try Self.send())
        #expect(a.woken == 1)
    }

    @Test func otherQueuesAreNobodysBusiness() throws {
        let (a, b) = (try Side("a", .memory()), try Side("b", .memory()))
        for side in [a, b] { try side.heartbeat() }
        try a.commit(try Self.attach(at: a.node))
        try b.commit(try Self.send())
        #expect(a.woken == 0)
    }
}
