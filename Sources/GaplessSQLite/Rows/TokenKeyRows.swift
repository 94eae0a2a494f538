import GRDB
import GaplessCore
import GaplessStore
import NIOCore

/// The table of the keys under which client tokens are made.
enum TokenKeyRows {
    private static let secretBytes = 32
    /// How many keys are valid at once.
    private static let kept = 2

    /// The keys, newest first.
    static func all(in database: Database) throws -> [TokenKey] {
        var keys: [TokenKey] = []
        let statement = try PreparedStatement(database, "SELECT id, secret, created FROM tokenKeys ORDER BY created DESC, id DESC")
        try statement.forEachRow { row in
            let secret = Array(row.bytes(1).readableBytesView)
            guard secret.count == Self.secretBytes else { throw DamagedRow("a token key has no valid secret") }
            keys.append(TokenKey(id: row.text(0), secret: secret, created: try row.timestamp(2)))
            return true
        }
        return keys
    }

    /// Whether the newest key is so old that there must be a newer one.
    static func isRotationDue(_ keys: [TokenKey], now: Timestamp) -> Bool {
        keys.first.map { now >= $0.created + MemoryQueueStore.tokenKeyRotation } ?? true
    }

    /// Makes a new key if it is time, and forgets what is too old.
    static func rotateIfDue(now: Timestamp, random: inout some RandomNumberGenerator, in database: Database) throws {
        let keys = try Self.all(in: database)
        guard Self.isRotationDue(keys, now: now) else { return }
        let count = keys.compactMap { $0.id.first == "k" ? UInt64($0.id.dropFirst()) : nil }.max() ?? 0
        let insertion = try PreparedStatement(database, "INSERT INTO tokenKeys (id, secret, created) VALUES (?, ?, ?)")
        insertion.bind("k\(count + 1)", at: 1)
        insertion.bind(ByteBuffer(bytes: (0..<Self.secretBytes).map { _ in UInt8.random(in: .min ... .max, using: &random) }), at: 2)
        insertion.bind(now, at: 3)
        try insertion.execute()
        for key in keys.dropFirst(Self.kept - 1) {
            let deletion = try PreparedStatement(database, "DELETE FROM tokenKeys WHERE id = ?")
            deletion.bind(key.id, at: 1)
            try deletion.execute()
        }
    }
}
