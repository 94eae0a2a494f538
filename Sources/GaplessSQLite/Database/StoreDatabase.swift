import GRDB
import GRDBSQLite
import GaplessCore
import GaplessStore
import Logging

/// The open database of a store: one connection that writes, some that read.
///
/// Whoever opens it or writes holds the `WriteLock`.
final class StoreDatabase {
    /// The size that the write-ahead log is cut to when it starts anew, in bytes.
    private static let writeAheadLogBytes = 16 * 1_024 * 1_024
    /// With so many pages in the write-ahead log, whoever committed moves them into the database.
    private static let checkpointPages: Int32 = 1_000

    /// Reads run here, each in a snapshot of its own.
    let pool: DatabasePool
    /// Which file this is, as long as nobody puts another in its place.
    let identity: FileIdentity?
    /// Which file the write-ahead log is. SQLite keeps it open, under this name, for as long as anybody has the database open.
    let log: FileIdentity
    private let walPages: UnsafeMutablePointer<Int32>

    /// Opens a database that exists and is one of ours, and makes sure that what it commits is on the disk.
    init(_ path: StorePath, _ settings: SQLiteStoreConfiguration) throws(QueueStoreError) {
        do {
            self.pool = try DatabasePool(path: path.database, configuration: Self.configuration(settings))
        } catch {
            throw QueueStoreError(error, while: "opening \(path.database)")
        }
        self.identity = path.identity()
        // Opening a pool makes it.
        guard let log = path.logIdentity() else {
            throw QueueStoreError(.unavailable, "\(path.writeAheadLog) was removed while it was in use.")
        }
        self.log = log
        self.walPages = .allocate(capacity: 1)
        self.walPages.initialize(to: 0)
        do {
            try self.pool.writeWithoutTransaction { [walPages] database in
                // Opening a pool sets NORMAL, whatever was set before: with it, a power cut loses commits that were promised.
                try database.execute(sql: "PRAGMA synchronous = FULL")
                guard try Int.fetchOne(database, sql: "PRAGMA synchronous") == 2,
                    try String.fetchOne(database, sql: "PRAGMA journal_mode") == "wal"
                else { throw QueueStoreError(.misconfigured, "SQLite does not keep the promise of durable commits at \(path.database).") }
                try database.execute(sql: "PRAGMA wal_autocheckpoint = 0")
                try database.execute(sql: "PRAGMA journal_size_limit = \(Self.writeAheadLogBytes)")
                sqlite3_wal_hook(
                    database.sqliteConnection,
                    { pages, _, _, count in
                        pages?.assumingMemoryBound(to: Int32.self).pointee = count
                        return SQLITE_OK
                    },
                    walPages
                )
            }
        } catch {
            throw QueueStoreError(error, while: "opening \(path.database)")
        }
    }

    deinit {
        self.walPages.deallocate()
    }

    /// Runs the work on the writing connection.
    func write<Result>(_ work: (Database) throws -> Result) throws -> Result {
        try self.pool.unsafeReentrantWrite(work)
    }

    /// Moves what is committed from a long write-ahead log into the database, without waiting for anybody.
    ///
    /// A failure loses nothing: the pages stay where they are, and the next commit tries again. To be called under the write lock.
    func checkpointIfDue() throws {
        guard self.walPages.pointee >= Self.checkpointPages else { return }
        self.walPages.pointee = 0
        _ = try self.pool.writeWithoutTransaction { try $0.checkpoint(.passive) }
    }

    /// Moves everything that is committed into the database, syncs it, and lets the write-ahead log begin anew.
    ///
    /// - Throws: `SQLITE_BUSY` when somebody who reads an older state keeps it from that; then some or all may still be in the log.
    func emptyLog() throws {
        self.walPages.pointee = 0
        _ = try self.pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
    }

    /// Ends all connections; with `checkpoint`, leaves an empty write-ahead log behind if nobody else has the file open.
    func close(checkpoint: Bool) throws {
        if checkpoint {
            // Another process that reads keeps the log alive; that is no failure of ours.
            _ = try? self.pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        }
        try self.pool.close()
    }

    private static func configuration(_ settings: SQLiteStoreConfiguration) -> Configuration {
        var configuration = Configuration()
        configuration.label = "gapless.sqlite"
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(settings.busyTimeout / .seconds(1))
        configuration.maximumReaderCount = settings.readers
        configuration.persistentReadOnlyConnections = true
        configuration.prepareDatabase { [secureDelete = settings.secureDelete] database in
            try database.execute(
                sql: """
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA temp_store = MEMORY;
                    PRAGMA mmap_size = 0;
                    PRAGMA secure_delete = \(secureDelete);
                    """
            )
        }
        return configuration
    }
}
