import GRDB
import GaplessCore

/// The table of what nodes tell of themselves and what is wanted of them: a row for each process that told anything, until its node's row goes.
///
/// It is there from version 2 of the schema on, and only heartbeats and orders look at it.
enum NodeReportRows {
    /// What a node last told of itself, and what operators want of it.
    struct Row: Hashable {
        /// Nil when it told nothing that this program understands.
        var report: NodeReport?
        var orders = NodeOrders()
    }

    /// All rows; they are few.
    static func all(in database: Database) throws -> [NodeIdentity: Row] {
        var rows: [NodeIdentity: Row] = [:]
        let statement = try PreparedStatement(database, "SELECT name, incarnation, report, orders, openOrder FROM nodeReports")
        try statement.forEachRow { row in
            guard let name = NodeName(row.text(0)) else { throw DamagedRow("a node's report has no valid name") }
            rows[NodeIdentity(name: name, incarnation: row.bits(1))] = Row(
                report: row.isNull(2) ? nil : NodeReport(row.text(2)),
                // An order of a later program is one that this program cannot obey, and so none.
                orders: NodeOrders(count: UInt64(clamping: row.integer(3)), open: row.isNull(4) ? nil : NodeOrder(rawValue: row.text(4)))
            )
            return true
        }
        return rows
    }

    /// Writes what is known of a node, whether or not there was a row.
    static func put(_ row: Row, for node: NodeIdentity, in database: Database) throws {
        let statement = try PreparedStatement(
            database,
            "INSERT OR REPLACE INTO nodeReports (incarnation, name, report, orders, openOrder) VALUES (?, ?, ?, ?, ?)"
        )
        statement.bind(bits: node.incarnation, at: 1)
        statement.bind(node.name.description, at: 2)
        statement.bind(row.report?.text, at: 3)
        statement.bind(Int64(clamping: row.orders.count), at: 4)
        statement.bind(row.orders.open?.rawValue, at: 5)
        try statement.execute()
    }

    /// Forgets what a node told, and what is wanted of it.
    static func delete(_ node: NodeIdentity, in database: Database) throws {
        let statement = try PreparedStatement(database, "DELETE FROM nodeReports WHERE incarnation = ? AND name = ?")
        statement.bind(bits: node.incarnation, at: 1)
        statement.bind(node.name.description, at: 2)
        try statement.execute()
    }
}
