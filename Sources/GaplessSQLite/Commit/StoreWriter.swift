import GRDB
import GaplessCore
import GaplessStore
import Logging

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// All writing of one store object: opens the database, applies batches, and finds out what became of a commit that failed.
///
/// One caller at a time. Whatever it does with the database it does under the lock between processes.
final class StoreWriter {
    /// A batch that was, or was not, committed.
    private struct Pending {
        let receipt: CommitReceipt
        let nonce: UInt64
    }

    /// For how long heartbeats do without raising the schema after that failed.
    private static let raisePause: Duration = .seconds(60)

    let path: StorePath
    let policy: StorePolicy
    let configuration: SQLiteStoreConfiguration
    let logger: Logger
    private let lock: WriteLock
    /// Told which connections read, whenever the database is opened or closed.
    private let onOpen: (DatabasePool?) -> Void
    private var database: StoreDatabase?
    private var tables: StoreTables?
    private var random = SystemRandomNumberGenerator()
    /// The node that works through this object, once it gave a sign of life.
    private var node: NodeIdentity?
    private var isClosed = false
    /// Whether the write-ahead log was taken away from under the open database. There is no way back but a restart.
    private var isLogLost = false
    /// Whether another log was seen in its place: then others may have written what this one does not hold.
    private var isLogForked = false
    /// Whether a sync failed, so that the log may hold commits in memory that are not on the disk: behind them nothing may be promised.
    private var isLogDoubtful = false
    private var clock = Timestamp(milliseconds: 0)
    private var identityChecked = ContinuousClock.now
    private var progressWritten = ContinuousClock.now
    /// Where commits are noted.
    private var progress: ProgressNote?
    /// Whether that failed, which is tried again when the progress is written the next time.
    private var cannotNote = false
    /// After a failure to raise the schema: until when, on this process's clock, heartbeats do without.
    private var raiseAgain: Timestamp?

    init(
        path: StorePath,
        policy: StorePolicy,
        configuration: SQLiteStoreConfiguration,
        logger: Logger,
        onOpen: @escaping (DatabasePool?) -> Void
    ) throws(QueueStoreError) {
        self.path = path
        self.policy = policy
        self.configuration = configuration
        self.logger = logger
        self.onOpen = onOpen
        // The folder and the file are looked at before anything is made in them.
        _ = try path.inspect()
        self.lock = try WriteLock(path: path.lock)
    }

    // MARK: Opening and closing

    /// Opens the database for the first time, and makes it if there is none.
    func open() throws(QueueStoreError) {
        try self.lock.hold(limit: self.configuration.lockLimit) { () throws(QueueStoreError) in
            try self.openDatabase(mayCreate: true)
            try self.lock.announce()
        }
    }

    /// Writes down how far the store is, empties the write-ahead log if nobody else needs it, and closes everything.
    func close() {
        guard !self.isClosed else { return }
        self.isClosed = true
        defer { self.progress = nil }
        if let database = self.database, self.isLogLost || self.isLogReplaced(under: database) {
            // The last one to close moves its log into the database, and others may have written to another log meanwhile. So this one is
            // never closed; the end of the process lets go of its files.
            _ = Unmanaged.passRetained(database)
            try? self.lock.hold(limit: self.configuration.lockLimit) { self.rescueLog(of: database) }
            self.onOpen(nil)
            self.lock.close()
            return
        }
        do {
            try self.lock.hold(limit: self.configuration.lockLimit) { () throws(QueueStoreError) in
                if self.database != nil { try self.writeProgress() }
                self.closeDatabase(checkpoint: true)
            }
        } catch {
            // Nothing is lost: the write-ahead log is read when the database is opened again.
            self.logger.warning("The store was not closed in order", metadata: ["error.message": "\(error)"])
            self.closeDatabase(checkpoint: false)
        }
        self.lock.close()
    }

    /// The open database; opened anew after a failure, or when another file was put in its place.
    private func requireDatabase() throws(QueueStoreError) -> StoreDatabase {
        if let database = self.database {
            if self.isLogLost || self.isLogReplaced(under: database) { throw self.loseLog(of: database) }
            guard ContinuousClock.now - self.identityChecked >= self.configuration.identityInterval else { return database }
            let identity = self.path.identity()
            if identity != nil, identity == database.identity {
                self.identityChecked = .now
                return database
            }
            guard identity != nil else {
                // It is looked for again before every commit: what went into a file without a name would be lost.
                throw QueueStoreError(.unavailable, "The database \(self.path.database) was removed while it was in use.")
            }
            self.logger.warning(
                "Another database was put in the place of the open one",
                metadata: ["store.path": "\(self.path.database)"]
            )
            self.closeDatabase(checkpoint: false)
        }
        return try self.openDatabase(mayCreate: false)
    }

