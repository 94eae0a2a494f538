import Foundation
import GRDB
import GaplessCore
import GaplessStore
import Synchronization
import Testing

@testable import GaplessSQLite

/// What becomes of the bytes of removed messages.
@Suite struct SecureDeleteTests {
    private let test = SQLiteTestStore()

    @Test(arguments: zip([SecureDelete.off, .fast, .on], [0, 2, 1])) func everyConnectionHasTheSetting(
        _ setting: SecureDelete,
        _ value: Int
    ) throws {
        let store = try self.test.open { $0.secureDelete = setting }
        defer { store.close() }
        let (writing, reading) = try store.writer.withLock { writer in
            try writer.examine { writing in
                (
                    try Int.fetchOne(writing, sql: "PRAGMA secure_delete"),
                    try writer.examineReading { try Int.fetchOne($0, sql: "PRAGMA secure_delete") }
                )
            }
        }
        #expect(writing == value)
        #expect(reading == value)
    }

    @Test func theDefaultOverwritesWhatCostsNoWriting() throws {
        #expect(SQLiteStoreConfiguration().secureDelete == .fast)
        #expect(SecureDelete("fast") == .fast)
        #expect(SecureDelete("ON") == nil && SecureDelete("") == nil && SecureDelete("1") == nil)
    }

    /// Whether a payload of a removed message lies anywhere in the file after the write-ahead log went into it.
    private func isInTheFile(_ secret: String, removedWith setting: SecureDelete) throws -> Bool {
        let test = SQLiteTestStore()
        let store = try test.open { $0.secureDelete = setting }
        // The neighbours stay, so that the page of a small message stays in use.
        try store.send("before", to: SQLiteTestStore.client("alice/a"))
        try store.send(secret)
        try store.send("after", to: SQLiteTestStore.client("alice/z"))
        try store.writer.withLock { try $0.examine { _ = try $0.checkpoint(.truncate) } }
        #expect(try test.copyDatabase().range(of: Data(secret.utf8.suffix(60))) != nil, "it was there once")
        _ = try store.commit(.remove(RemoveOperation(client: SQLiteTestStore.phone)))
        store.close()
        #expect(!FileManager.default.fileExists(atPath: test.path + "-wal"))
        return try test.copyDatabase().range(of: Data(secret.utf8.suffix(60))) != nil
    }

    private static let small = "a secret of a hundred bytes " + String(repeating: "s", count: 72)
    private static let large = "a secret of many pages " + String(repeating: "abcdefghijklmnopqrstuvwxyz0123456789", count: 1_000)

    @Test(arguments: [
        (SecureDelete.off, SecureDeleteTests.small, true), (.fast, SecureDeleteTests.small, false), (.on, SecureDeleteTests.small, false),
        (.off, SecureDeleteTests.large, true), (.on, SecureDeleteTests.large, false),
    ])
    func theBytesStayOrGoAsTheSettingSays(_ setting: SecureDelete, _ secret: String, _ isThere: Bool) throws {
        #expect(try self.isInTheFile(secret, removedWith: setting) == isThere)
    }
}
