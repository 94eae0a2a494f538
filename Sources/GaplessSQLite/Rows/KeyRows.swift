import GRDB
import GaplessCore
import GaplessStore

/// The table of idempotency keys, in the order in which they came, which is nearly the order in which their time is over.
struct KeyRows {
    private let byKey: PreparedStatement
    private let insertion: PreparedStatement
    private let deletion: PreparedStatement
    private let oldest: PreparedStatement

    /// Compiles the statements that the connection writes with.
    init(_ database: Database) throws {
        self.byKey = try PreparedStatement(database, "SELECT expires, digestHigh, digestLow, receipt, id FROM keys WHERE key = ?")
        self.insertion = try PreparedStatement(
            database,
            "INSERT INTO keys (key, expires, digestHigh, digestLow, receipt) VALUES (?, ?, ?, ?, ?)"
        )
        self.deletion = try PreparedStatement(database, "DELETE FROM keys WHERE id = ?")
        self.oldest = try PreparedStatement(database, "SELECT id, expires FROM keys ORDER BY id LIMIT ?")
    }

    /// A key's row.
    struct Entry {
        let id: Int64
        let expires: Timestamp
        let answer: KeyedAnswer
    }

    /// What a key stands for, its time over or not; nil when it is unknown.
    func find(_ key: IdempotencyKey) throws -> Entry? {
        self.byKey.bind(key.description, at: 1)
        return try self.byKey.first { row in
            Entry(
                id: row.integer(4),
                expires: try row.timestamp(0),
                answer: KeyedAnswer(
                    digest: ContentDigest(high: row.bits(1), low: row.bits(2)),
                    receipt: try KeyedReceiptCodec.decode(row.bytes(3))
                )
            )
        }
    }

    /// Writes a key that was not there.
    func insert(_ key: IdempotencyKey, _ answer: KeyedAnswer, expires: Timestamp) throws {
        self.insertion.bind(key.description, at: 1)
        self.insertion.bind(expires, at: 2)
        self.insertion.bind(bits: answer.digest.high, at: 3)
        self.insertion.bind(bits: answer.digest.low, at: 4)
        self.insertion.bind(KeyedReceiptCodec.encode(answer.receipt), at: 5)
        try self.insertion.execute()
    }

    func delete(_ id: Int64) throws {
        self.deletion.bind(id, at: 1)
        try self.deletion.execute()
    }

    /// Removes the oldest keys as long as their time is over, at most `limit`.
    ///
    /// - Returns: how many went, and whether there are more of them.
    func removeExpired(at now: Timestamp, limit: Int) throws -> (count: Int, hasMore: Bool) {
        var expired: [Int64] = []
        self.oldest.bind(Int64(limit) + 1, at: 1)
        try self.oldest.forEachRow { row in
            guard now >= (try row.timestamp(1)) else { return false }
            expired.append(row.integer(0))
            return true
        }
        for id in expired.prefix(limit) { try self.delete(id) }
        return (min(expired.count, limit), expired.count > limit)
    }
}
