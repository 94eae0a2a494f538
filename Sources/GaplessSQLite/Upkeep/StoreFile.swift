import GRDB
package import GaplessCore
package import GaplessStore
import Logging

/// What an operator does with the file of a store, whether or not nodes work with it: look, check, begin a new life, raise the schema.
package enum StoreFile {
    /// How long a node without a sign of life counts as alive.
    private static let nodeLifetime: Duration = StorePolicy().nodeLifetime
    /// The longest wait for a node that writes.
    private static let lockLimit: Duration = .seconds(10)

    // MARK: Looking

    /// What is in the file; nothing is changed.
    ///
    /// - Parameter now: the wall clock, by which nodes count as alive.
    /// - Throws: what opening the store would throw.
    package static func information(_ path: String, now: Timestamp) throws(QueueStoreError) -> StoreInformation {
        let path = try StorePath(path)
        return try Self.look(path) { database in
            let meta = try StoreMeta.fetch(database)
            let messages = try PreparedStatement(database, "SELECT count(*) FROM messages").first { try $0.count(0) }
            let attached = try PreparedStatement(
                database,
                "SELECT count(*) FROM queues WHERE instance IS NOT NULL AND detached IS NULL"
            ).first { try $0.count(0) }
            let nodes = try NodeRows.all(in: database)
            return StoreInformation(
                path: path.database,
                schema: meta.schema,
                minimumReader: meta.minimumReader,
                incarnation: meta.incarnation,
                commits: meta.number,
                clock: meta.clock,
                queues: meta.queues,
                attachedQueues: attached ?? 0,
                messages: messages ?? 0,
                bytes: meta.bytes,
                keys: meta.keys,
                aliveNodes: nodes.filter { $0.liveness(at: max(now, meta.clock), lifetime: Self.nodeLifetime) == .alive }.map(\.node),
                fileBytes: path.identity()?.size ?? 0
            )
        }
    }

    /// Whether the file is sound: SQLite's own check, and what this store promises about its rows.
    ///
    /// - Throws: what opening the store would throw. Damage that is found is no error but the answer.
    package static func check(_ path: String) throws(QueueStoreError) -> StoreReport {
        let path = try StorePath(path)
        return try Self.look(path) { try StoreExamination.run($0, progress: ProgressFile(path).read()) }
    }

    private static func look<Result>(_ path: StorePath, _ body: (Database) throws -> Result) throws(QueueStoreError) -> Result {
        var random = SystemRandomNumberGenerator()
        _ = try StoreDatabase.prepare(path, schema: .current, mayCreate: false, random: &random)
        do {
            let queue = try DatabaseQueue(path: path.database, configuration: StoreDatabase.plainConfiguration)
            defer { try? queue.close() }
            return try queue.read(body)
        } catch {
            throw QueueStoreError(error, while: "looking into \(path.database)")
        }
    }

    // MARK: Changing

    /// Begins a new life of the store, to be done after a copy was put back: every epoch changes, so that clients learn of it.
    ///
    /// - Throws: `.unavailable` while a node has the store open.
    package static func restored(_ path: String) throws(QueueStoreError) -> Incarnation {
        try Self.change(path, schema: .current) { (path, lock, database) throws(QueueStoreError) in
            if try lock.isAnnouncedElsewhere() {
                throw QueueStoreError(.unavailable, "A node has the store open. Stop all nodes, then begin the new life.")
            }
            do {
                let meta = try database.write { connection in
                    var meta: StoreMeta?
                    try connection.inTransaction(.immediate) {
                        var fresh = try StoreMeta.fetch(connection)
                        var random = SystemRandomNumberGenerator()
                        fresh.number = max(fresh.number, ProgressFile(path).read().number) + 1
                        fresh.nonce = random.next()
                        fresh.incarnation = Incarnation(rawValue: random.next())
                        try fresh.update(connection)
                        meta = fresh
                        return .commit
                    }
                    return try meta ?? StoreMeta.fetch(connection)
                }
                try ProgressFile(path).write(StoreProgress(store: meta.store, number: meta.number))
                return meta.incarnation
            } catch {
                throw QueueStoreError(error, while: "beginning a new life of \(path.database)")
            }
        }
    }

    /// Raises the schema in one transaction, whether or not nodes work with the file meanwhile.
    ///
    /// - Parameters:
    ///   - version: the version to raise it to; nil for the newest that this program knows.
    ///   - now: the wall clock, by which nodes count as alive.
    /// - Returns: the version that it had, and the one that it has. A file that has the newest one, or one above that, stays as it is.
    /// - Throws: `.unavailable` when a live node does not know the version, naming the node; `.misconfigured` when this program does not, or
    ///   when the version is below what the file has.
    @discardableResult
    package static func migrate(
        _ path: String,
        to version: UInt32? = nil,
        schema: StoreSchema = .current,
        now: Timestamp
    ) throws(QueueStoreError) -> (before: UInt32, after: UInt32) {
        if let version, !schema.supported.contains(version) {
            throw QueueStoreError(
                .misconfigured,
                "This program knows the schemas \(schema.supported.lowerBound) to \(schema.supported.upperBound), not \(version)."
            )
        }
        return try Self.change(path, schema: schema) { (path, _, database) throws(QueueStoreError) in
            do {
                return try database.write { connection in
                    // Whoever writes holds the lock, as this does.
                    let before = try StoreMeta.fetch(connection).schema
                    try connection.inTransaction(.immediate) {
                        try Self.raise(connection, to: version ?? max(before, schema.supported.upperBound), schema: schema, now: now)
                        return .commit
                    }
                    return (before, try StoreMeta.fetch(connection).schema)
                }
            } catch {
                throw QueueStoreError(error, while: "raising the schema of \(path.database)")
            }
        }
    }

    private static func raise(_ connection: Database, to version: UInt32, schema: StoreSchema, now: Timestamp) throws {
        var meta = try StoreMeta.fetch(connection)
        guard version >= meta.schema else {
            throw QueueStoreError(.misconfigured, "The database has schema \(meta.schema) already; there is no way back to \(version).")
        }
        guard version > meta.schema else { return }
        let clock = max(now, meta.clock)
        for node in try NodeRows.all(in: connection)
        where node.liveness(at: clock, lifetime: Self.nodeLifetime) == .alive && !node.schemas.contains(version) {
            throw QueueStoreError(
                .unavailable,
                "The node \(node.node.name) is alive and knows the schemas \(node.schemas.lowerBound) to \(node.schemas.upperBound), "
                    + "not \(version). Deploy a newer program to it first."
            )
        }
        try schema.raise(&meta, to: version, in: connection)
        var random = SystemRandomNumberGenerator()
        meta.number += 1
        meta.nonce = random.next()
        meta.clock = clock
        try meta.update(connection)
    }

    private static func change<Result>(
        _ text: String,
        schema: StoreSchema,
        _ body: (StorePath, WriteLock, StoreDatabase) throws(QueueStoreError) -> Result
    ) throws(QueueStoreError) -> Result {
        let path = try StorePath(text)
        guard try path.inspect() != nil else { throw QueueStoreError(.misconfigured, "There is no database at \(path.database).") }
        let lock = try WriteLock(path: path.lock)
        defer { lock.close() }
        return try lock.hold(limit: Self.lockLimit) { () throws(QueueStoreError) in
            var random = SystemRandomNumberGenerator()
            _ = try StoreDatabase.prepare(path, schema: schema, mayCreate: false, random: &random)
            let database = try StoreDatabase(path, SQLiteStoreConfiguration())
            defer { try? database.close(checkpoint: true) }
            return try body(path, lock, database)
        }
    }
}

/// What is in the file of a store.
package struct StoreInformation: Hashable, Sendable {
    /// The database's absolute path.
    package let path: String
    /// The version of the tables, and the oldest version whose programs may work with them.
    package let schema: UInt32
    package let minimumReader: UInt32
    /// The life of the store.
    package let incarnation: Incarnation
    /// The number of the newest commit.
    package let commits: UInt64
    /// The highest time that the store ever saw.
    package let clock: Timestamp
    /// How many queues there are, and to how many of them somebody is attached, alive or not.
    package let queues: Int
    package let attachedQueues: Int
    /// How many messages lie in the file, those included that expired or were removed and not yet swept, and their payload bytes.
    package let messages: Int
    package let bytes: Int
    /// How many idempotency keys are remembered.
    package let keys: Int
    /// The nodes that gave a sign of life lately.
    package let aliveNodes: [NodeIdentity]
    /// The size of the database's file.
    package let fileBytes: Int
}

extension ProgressFile.Content {
    /// The commit number that is known of; zero when none is.
    fileprivate var number: UInt64 {
        if case .progress(let progress) = self { progress.number } else { 0 }
    }
}
