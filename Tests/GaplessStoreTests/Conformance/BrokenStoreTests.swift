import GaplessCore
import GaplessStore
import GaplessTesting
import Synchronization
import Testing

/// A store that breaks a promise fails the checks of that promise, and others it passes.
@Suite struct BrokenStoreTests {
    private func report(_ topics: [String], _ breaking: @escaping @Sendable (MemoryQueues) -> any QueueStore) -> StoreConformanceReport {
        let checks = StoreConformance.all.filter { topics.contains($0.topic) }
        return StoreConformance.run(checks) { _ in
            let made = Mutex<MemoryQueues?>(nil)
            return StoreConfiguration("broken") { context throws(QueueStoreError) in
                let queues = made.withLock { made in
                    let queues = made ?? MemoryQueues(policy: context.policy)
                    made = queues
                    return queues
                }
                let store = breaking(queues)
                return StoreConfiguration.Opened(store: store, close: { store.close() })
            }
        }
    }

    @Test func aStoreThatForgetsWhatItReceiptedIsFound() {
        let report = self.report(["numbering", "reading", "marks", "takeover"]) { ForgetfulQueueStore($0) }
        let failed = Set(report.failures.map(\.topic))
        #expect(failed.isSuperset(of: ["numbering", "reading", "marks"]), "\(report)")
        #expect(report.failures.count < report.checks, "checks without messages pass")
    }

    @Test func aStoreThatReadsTooLittleIsFoundByReadingAlone() {
        let report = self.report(["reading", "ends", "fences"]) { ShortSightedQueueStore(base: MemoryQueueStore($0)) }
        #expect(report.failures.contains { $0.topic == "reading" }, "\(report)")
        #expect(!report.failures.contains { $0.law.hasPrefix("an operator's removal") }, "\(report)")
    }

    @Test func aStoreThatCannotWorkFailsEverything() {
        let report = self.report(["numbering", "ends"]) { FaultInjectingQueueStore(MemoryQueueStore($0), failing: .from(1)) }
        #expect(report.checks > 0 && report.failures.count == report.checks)
        #expect(report.failures.allSatisfy { $0.sentence.contains("A fault was injected") })
    }

    @Test func aStoreThatCannotBeCopiedIsToldSo() {
        let report = self.report(["restores"]) { MemoryQueueStore($0) }
        #expect(report.failures.allSatisfy { $0.sentence.contains("cannot be copied") } && !report.isPassed)
    }
}

/// Gives receipts for sends and then forgets them, as a store does that does not wait for its disk and loses power.
private final class ForgetfulQueueStore: QueueStore {
    private let queues: MemoryQueues
    private let base: MemoryQueueStore

    init(_ queues: MemoryQueues) {
        self.queues = queues
        self.base = MemoryQueueStore(queues)
    }

    var incarnation: Incarnation {
        get throws(QueueStoreError) { try self.base.incarnation }
    }

    func commit(_ operations: [StoreOperation], now: Timestamp) throws(QueueStoreError) -> CommitReceipt {
        let before = self.queues.copy()
        let receipt = try self.base.commit(operations, now: now)
        let isSend = operations.contains { operation in
            if case .append = operation { true } else { false }
        }
        if isSend { self.queues.restore(from: before) }
        return receipt
    }

    func read(_ requests: [ReadRequest], now: Timestamp) throws(QueueStoreError) -> [ReadReceipt] {
        try self.base.read(requests, now: now)
    }

    func signals(for node: NodeIdentity, after cursor: SignalCursor) throws(QueueStoreError) -> SignalBatch {
        try self.base.signals(for: node, after: cursor)
    }

    func snapshot(of client: ClientID, now: Timestamp) throws(QueueStoreError) -> QueueSnapshot? {
        try self.base.snapshot(of: client, now: now)
    }

    func snapshots(of user: UserID?, after: ClientID?, limit: Int, now: Timestamp) throws(QueueStoreError) -> [QueueSnapshot] {
        try self.base.snapshots(of: user, after: after, limit: limit, now: now)
    }

    func tokenKeys(now: Timestamp) throws(QueueStoreError) -> [TokenKey] {
        try self.base.tokenKeys(now: now)
    }

    func close() { self.base.close() }
}

/// Never gives the newest message of a slice.
private final class ShortSightedQueueStore: QueueStore {
    private let base: MemoryQueueStore

    init(base: MemoryQueueStore) {
        self.base = base
    }

    var incarnation: Incarnation {
        get throws(QueueStoreError) { try self.base.incarnation }
    }

    func commit(_ operations: [StoreOperation], now: Timestamp) throws(QueueStoreError) -> CommitReceipt {
        try self.base.commit(operations, now: now)
    }

    func read(_ requests: [ReadRequest], now: Timestamp) throws(QueueStoreError) -> [ReadReceipt] {
        try self.base.read(requests, now: now).map { receipt in
            guard case .slice(var slice) = receipt else { return receipt }
            _ = slice.messages.popLast()
            return .slice(slice)
        }
    }

    func signals(for node: NodeIdentity, after cursor: SignalCursor) throws(QueueStoreError) -> SignalBatch {
        try self.base.signals(for: node, after: cursor)
    }

    func snapshot(of client: ClientID, now: Timestamp) throws(QueueStoreError) -> QueueSnapshot? {
        try self.base.snapshot(of: client, now: now)
    }

    func snapshots(of user: UserID?, after: ClientID?, limit: Int, now: Timestamp) throws(QueueStoreError) -> [QueueSnapshot] {
        try self.base.snapshots(of: user, after: after, limit: limit, now: now)
    }

    func tokenKeys(now: Timestamp) throws(QueueStoreError) -> [TokenKey] {
        try self.base.tokenKeys(now: now)
    }

    func close() { self.base.close() }
}
