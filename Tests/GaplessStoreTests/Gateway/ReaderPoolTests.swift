import GaplessCore
import GaplessStore
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct ReaderPoolTests {
    private final class Deliveries: Sendable {
        private let batches = Mutex<[(loop: Int, ids: [UInt64], found: [Int?])]>([])

        var all: [(loop: Int, ids: [UInt64], found: [Int?])] { self.batches.withLock { $0 } }

        func deliver(_ loop: Int, _ answers: [ReadAnswer]) {
            let ids = answers.map(\.connection.id.rawValue)
            let found = answers.map { answer -> Int? in
                if case .success(.slice(let slice)) = answer.result { slice.messages.count } else { nil }
            }
            self.batches.withLock { $0.append((loop, ids, found)) }
        }
    }

    private func address(_ id: UInt64, loop: Int = 0) -> ConnectionAddress {
        ConnectionAddress(id: ServedConnectionID(id), loop: loop)
    }

    private func request(_ fence: Fence) -> ReadRequest {
        ReadRequest(client: GatewayRig.phone, fence: fence, after: .zero, maxMessages: 10, maxBytes: 1_000)
    }

    private func storeWithOneMessage() throws -> (store: GatedStore, fence: Fence) {
        let store = GatedStore()
        let attach = AttachOperation(client: GatewayRig.phone, node: GatewayRig.node, instance: rigInstance, attempt: .first)
        let receipt = try store.commit([GatewayRig.message("1"), .attach(attach)], now: Timestamp(milliseconds: 1))
        guard case .attach(.attached(let attachment)) = receipt.receipts.last else { throw GatewayRig.Unexpected() }
        return (store, attachment.fence)
    }

    @Test func whatWaitsIsReadTogetherAndEachLoopGetsOneBatch() async throws {
        let (store, fence) = try self.storeWithOneMessage()
        let pool = ReaderPool(store: store, threads: 1, maxBatch: 3, clock: ManualGatewayClock().gatewayClock)
        let deliveries = Deliveries()
        pool.start(deliver: deliveries.deliver)
        store.closeGate()
        pool.read(self.request(fence), for: self.address(1))
        try await eventually { store.waiting == 1 }
        for id in 2...5 as ClosedRange<UInt64> {
            pool.read(self.request(fence), for: self.address(id, loop: Int(id % 2)))
        }
        store.openGate()
        await pool.stop()
        #expect(store.readBatches == [1, 3, 1])
        #expect(deliveries.all.map(\.loop) == [0, 0, 1, 1])
        #expect(deliveries.all.map(\.ids) == [[1], [2, 4], [3], [5]])
        #expect(deliveries.all.allSatisfy { $0.found.allSatisfy { $0 == 1 } })
    }

    @Test func readsAreBoundedByBytesAndOneAlwaysGoes() async throws {
        let (store, fence) = try self.storeWithOneMessage()
        let pool = ReaderPool(store: store, threads: 1, maxBatchBytes: 2_500, clock: ManualGatewayClock().gatewayClock)
        store.closeGate()
        pool.start { _, _ in }
        pool.read(self.request(fence), for: self.address(1))
        try await eventually { store.waiting == 1 }
        var large = self.request(fence)
        large.maxBytes = .max
        pool.read(large, for: self.address(2))
        for id in 3...5 as ClosedRange<UInt64> { pool.read(self.request(fence), for: self.address(id)) }
        store.openGate()
        await pool.stop()
        #expect(store.readBatches == [1, 1, 2, 1])
    }

    @Test func aStoreThatFailsFailsEachReadOfTheBatch() async throws {
        let (store, fence) = try self.storeWithOneMessage()
        store.close()
        let deliveries = Deliveries()
        let pool = ReaderPool(store: store, threads: 1)
        pool.start(deliver: deliveries.deliver)
        pool.read(self.request(fence), for: self.address(1))
        await pool.stop()
        #expect(deliveries.all.map(\.found) == [[nil]])
    }

    @Test func otherQuestionsAreAnsweredAndBounded() async throws {
        let (store, fence) = try self.storeWithOneMessage()
        let pool = ReaderPool(store: store, threads: 1, maxWork: 1)
        pool.start { _, _ in }
        let head = try await pool.perform { store throws(QueueStoreError) in
            try store.snapshot(of: GatewayRig.phone, now: Timestamp(milliseconds: 1))?.head
        }
        #expect(head == .first)
        store.closeGate()
        pool.read(self.request(fence), for: self.address(1))
        try await eventually { store.waiting == 1 }
        #expect(pool.submit { _ in } == nil)
        #expect(pool.submit { _ in }?.code == .overloaded)
        store.openGate()
        await pool.stop()
        #expect(pool.submit { _ in }?.code == .closed)
        await pool.stop()
    }

    @Test func severalThreadsReadSideBySide() async throws {
        let (store, fence) = try self.storeWithOneMessage()
        let deliveries = Deliveries()
        let pool = ReaderPool(store: store, threads: 2, maxBatch: 1)
        pool.start(deliver: deliveries.deliver)
        store.closeGate()
        pool.read(self.request(fence), for: self.address(1))
        pool.read(self.request(fence), for: self.address(2))
        try await eventually { store.waiting == 2 }
        store.openGate()
        await pool.stop()
        #expect(deliveries.all.count == 2)
    }
}

@Suite struct LoopMailboxTests {
    /// A loop that runs what it was given when it is told to.
    private final class Loop: Sendable {
        private let tasks = Mutex<[@Sendable () -> Void]>([])
        private let batches = Mutex<[[Int]]>([])

        var taskCount: Int { self.tasks.withLock { $0.count } }
        var received: [[Int]] { self.batches.withLock { $0 } }

        func mailbox() -> LoopMailbox<Int> {
            LoopMailbox(
                execute: { task in self.tasks.withLock { $0.append(task) } },
                handle: { batch in self.batches.withLock { $0.append(batch) } }
            )
        }

        func run() {
            let tasks = self.tasks.withLock { tasks in
                defer { tasks = [] }
                return tasks
            }
            tasks.forEach { $0() }
        }
    }

    @Test func whatGathersComesInOneCallOfTheLoop() {
        let loop = Loop()
        let mailbox = loop.mailbox()
        mailbox.post(1)
        mailbox.post([2, 3])
        mailbox.post([])
        mailbox.post(4)
        #expect(loop.taskCount == 1)
        loop.run()
        #expect(loop.received == [[1, 2, 3, 4]])
        mailbox.post(5)
        #expect(loop.taskCount == 1)
        loop.run()
        #expect(loop.received == [[1, 2, 3, 4], [5]])
    }

    @Test func nothingPostedCallsNoLoop() {
        let loop = Loop()
        loop.mailbox().post([])
        #expect(loop.taskCount == 0)
    }
}