    /// Whether the log at the path is not the one of the open database, though the database is.
    private func isLogReplaced(under database: StoreDatabase) -> Bool {
        self.path.logIdentity() != database.log && self.path.identity() == database.identity
    }

    /// The write-ahead log was removed or replaced while the database was open: whatever is committed now would be gone with the last process
    /// that has the lost file open, and a process that opens the database anew shares nothing with this one.
    private func loseLog(of database: StoreDatabase) -> QueueStoreError {
        if !self.isLogLost {
            self.isLogLost = true
            self.logger.error(
                "The write-ahead log was removed or replaced while it was in use; nothing is read or committed until the process is restarted",
                metadata: ["store.path": "\(self.path.database)"]
            )
            self.onOpen(nil)
        }
        self.rescueLog(of: database)
        return QueueStoreError(
            .unavailable,
            "\(self.path.writeAheadLog) was removed or replaced while it was in use. Restart all processes that have the store open."
        )
    }

    /// Moves what the lost log holds into the database, as long as nobody made another log: until then all who have the database open
    /// have the same one.
    private func rescueLog(of database: StoreDatabase) {
        if self.path.logIdentity() != nil { self.isLogForked = true }
        guard !self.isLogForked, self.path.identity() == database.identity else { return }
        do {
            _ = try database.pool.writeWithoutTransaction { try $0.checkpoint(.passive) }
        } catch {
            self.logger.error("The lost write-ahead log could not be moved into the database", metadata: ["error.message": "\(error)"])
        }
    }

    @discardableResult
    private func openDatabase(mayCreate: Bool) throws(QueueStoreError) -> StoreDatabase {
        let preparation = try StoreDatabase.prepare(
            self.path,
            schema: self.configuration.schema,
            mayCreate: mayCreate,
            random: &self.random
        )
        let database = try StoreDatabase(self.path, self.configuration)
        self.database = database
        self.identityChecked = .now
        do {
            if self.isLogDoubtful { try database.emptyLog() }
            try self.begin(database, preparation)
            self.isLogDoubtful = false
        } catch {
            self.closeDatabase(checkpoint: false)
            throw QueueStoreError(error, while: "opening \(self.path.database)")
        }
        self.onOpen(database.pool)
        return database
    }

    /// The first commit of an open database: it counts up, so that an older copy is behind what the progress file says, and begins a new
    /// life of the store when this one is such a copy.
    private func begin(_ database: StoreDatabase, _ preparation: StoreDatabase.Preparation) throws {
        let history = StoreHistory.compare(preparation, with: ProgressFile(self.path).read())
        let meta = try database.write { connection in
            try self.inTransaction(connection) {
                var meta = try StoreMeta.fetch(connection)
                meta.number = max(meta.number, history.number) + 1
                meta.nonce = self.random.next()
                if history.isPast { meta.incarnation = Incarnation(rawValue: self.random.next()) }
                try meta.update(connection)
                return meta
            }
        }
        history.log(to: self.logger, path: self.path, incarnation: meta.incarnation)
        self.writeProgress(of: meta)
    }

    private func closeDatabase(checkpoint: Bool) {
        self.tables = nil
        self.onOpen(nil)
        guard let database = self.database else { return }
        self.database = nil
        do {
            try database.close(checkpoint: checkpoint)
        } catch {
            self.logger.warning("A connection to the database was not closed in order", metadata: ["error.message": "\(error)"])
        }
    }

    // MARK: Commits

    /// Applies a batch.
    func commit(_ operations: [StoreOperation], now: Timestamp, seen: SeenSignals?) throws(QueueStoreError) -> CommitReceipt {
        try self.requireOpen()
        for case .heartbeat(let heartbeat) in operations { self.node = heartbeat.node }
        self.clock = max(self.clock, now)
        let receipt = try self.lock.hold(limit: self.configuration.lockLimit) { () throws(QueueStoreError) in
            let receipt = try self.commitLocked { transaction in
                // What the node has looked at and come back from need not wait for its next heartbeat.
                if let seen, seen.node == self.node {
                    try SignalRows.delete(for: seen.node, through: seen.cursor, in: transaction.tables.database)
                }
                return try operations.map { try transaction.apply($0) }
            }
            self.noteProgress(receipt.number)
            if ContinuousClock.now - self.progressWritten >= self.configuration.progressInterval { try? self.writeProgress() }
            self.checkpointIfDue()
            return receipt
        }
        return receipt
    }

