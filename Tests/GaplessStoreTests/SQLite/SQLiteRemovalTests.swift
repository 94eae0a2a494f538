import Foundation
import GRDB
import GaplessCore
import GaplessStore
import Testing

@testable import GaplessSQLite

/// No commit removes much at once, and what is still in the file is seen by nobody.
@Suite struct SQLiteRemovalTests {
    private let test = SQLiteTestStore()

    private func open(_ policy: StorePolicy = StorePolicy(), maxRemovals: Int = 10) throws -> SQLiteQueueStore {
        try self.test.open(policy: policy) { $0.maxRemovals = maxRemovals }
    }

    private func fill(_ store: SQLiteQueueStore, _ count: Int, _ client: ClientID = SQLiteTestStore.phone) throws {
        _ = try store.commit((1...count).map { SQLiteTestStore.message("\($0)", to: client) }, now: SQLiteTestStore.start)
    }

    private func rows() throws -> Int {
        try self.test.withDatabase { try Int.fetchOne($0, sql: "SELECT count(*) FROM messages") ?? 0 }
    }

    private func remove(_ client: ClientID = SQLiteTestStore.phone) -> StoreOperation {
        .remove(RemoveOperation(client: client))
    }

    private func sweep(_ store: SQLiteQueueStore, maxRows: Int) throws -> ExpireReceipt {
        guard case .expire(let receipt) = try store.commit(.expire(ExpireOperation(maxRows: maxRows))) else {
            throw CocoaError(.featureUnsupported)
        }
        return receipt
    }

    @Test func aLargeQueueLeavesInSlicesOfTheSweep() throws {
        let store = try self.open()
        defer { store.close() }
        try self.fill(store, 100)
        _ = try store.commit(self.remove())
        #expect(try self.rows() == 100)
        #expect(try store.snapshot(of: SQLiteTestStore.phone, now: SQLiteTestStore.start) == nil)
        #expect(try StoreFile.check(self.test.path).problems == [])
        var left = 100
        while try self.sweep(store, maxRows: 20).hasMore {
            let now = try self.rows()
            #expect(left - now <= 20)
            #expect(try StoreFile.check(self.test.path).problems == [])
            guard now < left else { break }
            left = now
        }
        #expect(try self.rows() == 0)
        #expect(try self.test.withDatabase { try Int.fetchOne($0, sql: "SELECT count(*) FROM leftovers") } == 0)
        #expect(try StoreFile.information(self.test.path, now: SQLiteTestStore.start).bytes == 0)
    }

    @Test func smallQueuesGoAtOnceUntilTheCommitHasRemovedEnough() throws {
        let store = try self.open()
        defer { store.close() }
        let clients = (0..<5).map { SQLiteTestStore.client("user\($0)") }
        for client in clients { try self.fill(store, 4, client) }
        _ = try store.commit(clients.map { self.remove($0) }, now: SQLiteTestStore.start)
        #expect(try self.rows() == 12)
        #expect(try store.snapshots(of: nil, after: nil, limit: 10, now: SQLiteTestStore.start) == [])
        #expect(try StoreFile.check(self.test.path).problems == [])
    }

    @Test func largePayloadsCountByTheirPages() throws {
        let store = try self.open()
        defer { store.close() }
        for _ in 0..<2 { try store.send(String(repeating: "x", count: 40_000)) }
        _ = try store.commit(self.remove())
        #expect(try self.rows() == 2)
    }

    @Test func whatWasAcknowledgedLeavesInSlicesToo() throws {
        let store = try self.open()
        defer { store.close() }
        let fence = try store.attach().fence
        try self.fill(store, 100)
        let acknowledge = AcknowledgeOperation(client: SQLiteTestStore.phone, fence: fence, through: SequenceNumber(60))
        _ = try store.commit(.acknowledge(acknowledge))
        #expect(try self.rows() == 100)
        #expect(try StoreFile.check(self.test.path).problems == [])
        #expect(try store.texts(fence) == (61...100).map { "\($0)" })
        _ = try self.sweep(store, maxRows: 40)
        #expect(try self.rows() == 80)
        // The next acknowledgement is small and goes at once, though the larger one before it has not gone.
        _ = try store.commit(.acknowledge(AcknowledgeOperation(client: SQLiteTestStore.phone, fence: fence, through: SequenceNumber(65))))
        #expect(try self.rows() == 75)
        _ = try store.commit(self.remove())
        #expect(try self.rows() == 75)
        #expect(try StoreFile.check(self.test.path).problems == [])
        while try self.sweep(store, maxRows: 40).hasMore {}
        #expect(try self.rows() == 0)
        #expect(try StoreFile.check(self.test.path).problems == [])
    }

    @Test func anotherProcessGoesOnWhereTheFirstWasKilled() throws {
        let killed = try self.open()
        try self.fill(killed, 100)
        _ = try killed.commit(self.remove())
        _ = try self.sweep(killed, maxRows: 20)
        let store = try self.open()
        defer { store.close() }
        while try self.sweep(store, maxRows: 20).hasMore {}
        #expect(try self.rows() == 0)
        killed.close()
    }

    @Test func aFullStoreLetsGoOfWhatIsGoneBeforeItRefuses() throws {
        let store = try self.open(StorePolicy(maxStoreBytes: 1_000))
        defer { store.close() }
        for _ in 0..<20 { try store.send(String(repeating: "x", count: 50)) }
        guard case .append(let full) = try store.commit(SQLiteTestStore.message("y")) else {
            Issue.record("a receipt")
            return
        }
        #expect(full.refusal == .storeFull)
        _ = try store.commit(self.remove())
        #expect(try self.rows() == 20)
        try store.send("y")
        #expect(try store.snapshot(of: SQLiteTestStore.phone, now: SQLiteTestStore.start)?.messages == 1)
        #expect(try self.rows() == 1)
    }

    /// A queue in which everything is old makes room for one message without going in one commit.
    @Test func whatHasExpiredGivesWayInSlices() throws {
        let policy = StorePolicy(retention: RetentionPolicy(maxMessages: 3_000, maxAge: .seconds(1)))
        let store = try self.open(policy)
        defer { store.close() }
        try self.fill(store, 3_000)
        let later = SQLiteTestStore.start + .seconds(1)
        try store.send("new", now: later)
        #expect(try self.rows() == 2_001)
        #expect(try store.snapshot(of: SQLiteTestStore.phone, now: later)?.messages == 1)
        #expect(try StoreFile.check(self.test.path).problems == [])
    }
}
