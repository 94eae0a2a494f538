import GRDB
import GaplessCore
import GaplessStore

/// The table of signals, for each node in the order of the commits that raised them.
enum SignalRows {
    /// The most rows that one look takes in; the next look goes on behind them.
    static let maxRowsOfALook = 20_000

    /// A signal with the commit that raised it.
    struct Row: Hashable {
        let number: UInt64
        let signal: Signal
    }

    static func insert(_ signal: Signal, for node: NodeIdentity, number: UInt64, in database: Database) throws {
        let statement = try PreparedStatement(
            database,
            "INSERT OR IGNORE INTO signals (node, number, client, kind) VALUES (?, ?, ?, ?)"
        )
        statement.bind(Self.key(of: node), at: 1)
        statement.bind(Int64(number), at: 2)
        statement.bind(signal.client.description, at: 3)
        statement.bind(Self.code(of: signal.kind), at: 4)
        try statement.execute()
    }

    /// The signals of a node above a cursor, in order of their commits.
    ///
    /// - Returns: whole commits only; `isCut` when there are more.
    static func above(_ cursor: SignalCursor, for node: NodeIdentity, in database: Database) throws -> (rows: [Row], isCut: Bool) {
        guard let above = Int64(exactly: cursor.rawValue) else { return ([], false) }
        let statement = try PreparedStatement(
            database,
            "SELECT number, client, kind FROM signals WHERE node = ? AND number > ? ORDER BY number LIMIT ?"
        )
        statement.bind(Self.key(of: node), at: 1)
        statement.bind(above, at: 2)
        statement.bind(Int64(Self.maxRowsOfALook), at: 3)
        var rows = try Self.rows(statement)
        guard rows.count == Self.maxRowsOfALook, let last = rows.last?.number else { return (rows, false) }
        // The last commit may not be whole. If it is the only one, it is taken in whatever its size.
        guard rows[0].number == last else {
            rows.removeAll { $0.number == last }
            return (rows, true)
        }
        return (try Self.of(last, for: node, in: database), true)
    }

    private static func of(_ number: UInt64, for node: NodeIdentity, in database: Database) throws -> [Row] {
        let statement = try PreparedStatement(database, "SELECT number, client, kind FROM signals WHERE node = ? AND number = ?")
        statement.bind(Self.key(of: node), at: 1)
        statement.bind(Int64(number), at: 2)
        return try Self.rows(statement)
    }

    private static func rows(_ statement: PreparedStatement) throws -> [Row] {
        var rows: [Row] = []
        try statement.forEachRow { row in
            guard let client = ClientID(row.text(1)) else { throw DamagedRow("a signal has no valid address") }
            rows.append(Row(number: UInt64(try row.count(0)), signal: Signal(client: client, kind: Self.kind(of: row.integer(2)))))
            return true
        }
        return rows
    }

    /// Removes what a node has seen.
    static func delete(for node: NodeIdentity, through cursor: SignalCursor, in database: Database) throws {
        let statement = try PreparedStatement(database, "DELETE FROM signals WHERE node = ? AND number <= ?")
        statement.bind(Self.key(of: node), at: 1)
        statement.bind(Int64(exactly: cursor.rawValue) ?? .max, at: 2)
        try statement.execute()
    }

    /// The nodes that have signals, by their keys in this table.
    static func keys(in database: Database) throws -> [String] {
        // One seek a node: the rows of a node are many, the nodes are few.
        let next = try PreparedStatement(database, "SELECT min(node) FROM signals WHERE node > ?")
        let first = try PreparedStatement(database, "SELECT min(node) FROM signals")
        func value(_ row: PreparedStatement) -> String? { row.isNull(0) ? nil : row.text(0) }
        var keys: [String] = []
        var key = try first.first(value) ?? nil
        while let found = key {
            keys.append(found)
            next.bind(found, at: 1)
            key = try next.first(value) ?? nil
        }
        return keys
    }

    /// Removes the signals of a dead node, at most `limit`, by the node's key.
    ///
    /// - Returns: how many went.
    static func delete(forDead key: String, limit: Int, in database: Database) throws -> Int {
        let statement = try PreparedStatement(
            database,
            """
            DELETE FROM signals WHERE (node, number, client, kind) IN
              (SELECT node, number, client, kind FROM signals WHERE node = ? ORDER BY number LIMIT ?)
            """
        )
        statement.bind(key, at: 1)
        statement.bind(Int64(limit), at: 2)
        try statement.execute()
        return database.changesCount
    }

    /// A node's name and incarnation in one text; names hold no slash.
    static func key(of node: NodeIdentity) -> String {
        "\(node.name)/\(String(node.incarnation, radix: 16))"
    }

    /// What is added to the close code of a client that was sent away, below the digest of the fence that is meant. A program that knows no
    /// such signal cuts both off and takes the rest for a removal: it looks, finds its fence current, and goes on.
    private static let away: Int64 = 65_536
    /// Where the digest begins.
    private static let digestShift: Int64 = 17

    /// 0 and 1, else the close code of a removal, or that of a client that was sent away with the digest of a fence.
    private static func code(of kind: Signal.Kind) -> Int64 {
        switch kind {
        case .news: 0
        case .displaced: 1
        case .removed(let code): Int64(code.rawValue)
        case .sentAway(let code, let fence): Int64(fence.rawValue) << Self.digestShift + Self.away + Int64(code.rawValue)
        }
    }

    private static func kind(of code: Int64) -> Signal.Kind {
        switch code {
        case 0: .news
        case 1: .displaced
        case Self.away... where code & Self.away != 0:
            .sentAway(
                CloseCode(rawValue: UInt16(truncatingIfNeeded: code)),
                from: FenceDigest(rawValue: UInt64(code >> Self.digestShift))
            )
        default: .removed(CloseCode(rawValue: UInt16(truncatingIfNeeded: code)))
        }
    }
}
