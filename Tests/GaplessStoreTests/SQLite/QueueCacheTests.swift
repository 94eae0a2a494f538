import Foundation
import GRDB
import GaplessCore
import GaplessStore
import Synchronization
import Testing

@testable import GaplessSQLite

/// What the connection that writes remembers of the queues is what the table holds.
@Suite struct QueueCacheTests {
    private let test = SQLiteTestStore()

    private func row(_ id: Int64) -> (client: ClientID, row: QueueRow?) {
        let client = SQLiteTestStore.client("user\(id)")
        let record = QueueRecord(
            creating: client,
            epoch: Epoch(incarnation: Incarnation(rawValue: 1), queue: 1),
            keep: .seconds(1),
            now: SQLiteTestStore.start
        )
        return (client, QueueRow(id: id, record: record, nextExpiry: nil))
    }

    // MARK: The cache alone

    @Test func itHoldsWhatWasLeftBehindUntilAnotherConnectionCommits() {
        let cache = QueueCache()
        cache.use(at: 1)
        let (one, two) = (self.row(1), self.row(2))
        cache.take([one, two])
        cache.use(at: 1)
        #expect(cache[one.client] == one.row)
        cache.take([(client: one.client, row: nil)])
        #expect(cache[one.client] == nil)
        #expect(cache[two.client] == two.row)
        cache.use(at: 2)
        #expect(cache.count == 0)
    }

    @Test func anUnknownVersionAndAnErrorForgetEverything() {
        let cache = QueueCache()
        cache.use(at: nil)
        cache.take([self.row(1)])
        cache.use(at: nil)
        #expect(cache.count == 0)
        cache.use(at: 1)
        cache.take([self.row(1)])
        cache.forget()
        cache.use(at: 1)
        #expect(cache.count == 0)
    }

    @Test func itIsBounded() {
        let cache = QueueCache(maxRows: 3)
        cache.use(at: 1)
        cache.take([self.row(1), self.row(2)])
        cache.take([self.row(3), self.row(4)])
        #expect(cache.count == 2)
        cache.take((1...4).map { self.row($0) })
        #expect(cache.count == 0)
    }

    // MARK: The store with it

    @Test func whatAnotherConnectionChangesIsSeenByTheNextBatch() throws {
        let store = try self.test.open()
        defer { store.close() }
        try store.send("1", "2")
        try self.test.withDatabase { try $0.execute(sql: "UPDATE queues SET head = 40") }
        guard case .append(let receipt) = try store.commit(SQLiteTestStore.message("41")),
            case .stored(let number, _) = receipt.deliveries.first?.outcome
        else {
            Issue.record("a message is stored")
            return
        }
        #expect(number == SequenceNumber(41))
    }

    @Test func whatAHandlerThatWasRefusedChangedIsForgotten() throws {
        let policy = StorePolicy(retention: RetentionPolicy(maxMessages: 2, onOverflow: .rejectNew))
        let store = try self.test.open(policy: policy)
        defer { store.close() }
        try store.send("1")
        let fence = try store.attach().fence
        guard let outbox = OutboxID("o1"), case .append(let send) = SQLiteTestStore.message("x") else {
            Issue.record("names")
            return
        }
        let mark = MarkOperation(client: SQLiteTestStore.phone, fence: fence, outbox: outbox, number: .first, sends: [send, send])
        guard case .advanceMark(.sendRefused) = try store.commit(.advanceMark(mark)) else {
            Issue.record("the second send is refused")
            return
        }
        try store.send("2")
        #expect(try store.texts(fence) == ["1", "2"])
        let once = MarkOperation(client: SQLiteTestStore.phone, fence: fence, outbox: outbox, number: .first)
        #expect(try store.commit(.advanceMark(once)) == .advanceMark(.advanced(sends: [])))
        store.close()
        #expect(try StoreFile.check(self.test.path).problems == [])
    }

    /// Whichever commit fails, before or after it became durable, the next ones go on from what the file holds.
    @Test(arguments: [CommitFaults.Moment.beforeCommit, .afterCommit], [ResultCode.SQLITE_BUSY, .SQLITE_FULL, .SQLITE_IOERR_FSYNC])
    func whicheverCommitFailsTheNextOnesAreRight(_ moment: CommitFaults.Moment, _ code: ResultCode) throws {
        for failing in 1...6 {
            let test = SQLiteTestStore()
            let commits = Mutex(0)
            let store = try test.open { configuration in
                configuration.faults = CommitFaults { now in
                    guard now == moment else { return }
                    let count = commits.withLock { commits in
                        commits += 1
                        return commits
                    }
                    if count == failing { throw DatabaseError(resultCode: code) }
                }
            }
            defer { store.close() }
            var stored: [String] = []
            func attempt(_ text: String?, _ work: () throws -> Void) {
                do {
                    try work()
                    if let text { stored.append(text) }
                } catch {
                    #expect(error is QueueStoreError)
                }
            }
            attempt("1") { try store.send("1") }
            attempt("2") { try store.send("2") }
            attempt(nil) { _ = try store.attach() }
            attempt("3") { try store.send("3") }
            attempt(nil) {
                _ = try store.commit([SQLiteTestStore.message("bob", to: SQLiteTestStore.client("bob"))], now: SQLiteTestStore.start)
            }
            attempt("4") { try store.send("4") }
            attempt("5") { try store.send("5") }
            let fence = try store.attach(SQLiteTestStore.hello(attempt: 9)).fence
            #expect(try store.texts(fence) == stored, "commit \(failing) failed")
            #expect(try store.snapshot(of: SQLiteTestStore.phone, now: SQLiteTestStore.start)?.head.rawValue == UInt64(stored.count))
            store.close()
            #expect(try StoreFile.check(test.path).problems == [], "commit \(failing) failed")
        }
    }
}
