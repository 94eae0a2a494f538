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
    /// The key up to which the sweep has looked at the queues in its present round.
    var swept: Int64

    private static let columns = [
        "schema", "minimumReader", "store", "incarnation", "number", "nonce", "clock", "queues", "bytes", "keys", "nextQueue", "swept",
    ]
    private static let selection = "SELECT \(Self.columns.joined(separator: ", ")) FROM meta WHERE id = 1"
    private static let insertion =
        "INSERT INTO meta (\(Self.columns.joined(separator: ", ")), id) VALUES (\(Self.columns.map { _ in "?" }.joined(separator: ", ")), 1)"
    private static let change = "UPDATE meta SET \(Self.columns.map { "\($0) = ?" }.joined(separator: ", ")) WHERE id = 1"

    /// Reads the row.
    static func fetch(_ database: Database) throws -> StoreMeta {
        let meta = try PreparedStatement(database, Self.selection).first { row in
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
                nextQueue: row.integer(10),
                swept: row.integer(11)
            )
        }
        guard let meta else { throw DamagedRow("the row of the store itself is missing") }
        return meta
    }

    /// Writes the row of a new store.
    func insert(_ database: Database) throws {
        try self.write(try PreparedStatement(database, Self.insertion))
    }

    /// Writes the row.
    func update(_ database: Database) throws {
        try self.write(try PreparedStatement(database, Self.change))
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
        statement.bind(self.swept, at: 12)
        try statement.execute()
    }
}
