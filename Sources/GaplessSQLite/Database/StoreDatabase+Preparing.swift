import Foundation
import GRDB
import GaplessCore
import GaplessStore

extension StoreDatabase {
    /// What is known of a database before it is opened for work.
    enum Preparation {
        /// It was there, and is one of ours that this program can work with.
        case existing(StoreMeta)
        /// It was made now.
        case created(StoreMeta)

        /// What the store knows of itself.
        var meta: StoreMeta {
            switch self {
            case .existing(let meta), .created(let meta): meta
            }
        }
    }

    /// Makes the database if there is none, and looks into it before anything is changed in it.
    ///
    /// A foreign database stays as it is: even the change to a write-ahead log would be one.
    static func prepare(
        _ path: StorePath,
        schema: StoreSchema,
        mayCreate: Bool,
        random: inout some RandomNumberGenerator
    ) throws(QueueStoreError) -> Preparation {
        let identity = try path.inspect()
        if identity == nil {
            guard mayCreate else { throw QueueStoreError(.misconfigured, "There is no database at \(path.database).") }
            try path.create()
        }
        let version = schema.ofNewDatabase
        let fresh = StoreMeta(
            schema: version.schema,
            minimumReader: version.minimumReader,
            store: random.next(),
            incarnation: Incarnation(rawValue: random.next()),
            number: 0,
            nonce: random.next(),
            clock: Timestamp(milliseconds: 0),
            queues: 0,
            bytes: 0,
            keys: 0,
            nextQueue: 1,
            swept: 0
        )
        do {
            let queue = try DatabaseQueue(path: path.database, configuration: Self.plainConfiguration)
            defer { try? queue.close() }
            return try queue.inDatabase { database in
                if try Self.isEmpty(database) {
                    // SQLite takes a file shorter than its header for an empty database, and would write over it.
                    guard try Int.fetchOne(database, sql: "PRAGMA page_count") != 0 || path.identity()?.size == 0 else {
                        throw QueueStoreError(.foreign, "\(path.database) is not an SQLite database.")
                    }
                    guard mayCreate else { throw QueueStoreError(.foreign, "\(path.database) is empty: it is not a database of Gapless.") }
                    try Self.create(database, schema, fresh)
                    return .created(fresh)
                }
                try Self.requireOurs(database, path)
                let meta = try StoreMeta.fetch(database)
                try schema.requireKnown(schema: meta.schema, minimumReader: meta.minimumReader)
                return .existing(meta)
            }
        } catch {
            throw QueueStoreError(error, while: "opening \(path.database)")
        }
    }

    /// Nothing was ever made in it: a file without bytes, or what a crash left of the first moment.
    private static func isEmpty(_ database: Database) throws -> Bool {
        try Int.fetchOne(database, sql: "PRAGMA application_id") == 0
            && Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0
    }

    private static func requireOurs(_ database: Database, _ path: StorePath) throws {
        guard try Int32.fetchOne(database, sql: "PRAGMA application_id") == StoreSchema.applicationID else {
            throw QueueStoreError(.foreign, "\(path.database) is a database of another program, not of Gapless.")
        }
    }

    /// Makes the tables in one transaction with a rollback journal, so that a crash leaves an empty database or a whole one.
    private static func create(_ database: Database, _ schema: StoreSchema, _ meta: StoreMeta) throws {
        try database.execute(sql: "PRAGMA auto_vacuum = NONE; PRAGMA synchronous = EXTRA")
        try database.inTransaction(.immediate) {
            try schema.createTables(database)
            try meta.insert(database)
            try database.execute(sql: "PRAGMA application_id = \(StoreSchema.applicationID)")
            try StoreSchema.mark(database, meta.schema)
            return .commit
        }
    }

    /// A connection that takes the database as it is.
    static var plainConfiguration: Configuration {
        var configuration = Configuration()
        configuration.label = "gapless.sqlite.plain"
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
        }
        return configuration
    }
}
