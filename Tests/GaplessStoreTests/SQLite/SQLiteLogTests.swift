import Foundation
import GaplessCore
import GaplessStore
import Testing

@testable import GaplessSQLite

/// The write-ahead log goes away under stores that work.
@Suite struct SQLiteLogTests {
    private let test = SQLiteTestStore()

    private func removeLog() throws {
        try FileManager.default.removeItem(atPath: self.test.path + "-wal")
    }

    private func expectRefusal(_ store: SQLiteQueueStore) {
        let error = #expect(throws: QueueStoreError.self) { try store.send("lost") }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("-wal was removed or replaced while it was in use") == true)
        #expect(throws: QueueStoreError.self) { try store.snapshot(of: SQLiteTestStore.phone, now: SQLiteTestStore.start) }
    }

    @Test func withoutItsLogAStoreCommitsNothingMore() throws {
        let (first, second) = (try self.test.open(), try self.test.open())
        try first.send("1")
        try second.send("2")
        try self.removeLog()
        for _ in 1...2 {
            self.expectRefusal(first)
            self.expectRefusal(second)
        }
        #expect(!FileManager.default.fileExists(atPath: self.test.path + "-wal"), "it was not opened anew")
        #expect(self.test.log.messages.filter { $0.hasPrefix("error: The write-ahead log was removed") }.count == 2)
        // The database alone is what a kill of all processes leaves.
        let copy = self.test.folder.file("copy.db")
        try self.test.copyDatabase().write(to: URL(fileURLWithPath: copy))
        let survivor = try SQLiteQueueStore(path: copy, policy: StorePolicy(), logger: self.test.log.logger)
        #expect(try survivor.texts(survivor.attach().fence) == ["1", "2"])
        survivor.close()
        first.close()
        second.close()
    }

    @Test func anotherLogInItsPlaceIsRefusedForGood() throws {
        let store = try self.test.open()
        try store.send("1")
        try self.removeLog()
        try Data().write(to: URL(fileURLWithPath: self.test.path + "-wal"))
        self.expectRefusal(store)
        try self.removeLog()
        self.expectRefusal(store)
        store.close()
        // What the lost log holds is not mixed with what others may have written.
        let copy = self.test.folder.file("copy.db")
        try self.test.copyDatabase().write(to: URL(fileURLWithPath: copy))
        let rest = try SQLiteQueueStore(path: copy, policy: StorePolicy(), logger: self.test.log.logger)
        #expect(try rest.snapshot(of: SQLiteTestStore.phone, now: SQLiteTestStore.start) == nil)
        rest.close()
    }

    @Test func theEndOfOneStoreLeavesTheLogToTheOther() throws {
        let (first, second) = (try self.test.open(), try self.test.open())
        try first.send("1")
        first.close()
        try second.send("2")
        let third = try self.test.open()
        try third.send("3")
        try second.send("4")
        second.close()
        #expect(try third.texts(third.attach().fence) == ["1", "2", "3", "4"])
        third.close()
    }
}
