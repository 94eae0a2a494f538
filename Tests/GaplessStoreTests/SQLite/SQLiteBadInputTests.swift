import Foundation
import GRDB
import GaplessCore
import GaplessStore
import Synchronization
import Testing

@testable import GaplessSQLite

/// What lies in the way of a store: strangers who lock it, links, and files that are not what they should be.
@Suite struct SQLiteBadInputTests {
    private let test = SQLiteTestStore()

    private func texts(_ store: SQLiteQueueStore) throws -> [String] {
        try store.texts(try store.attach().fence)
    }

    @Test func aStrangerWhoWritesIsNotWaitedForForEver() throws {
        let store = try self.test.open { $0.busyTimeout = .milliseconds(10) }
        defer { store.close() }
        try store.send("1")
        try self.test.withDatabase { stranger in
            try stranger.execute(sql: "BEGIN IMMEDIATE")
            let error = #expect(throws: QueueStoreError.self) { try store.send("2") }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("busy") == true)
            #expect(try store.snapshot(of: SQLiteTestStore.phone, now: SQLiteTestStore.start)?.messages == 1, "reads go on")
            try stranger.execute(sql: "ROLLBACK")
        }
        try store.send("3")
        #expect(try self.texts(store) == ["1", "3"])
    }

    @Test func aRemovedFileIsRefusedEverySingleTime() throws {
        let store = try self.test.open { $0.identityInterval = .milliseconds(50) }
        defer { store.close() }
        try FileManager.default.removeItem(atPath: self.test.path)
        var isRefused = false
        let deadline = ContinuousClock.now + .seconds(60)
        while !isRefused, ContinuousClock.now < deadline {
            do { try store.send("into the void") } catch { isRefused = true }
        }
        for _ in 0..<5 {
            let again = #expect(throws: QueueStoreError.self) { try store.send("2") }
            #expect(again?.code == .unavailable)
        }
    }

    @Test func aLockFileThatIsADirectoryIsRefused() throws {
        try FileManager.default.createDirectory(atPath: self.test.path + "-lock", withIntermediateDirectories: false)
        let error = #expect(throws: QueueStoreError.self) { try self.test.open() }
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("lock file") == true)
    }

    @Test func aProgressFileThatIsADirectoryCostsTheNetAndNotTheStore() throws {
        try FileManager.default.createDirectory(atPath: self.test.path + "-progress", withIntermediateDirectories: false)
        let store = try self.test.open()
        defer { store.close() }
        try store.send("1")
        #expect(try self.texts(store) == ["1"])
        #expect(self.test.log.messages.contains("warning: The progress file could not be written"))
    }

    @Test func socketsThatCannotBeMadeCostSpeedAndNotTheStore() throws {
        try self.test.folder.write([], to: "gapless.db-signals")
        let context = StoreConfiguration.Context(
            policy: StorePolicy(),
            node: SQLiteTestStore.node("a"),
            onWake: {},
            logger: self.test.log.logger
        )
        let opened = try SQLiteQueueStore.open(path: self.test.path, context: context)
        defer { opened.close() }
        opened.wake([SQLiteTestStore.node("b")])
        try opened.store.send("1")
        #expect(self.test.log.messages == ["warning: Other nodes cannot wake this one; it polls"])
    }

    @Test func whoComesThroughALinkSharesTheLock() throws {
        let link = self.test.folder.file("link.db")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: self.test.path)
        let dangling = #expect(throws: QueueStoreError.self) { try SQLiteQueueStore(path: link, logger: quietLogger) }
        #expect(dangling?.code == .misconfigured)
        let store = try self.test.open()
        defer { store.close() }
        let other = try SQLiteQueueStore(path: link, logger: quietLogger)
        defer { other.close() }
        try store.send("1")
        try other.send("2")
        #expect(try self.texts(store) == ["1", "2"])
        #expect(try StorePath(link) == StorePath(self.test.path))
        let names = try FileManager.default.contentsOfDirectory(atPath: self.test.folder.path)
        #expect(!names.contains { $0.hasPrefix("link.db-") && $0 != "link.db-lock" }, "\(names)")
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/fd"))) func nothingOfAClosedStoreStaysOpen() throws {
        let store = try self.test.open()
        try store.send("1")
        _ = try store.signals(for: SQLiteTestStore.node("a"), after: .zero)
        _ = try self.texts(store)
        #expect(try !self.openFiles().isEmpty)
        store.close()
        #expect(try self.openFiles() == [])
        // Nor of one that could not be opened.
        try self.test.withDatabase { try $0.execute(sql: "UPDATE meta SET schema = 9, minimumReader = 9") }
        #expect(throws: QueueStoreError.self) { try self.test.open() }
        #expect(try self.openFiles() == [])
    }

    /// The files of the test's folder that this process has open.
    private func openFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { name in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
            return target.flatMap { $0.hasPrefix(self.test.folder.path) ? $0 : nil }
        }
    }
}