    /// Moves a long write-ahead log into the database, under the write lock: SQLite begins the log anew only when all of it is moved at the
    /// moment at which a writer begins, and another process that began meanwhile would make it longer each time.
    private func checkpointIfDue() {
        do {
            try self.database?.checkpointIfDue()
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
            // Somebody who does not know the write lock is at it, such as the `sqlite3` program; the next commit tries again.
            self.logger.debug("The write-ahead log is being moved by somebody else", metadata: ["error.message": "\(error)"])
        } catch {
            self.logger.warning("The write-ahead log could not be moved into the database", metadata: ["error.message": "\(error)"])
        }
    }

    /// Does something else in a commit of its own.
    func change(now: Timestamp, _ body: (Database, Timestamp) throws -> Void) throws(QueueStoreError) {
        try self.requireOpen()
        self.clock = max(self.clock, now)
        _ = try self.lock.hold(limit: self.configuration.lockLimit) { () throws(QueueStoreError) in
            let receipt = try self.commitLocked { transaction in
                try body(transaction.tables.database, transaction.clock)
                return []
            }
            self.noteProgress(receipt.number)
        }
    }

    /// Runs something on the writing connection, outside of a transaction; for tests.
    func examine<Result>(_ body: (Database) throws -> Result) throws -> Result {
        guard let database = self.database else { throw QueueStoreError(.unavailable, "The database is not open.") }
        return try database.write(body)
    }

    /// Runs something on a connection that reads; for tests.
    func examineReading<Result>(_ body: (Database) throws -> Result) throws -> Result {
        guard let database = self.database else { throw QueueStoreError(.unavailable, "The database is not open.") }
        return try database.pool.read(body)
    }

    private func requireOpen() throws(QueueStoreError) {
        guard !self.isClosed else { throw QueueStoreError(.closed, "The store was closed.") }
    }

    private func commitLocked(_ body: (SQLiteTransaction) throws -> [StoreReceipt]) throws(QueueStoreError) -> CommitReceipt {
        let database = try self.requireDatabase()
        var pending: Pending?
        var raising: UInt32?
        do {
            return try database.write { connection in
                let tables = try self.tables ?? StoreTables(connection)
                self.tables = tables
                let (receipt, outcome) = try self.inTransaction(connection) {
                    // It is asked inside the transaction: from here on nobody else can write.
                    tables.cache.use(at: try tables.version.first { $0.integer(0) })
                    let meta = try StoreMeta.fetch(connection)
                    try self.configuration.schema.requireKnown(schema: meta.schema, minimumReader: meta.minimumReader)
                    let transaction = SQLiteTransaction(
                        tables,
                        meta: meta,
                        schema: self.configuration.schema,
                        mayRaise: self.raiseAgain.map { self.clock >= $0 } ?? true,
                        policy: self.policy,
                        removable: self.configuration.maxRemovals,
                        now: self.clock,
                        random: self.random
                    )
                    defer { raising = transaction.raising }
                    let receipts = try body(transaction)
                    let wake = try transaction.finish(ownNode: self.node)
                    let receipt = CommitReceipt(
                        number: transaction.meta.number,
                        time: transaction.clock,
                        receipts: receipts,
                        wake: wake
                    )
                    pending = Pending(receipt: receipt, nonce: transaction.meta.nonce)
                    try self.configuration.faults.strike(.beforeCommit)
                    return (receipt, transaction.outcome)
                }
                try self.configuration.faults.strike(.afterCommit)
                tables.cache.take(outcome)
                if let raising { self.logger.notice("The schema of the store was raised", metadata: ["store.schema": "\(raising)"]) }
                return receipt
            }
        } catch {
            // What the connection undid, or perhaps did not, was never read back.
            self.tables?.cache.forget()
            // A heartbeat must not fail for ever because of what is no matter of life and death.
            if raising != nil { self.raiseAgain = self.clock + Self.raisePause }
            return try self.settle(error, pending)
        }
    }

    private func inTransaction<Result>(
        _ connection: Database,
        _ body: () throws -> Result
    ) throws -> Result {
        try connection.beginTransaction(.immediate)
        do {
            let result = try body()
            try connection.commit()
            return result
        } catch {
            if connection.isInsideTransaction { try connection.rollback() }
            throw error
        }
    }

    // MARK: After an error

