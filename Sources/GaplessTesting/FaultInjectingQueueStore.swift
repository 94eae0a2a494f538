package import GaplessCore
package import GaplessStore
import Synchronization

/// A store that fails when it is told to, and otherwise is the one that it wraps.
///
/// Calls that can fail - commits, reads, looks at signals, snapshots, keys - are counted from 1. What the caller of a store must stand is
/// found by failing the first call, then the second, and so on.
package final class FaultInjectingQueueStore: QueueStore {
    /// Which calls fail.
    package enum Fault: Hashable, Sendable {
        /// One call, by its count.
        case nth(Int)
        /// That call and every later one, until `heal()`.
        case from(Int)
    }

    /// What becomes of a commit that fails.
    package enum Effect: String, Hashable, Sendable, CaseIterable {
        /// Nothing happened, and the error says so (`.unavailable`, or what the caller chose).
        case nothing
        /// Nothing happened, and the error does not know (`.unknown`).
        case lost
        /// It was committed, and the error does not know (`.unknown`).
        case committed
    }

    private struct Plan {
        var fault: Fault?
        var effect: Effect
        var code = QueueStoreError.Code.unavailable
        var calls = 0
    }

    private let base: any QueueStore
    private let plan: Mutex<Plan>

    /// - Parameter fault: nil for a store that does not fail before `fail(_:effect:)` is called.
    package init(_ base: any QueueStore, failing fault: Fault? = nil, effect: Effect = .nothing) {
        self.base = base
        self.plan = Mutex(Plan(fault: fault, effect: effect))
    }

    /// How many calls were made.
    package var calls: Int { self.plan.withLock { $0.calls } }

    /// Fails from now on as told; calls are counted anew.
    ///
    /// - Parameter code: what commits fail with when the effect is `nothing`.
    package func fail(_ fault: Fault, effect: Effect = .nothing, code: QueueStoreError.Code = .unavailable) {
        self.plan.withLock { $0 = Plan(fault: fault, effect: effect, code: code) }
    }

    /// Fails no more.
    package func heal() {
        self.plan.withLock { $0.fault = nil }
    }

    package var incarnation: Incarnation {
        get throws(QueueStoreError) { try self.base.incarnation }
    }

    package func commit(_ operations: [StoreOperation], now: Timestamp) throws(QueueStoreError) -> CommitReceipt {
        switch self.nextEffect() {
        case nil: return try self.base.commit(operations, now: now)
        case .nothing: throw QueueStoreError(self.plan.withLock { $0.code }, "A fault was injected.")
        case .lost: throw Self.unknown
        case .committed:
            _ = try self.base.commit(operations, now: now)
            throw Self.unknown
        }
    }

    package func read(_ requests: [ReadRequest], now: Timestamp) throws(QueueStoreError) -> [ReadReceipt] {
        try self.failIfDue()
        return try self.base.read(requests, now: now)
    }

    package func signals(for node: NodeIdentity, after cursor: SignalCursor) throws(QueueStoreError) -> SignalBatch {
        try self.failIfDue()
        return try self.base.signals(for: node, after: cursor)
    }

    package func snapshot(of client: ClientID, now: Timestamp) throws(QueueStoreError) -> QueueSnapshot? {
        try self.failIfDue()
        return try self.base.snapshot(of: client, now: now)
    }

    package func snapshots(
        of user: UserID?,
        after: ClientID?,
        limit: Int,
        now: Timestamp
    ) throws(QueueStoreError) -> [QueueSnapshot] {
        try self.failIfDue()
        return try self.base.snapshots(of: user, after: after, limit: limit, now: now)
    }

    package func tokenKeys(now: Timestamp) throws(QueueStoreError) -> [TokenKey] {
        try self.failIfDue()
        return try self.base.tokenKeys(now: now)
    }

    package func close() {
        self.base.close()
    }

    private static let unavailable = QueueStoreError(.unavailable, "A fault was injected.")
    private static let unknown = QueueStoreError(.unknown, "A fault was injected; what it did is not told.")

    private func failIfDue() throws(QueueStoreError) {
        if self.nextEffect() != nil { throw Self.unavailable }
    }

    /// Counts a call; what becomes of it when it fails, nil when it does not.
    private func nextEffect() -> Effect? {
        self.plan.withLock { plan in
            plan.calls += 1
            switch plan.fault {
            case nil: return nil
            case .nth(let count): return plan.calls == count ? plan.effect : nil
            case .from(let count): return plan.calls >= count ? plan.effect : nil
            }
        }
    }
}
