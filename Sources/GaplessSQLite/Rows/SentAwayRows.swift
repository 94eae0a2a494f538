import GRDB
import GaplessCore

/// The table of the clients that operators sent away, until they may come again and a sweep finds that out.
///
/// It is there from version 2 of the schema on.
enum SentAwayRows {
    /// Whether and until when a client is sent away; nil when it is not, or may come by now and was not swept.
    static func find(_ client: ClientID, now: Timestamp, in database: Database) throws -> SentAway? {
        let statement = try PreparedStatement(database, "SELECT code, until FROM sentAway WHERE client = ? AND until > ?")
        statement.bind(client.description, at: 1)
        statement.bind(now, at: 2)
        return try statement.first { row in
            guard let code = UInt16(exactly: row.integer(0)) else { throw DamagedRow("a client is sent away with \(row.integer(0))") }
            return SentAway(code: CloseCode(rawValue: code), until: try row.timestamp(1))
        }
    }

    /// How many are sent away, those included that may come by now.
    static func count(in database: Database) throws -> Int {
        try PreparedStatement(database, "SELECT count(*) FROM sentAway").first { try $0.count(0) } ?? 0
    }

    /// Sends a client away, whether or not it is.
    static func put(_ away: SentAway, for client: ClientID, in database: Database) throws {
        let statement = try PreparedStatement(database, "INSERT OR REPLACE INTO sentAway (client, code, until) VALUES (?, ?, ?)")
        statement.bind(client.description, at: 1)
        statement.bind(Int64(away.code.rawValue), at: 2)
        statement.bind(away.until, at: 3)
        try statement.execute()
    }

    /// Lets a client come.
    static func delete(_ client: ClientID, in database: Database) throws {
        let statement = try PreparedStatement(database, "DELETE FROM sentAway WHERE client = ?")
        statement.bind(client.description, at: 1)
        try statement.execute()
    }

    /// Forgets those who may come by now, at most `limit`.
    ///
    /// - Returns: how many went.
    static func removeEnded(at now: Timestamp, limit: Int, in database: Database) throws -> Int {
        let statement = try PreparedStatement(
            database,
            "DELETE FROM sentAway WHERE client IN (SELECT client FROM sentAway WHERE until <= ? ORDER BY until LIMIT ?)"
        )
        statement.bind(now, at: 1)
        statement.bind(Int64(limit), at: 2)
        try statement.execute()
        return database.changesCount
    }
}
