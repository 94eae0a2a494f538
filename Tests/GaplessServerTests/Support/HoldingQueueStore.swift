import Dispatch
import GaplessCore
import GaplessStore
import Synchronization

/// A store whose commits with a message, or all, can be held, as a slow disk does.
final class HoldingQueueStore: QueueStore {
    private let base: any QueueStore
    private let isHeld = Mutex(false)
    private let gate = DispatchSemaphore(value: 0)
    private let reached = Mailbox<Void>()

    private let holdsAll: Bool

    init(_ base: any QueueStore, holdsAll: Bool = false) {
        self.base = base
        self.holdsAll = holdsAll
    }

    var isHolding: Bool { self.isHeld.withLock { $0 } }

    func hold() {
        self.isHeld.withLock { $0 = true }
    }

    /// Waits until a commit is held.
    func held() async throws {
        try await self.reached.next()
    }

    func release() {
        self.isHeld.withLock { $0 = false }
        self.gate.signal()
    }

    func commit(_ operations: [StoreOperation], now: Timestamp) throws(QueueStoreError) -> CommitReceipt {
        let hasMessage = operations.contains { if case .append = $0 { true } else { false } }
        if hasMessage || self.holdsAll, self.isHolding {
            self.reached.put(())
            self.gate.wait()
        }
        return try self.base.commit(operations, now: now)
    }

    var incarnation: Incarnation {
        get throws(QueueStoreError) { try self.base.incarnation }
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

    func close() {
        self.base.close()
    }
}
