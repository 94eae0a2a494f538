import Foundation
import GRDB
import GaplessCore
import GaplessStore
import Synchronization
import Testing

@testable import GaplessSQLite

@Suite struct SQLiteOpeningTests {
    private let test = SQLiteTestStore()

    private func refusal() -> QueueStoreError? {
        #expect(throws: QueueStoreError.self) { try self.test.open() }
    }

    // MARK: What is refused

    @Test func aDirectoryIsRefused() throws {
        try FileManager.default.createDirectory(atPath: self.test.path, withIntermediateDirectories: false)
        #expect(self.refusal()?.code == .misconfigured)
    }

    @Test func aFolderThatIsNotThereIsRefused() {
        let error = #expect(throws: QueueStoreError.self) {
            try SQLiteQueueStore(path: self.test.folder.file("nowhere/gapless.db"), logger: quietLogger)
        }
        #expect(error?.code == .misconfigured)
    }

    @Test(arguments: [
        Data("This is a letter to my aunt, and it is longer than a hundred bytes, since a database has a header of that size.".utf8),
        Data("short".utf8), Data([0]), Data(repeating: 0xff, count: 8_192),
    ])
    func aFileThatIsNoDatabaseIsRefusedAndStays(_ content: Data) throws {
        try self.test.folder.write(content, to: "gapless.db")
        #expect(self.refusal()?.code == .foreign)
        #expect(try Data(contentsOf: URL(fileURLWithPath: self.test.path)) == content)
    }

    @Test(arguments: ["CREATE TABLE t (x)", "PRAGMA application_id = 5", "PRAGMA application_id = 5; CREATE TABLE t (x)"])
    func aDatabaseOfAnotherProgramIsRefusedAndStays(_ sql: String) throws {
        try self.test.withDatabase { try $0.execute(sql: sql) }
        let before = try Data(contentsOf: URL(fileURLWithPath: self.test.path))
        let error = self.refusal()
        #expect(error?.code == .foreign)
        #expect(error?.message.contains("another program") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: self.test.path)) == before)
    }

    @Test func anEmptyFileBecomesAStore() throws {
        try self.test.folder.write([], to: "gapless.db")
        let store = try self.test.open()
        try store.send("1")
        store.close()
        #expect(try StoreFile.check(self.test.path).isSound)
    }

    @Test func whatACrashLeftOfTheFirstMomentBecomesAStore() throws {
        try self.test.withDatabase { try $0.execute(sql: "PRAGMA user_version = 0; VACUUM") }
        try self.test.open().close()
        #expect(try StoreFile.check(self.test.path).isSound)
    }

    @Test func aNewerSchemaIsRefusedUnlessItSaysThatOldProgramsMayGoOn() throws {
        try self.test.open().close()
        try self.test.withDatabase { try $0.execute(sql: "UPDATE meta SET schema = 9, minimumReader = 9") }
        let error = self.refusal()
        #expect(error?.code == .newerSchema)
        #expect(error?.message.contains("schema 9") == true)
        try self.test.withDatabase { try $0.execute(sql: "UPDATE meta SET minimumReader = 1") }
        let store = try self.test.open()
        try store.send("1")
        store.close()
    }

    @Test func anOlderSchemaThanTheProgramKnowsIsRefused() throws {
        try self.test.open().close()
        let error = #expect(throws: QueueStoreError.self) {
            try self.test.open { $0.schema = StoreSchema(supported: 3...4, steps: []) }
        }
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("schema 2") == true)
    }

    @Test func aDamagedDatabaseIsRefusedOrFoundByTheCheck() throws {
        let store = try self.test.open()
        for number in 0..<200 { try store.send(String(repeating: "x", count: 500), to: SQLiteTestStore.client("user\(number)")) }
        store.close()
        var bytes = try self.test.copyDatabase()
        #expect(bytes.count > 20_000)
        for index in stride(from: 4_096, to: bytes.count, by: 7) { bytes[index] = 0xa5 }
        try bytes.write(to: URL(fileURLWithPath: self.test.path))
        let error = self.refusal()
        #expect(error?.code == .corrupt || error?.code == .foreign, "\(String(describing: error))")
    }

    @Test func aDatabaseCutInHalfIsRefusedOrFoundByTheCheck() throws {
        let store = try self.test.open()
        for number in 0..<200 { try store.send(String(repeating: "x", count: 500), to: SQLiteTestStore.client("user\(number)")) }
        store.close()
        let bytes = try self.test.copyDatabase()
        try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: self.test.path))
        do {
            let report = try StoreFile.check(self.test.path)
            #expect(!report.isSound)
        } catch {
            #expect(error.code == .corrupt, "\(error)")
        }
    }

    @Test(.enabled(if: geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/bin/mount")))
    func aDiskThatCannotBeWrittenToIsRefused() throws {
        try self.test.open().close()
        guard try Mount.run("/bin/mount", "--bind", self.test.folder.path, self.test.folder.path) else { return }
        defer { _ = try? Mount.run("/bin/umount", self.test.folder.path) }
        guard try Mount.run("/bin/mount", "-o", "remount,ro,bind", self.test.folder.path) else { return }
        let error = self.refusal()
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("cannot be written to") == true)
    }

    @Test(.enabled(if: geteuid() != 0, "root may read and write every file")) func aFileWithoutPermissionIsRefused() throws {
        try self.test.open().close()
        for mode in [0o000, 0o200, 0o400] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: self.test.path)
            #expect(self.refusal()?.code == .misconfigured)
        }
    }

    // MARK: What is set

    /// Tools/support/durability.py counts the syncs themselves. [R4.3-1]
    @Test func theConnectionThatWritesIsDurable() throws {
        let store = try self.test.open()
        defer { store.close() }
        try store.send("1")
        func pragma(_ name: String) throws -> String {
            try store.writer.withLock { writer in
                try writer.examine { try DatabaseValue.fetchOne($0, sql: "PRAGMA \(name)").map { "\($0.storage.value ?? "")" } ?? "" }
            }
        }
        #expect(try pragma("synchronous") == "2")
        #expect(try pragma("journal_mode") == "wal")
        #expect(try pragma("wal_autocheckpoint") == "0")
        #expect(try pragma("busy_timeout") == "5000")
        #expect(try pragma("foreign_keys") == "1")
        #expect(try pragma("trusted_schema") == "0")
        #expect(try pragma("cell_size_check") == "1")
        #expect(try pragma("temp_store") == "2")
        #expect(try pragma("mmap_size") == "0")
        #expect(try pragma("auto_vacuum") == "0")
        #expect(try pragma("application_id") == "\(0x4750_4c53)")
        #expect(try pragma("user_version") == "2")
        #expect(try pragma("journal_size_limit") == "16777216")
    }

    @Test func allFilesBelongToTheirOwnerAlone() throws {
        let store = try self.test.open()
        defer { store.close() }
        try store.send("1")
        let names = try FileManager.default.contentsOfDirectory(atPath: self.test.folder.path).sorted()
        #expect(names == ["gapless.db", "gapless.db-lock", "gapless.db-progress", "gapless.db-shm", "gapless.db-wal"])
        for name in names {
            let attributes = try FileManager.default.attributesOfItem(atPath: self.test.folder.file(name))
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600, "\(name)")
        }
    }

    @Test func theWriteAheadLogStaysShortUnderLoadAndIsEmptyAfterwards() throws {
        let store = try self.test.open()
        var longest = 0
        for round in 0..<150 {
            let batch = (0..<50).map {
                SQLiteTestStore.message(String(repeating: "x", count: 1_000), to: SQLiteTestStore.client("user\($0)"))
            }
            _ = try store.commit(batch, now: SQLiteTestStore.start + .seconds(round))
            let size = try FileManager.default.attributesOfItem(atPath: self.test.path + "-wal")[.size] as? NSNumber
            longest = max(longest, size?.intValue ?? 0)
        }
        #expect(longest > 1_000 * 4_096)
        #expect(longest < 1_600 * 4_096, "\(longest) bytes")
        store.close()
        #expect(!FileManager.default.fileExists(atPath: self.test.path + "-wal"))
    }

    @Test func aClosedStoreSaysSo() throws {
        let store = try self.test.open()
        store.close()
        store.close()
        let now = SQLiteTestStore.start
        let calls: [() throws -> Void] = [
            { _ = try store.incarnation },
            { _ = try store.commit([], now: now) },
            { _ = try store.read([], now: now) },
            { _ = try store.signals(for: SQLiteTestStore.node("a"), after: .zero) },
            { _ = try store.snapshot(of: SQLiteTestStore.phone, now: now) },
            { _ = try store.snapshots(of: nil, after: nil, limit: 1, now: now) },
            { _ = try store.tokenKeys(now: now) },
        ]
        for call in calls {
            let error = #expect(throws: QueueStoreError.self) { try call() }
            #expect(error?.code == .closed)
        }
    }

    @Test func aServersStoreComesWithItsSockets() throws {
        let node = SQLiteTestStore.node("a", incarnation: 0xab)
        let context = StoreConfiguration.Context(policy: StorePolicy(), node: node, onWake: {}, logger: quietLogger)
        let opened = try SQLiteQueueStore.open(path: self.test.path, context: context)
        #expect(opened.schemas == StoreSchema.current.supported)
        opened.wake([node, SQLiteTestStore.node("b", incarnation: 7)])
        #expect(FileManager.default.fileExists(atPath: self.test.path + "-signals/00000000000000ab.sock"))
        opened.close()
        #expect(!FileManager.default.fileExists(atPath: self.test.path + "-signals/00000000000000ab.sock"))
    }
}

/// Runs `mount` and its like.
enum Mount {
    /// Whether the program ran and succeeded.
    static func run(_ program: String, _ arguments: String...) throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