    /// Finds out what became of a batch whose commit failed; nobody else has written since.
    ///
    /// - Parameter pending: nil when the failure came before the attempt to commit: then nothing happened.
    private func settle(_ error: any Error, _ pending: Pending?) throws(QueueStoreError) -> CommitReceipt {
        let failure = QueueStoreError(error, while: "committing a batch")
        let isDisk = isDiskFailure(error)
        self.logger.error("A commit failed", metadata: ["error.message": "\(failure)"])
        if let database = self.database, self.isLogReplaced(under: database) {
            let lost = self.loseLog(of: database)
            throw pending == nil ? lost : QueueStoreError(.unknown, "Whether the batch was committed cannot be known.", cause: lost)
        }
        // What a failed sync left in memory need not be what is on the disk: the database is read anew.
        if isDisk { self.closeDatabase(checkpoint: false) }
        guard let pending else { throw failure }
        if isDisk { self.isLogDoubtful = true }
        do {
            try self.configuration.faults.strike(.lookUp)
            let isReopened = self.database == nil
            let database = try self.database ?? StoreDatabase(self.path, self.configuration)
            self.database = database
            let meta = try database.write { try StoreMeta.fetch($0) }
            let isFound = meta.number == pending.receipt.number && meta.nonce == pending.nonce
            guard isFound || meta.number <= pending.receipt.number else {
                throw QueueStoreError(.unknown, "Others have written since; whether the batch was committed cannot be known.", cause: error)
            }
            if isDisk { try self.settleLog(of: database, holdsBatch: isFound) }
            // Nobody reads what may not last.
            if isReopened { self.onOpen(database.pool) }
            if isFound { return pending.receipt }
        } catch let unsettled {
            self.closeDatabase(checkpoint: false)
            throw QueueStoreError(.unknown, "Whether the batch was committed cannot be known.", cause: unsettled)
        }
        throw failure
    }

    /// Makes the disk hold what was found after a failed sync, and nothing else.
    ///
    /// A commit that was found may be in memory alone, and no later sync of the log writes it: the system takes those pages for written. So
    /// all of the log goes into the database. A commit that was not found may be on the disk all the same, and what is left of an old log
    /// too: a commit of its own writes over both, lest a restart of the machine brings them back to life.
    private func settleLog(of database: StoreDatabase, holdsBatch: Bool) throws {
        try self.configuration.faults.strike(.settling)
        if holdsBatch { try database.emptyLog() }
        try database.write { connection in
            try self.inTransaction(connection) {
                var meta = try StoreMeta.fetch(connection)
                meta.number += 1
                meta.nonce = self.random.next()
                try meta.update(connection)
            }
        }
        self.isLogDoubtful = false
    }

    // MARK: Progress

    private func writeProgress() throws(QueueStoreError) {
        guard let database = self.database else { return }
        do {
            self.writeProgress(of: try database.write { try StoreMeta.fetch($0) })
        } catch {
            throw QueueStoreError(error, while: "noting the progress")
        }
    }

    private func writeProgress(of meta: StoreMeta) {
        self.progressWritten = .now
        do {
            try ProgressFile(self.path).write(StoreProgress(store: meta.store, number: meta.number))
            self.progress = ProgressFile(self.path).openForNotes(of: meta.store)
            self.cannotNote = self.progress == nil
        } catch {
            self.missProgress(error)
        }
    }

    /// Notes a commit, under the write lock and before its receipt is given.
    private func noteProgress(_ number: UInt64) {
        guard !self.cannotNote else { return }
        guard self.progress?.isCurrent == true else {
            // Another process put a new file in its place, or somebody removed it.
            do {
                try self.writeProgress()
            } catch {
                self.missProgress(error)
            }
            return
        }
        do {
            try self.progress?.write(number)
        } catch {
            self.missProgress(error)
        }
    }

    /// It is a net below other nets; a store that works goes on working.
    private func missProgress(_ error: any Error) {
        self.progress = nil
        self.cannotNote = true
        self.logger.warning("The progress file could not be written", metadata: ["error.message": "\(error)"])
    }
}

extension SQLiteTransaction {
    /// Applies one operation.
    fileprivate func apply(_ operation: StoreOperation) throws -> StoreReceipt {
        switch operation {
        case .append(let append): .append(try self.append(append))
        case .appendSequence(let sequence): .appendSequence(try self.appendSequence(sequence))
        case .acknowledge(let acknowledge): .acknowledge(try self.acknowledge(acknowledge))
        case .attach(let attach): .attach(try self.attach(attach))
        case .detach(let detach): .detach(try self.detach(detach))
        case .advanceMark(let mark): .advanceMark(try self.advanceMark(mark))
        case .end(let end): .end(try self.end(end))
        case .remove(let remove): .remove(try self.remove(remove))
        case .expire(let expire): .expire(try self.expire(expire))
        case .heartbeat(let heartbeat): .heartbeat(try self.heartbeat(heartbeat))
        case .order(let order): .order(try self.order(order))
        case .sendAway(let away): .sendAway(try self.sendAway(away))
        }
    }
}
