import GRDB
import GaplessCore
import GaplessStore

/// Looks at the signals on a connection of its own, and knows when a look is not worth it.
final class SignalReads {
    /// What the newest look gave: a look from there on finds nothing as long as nobody has committed.
    private struct Newest {
        let node: NodeIdentity
        let cursor: SignalCursor
        let version: Int64
    }

    private let connection: DatabaseQueue
    private var newest: Newest?

    /// Opens a connection that only reads.
    init(_ path: StorePath) throws {
        var configuration = Configuration()
        configuration.label = "gapless.sqlite.signals"
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        self.connection = try DatabaseQueue(path: path.database, configuration: configuration)
    }

    /// The signals of a node above a cursor.
    func signals(for node: NodeIdentity, after cursor: SignalCursor) throws -> SignalBatch {
        try self.connection.unsafeRead { database in
            // It is asked first: a commit between the two is then looked at once more.
            let version = try PreparedStatement(database, "PRAGMA data_version").first { $0.integer(0) } ?? 0
            if let newest = self.newest, newest.node == node, newest.cursor == cursor, newest.version == version {
                return SignalBatch(signals: [], cursor: cursor)
            }
            let (found, number) = try self.look(database, node, cursor)
            var signals = NodeSignals()
            for row in found.rows { signals.raise(row.signal, commit: row.number) }
            let end = SignalCursor(rawValue: found.isCut ? found.rows.last?.number ?? 0 : number)
            let batch = SignalBatch(signals: signals.above(cursor), cursor: max(cursor, end))
            self.newest = found.isCut ? nil : Newest(node: node, cursor: batch.cursor, version: version)
            return batch
        }
    }

    /// Ends the connection.
    func close() {
        // A connection that only reads holds nothing that could be lost.
        try? self.connection.close()
    }

    private func look(
        _ database: Database,
        _ node: NodeIdentity,
        _ cursor: SignalCursor
    ) throws -> (found: (rows: [SignalRows.Row], isCut: Bool), number: UInt64) {
        try database.beginTransaction(.deferred)
        do {
            let result = (try SignalRows.above(cursor, for: node, in: database), try StoreMeta.fetch(database).number)
            try database.commit()
            return result
        } catch {
            if database.isInsideTransaction { try database.rollback() }
            throw error
        }
    }
}
