import GRDB
import GaplessCore

/// The table of nodes: a row for each process that gave a sign of life, until no queue's lifetime depends on it any more.
enum NodeRows {
    /// All nodes; they are few.
    static func all(in database: Database) throws -> [NodeRecord] {
        var records: [NodeRecord] = []
        let statement = try PreparedStatement(
            database,
            "SELECT name, incarnation, lowestSchema, highestSchema, lastSeen, hasStopped FROM nodes ORDER BY name, incarnation"
        )
        try statement.forEachRow { row in
            let schemas = (UInt32(truncatingIfNeeded: row.integer(2)), UInt32(truncatingIfNeeded: row.integer(3)))
            guard let name = NodeName(row.text(0)), schemas.0 <= schemas.1 else { throw DamagedRow("a node has no valid name or schemas") }
            records.append(
                NodeRecord(
                    node: NodeIdentity(name: name, incarnation: row.bits(1)),
                    schemas: schemas.0...schemas.1,
                    lastSeen: try row.timestamp(4),
                    hasStopped: row.integer(5) != 0
                )
            )
            return true
        }
        return records
    }

    /// Writes a node, whether or not it was there.
    static func put(_ record: NodeRecord, in database: Database) throws {
        let statement = try PreparedStatement(
            database,
            "INSERT OR REPLACE INTO nodes (incarnation, name, lowestSchema, highestSchema, lastSeen, hasStopped) VALUES (?, ?, ?, ?, ?, ?)"
        )
        statement.bind(bits: record.node.incarnation, at: 1)
        statement.bind(record.node.name.description, at: 2)
        statement.bind(Int64(record.schemas.lowerBound), at: 3)
        statement.bind(Int64(record.schemas.upperBound), at: 4)
        statement.bind(record.lastSeen, at: 5)
        statement.bind(record.hasStopped ? 1 : 0, at: 6)
        try statement.execute()
    }

    /// Forgets a node.
    static func delete(_ node: NodeIdentity, in database: Database) throws {
        let statement = try PreparedStatement(database, "DELETE FROM nodes WHERE incarnation = ? AND name = ?")
        statement.bind(bits: node.incarnation, at: 1)
        statement.bind(node.name.description, at: 2)
        try statement.execute()
    }
}
