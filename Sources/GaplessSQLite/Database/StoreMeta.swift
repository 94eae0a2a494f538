import GRDB
import GaplessCore

/// What a store knows of itself: the one row of `meta`, read at the beginning of each batch and written at its end.
struct StoreMeta: Hashable, Sendable {
    /// The version of the tables.
    var schema: UInt32
    /// The oldest version whose programs may work with them.
    var minimumReader: UInt32
    /// Random, for the whole life of the database, copies included.
    let store: UInt64
    /// The life of the store; part of every epoch.
    var incarnation: Incarnation
    /// The number of the newest commit.
    var number: UInt64
    /// Random, drawn by whoever made that commit.
    var nonce: UInt64
    /// The highest time that the store ever saw.
    var clock: Timestamp
    /// How many queues there are.
    var queues: Int
    /// Payload bytes of all messages kept.
    var bytes: Int
    /// How many idempotency keys are remembered.
    var keys: Int
    /// The key of the next queue's rows.
    var nextQueue: Int64

    private static let columns =
        "schema, minimumReader, store, incarnation, number, nonce, clock, queues, bytes, keys, nextQueue"

    /// Reads the row.
    static func fetch(_ database: Database) throws -> StoreMeta {
        let meta = try PreparedStatement(database, "SELECT \(Self.columns) FROM meta WHERE id = 1").first { row in
            StoreMeta(
                schema: UInt32(truncatingIfNeeded: row.integer(0)),
                minimumReader: UInt32(truncatingIfNeeded: row.integer(1)),
                store: row.bits(2),
                incarnation: Incarnation(rawValue: row.bits(3)),
                number: row.bits(4),
                nonce: row.bits(5),
                clock: try row.timestamp(6),
                queues: try row.count(7),
                bytes: try row.count(8),
                keys: try row.count(9),
                nextQueue: row.integer(10)
            )
        }
        guard let meta else { throw DamagedRow("the row of the store itself is missing") }
        return meta
    }

    /// Writes the row of a new store.
    func insert(_ database: Database) throws {
        try self.write(
            try PreparedStatement(database, "INSERT INTO meta (\(Self.columns), id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)")
        )
    }

    /// Writes the row.
    func update(_ database: Database) throws {
        let names = Self.columns.split(separator: ", ").map { "\($0) = ?" }.joined(separator: ", ")
        try self.write(try PreparedStatement(database, "UPDATE meta SET \(names) WHERE id = 1"))
    }

    private func write(_ statement: PreparedStatement) throws {
        statement.bind(Int64(self.schema), at: 1)
        statement.bind(Int64(self.minimumReader), at: 2)
        statement.bind(bits: self.store, at: 3)
        statement.bind(bits: self.incarnation.rawValue, at: 4)
        statement.bind(bits: self.number, at: 5)
        statement.bind(bits: self.nonce, at: 6)
        statement.bind(self.clock, at: 7)
        statement.bind(Int64(self.queues), at: 8)
        statement.bind(Int64(self.bytes), at: 9)
        statement.bind(Int64(self.keys), at: 10)
        statement.bind(self.nextQueue, at: 11)
        try statement.execute()
    }
}
