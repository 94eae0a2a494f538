import GaplessCore

/// The queues' rows as the connection that writes left them in the table, for as long as nobody else has written.
///
/// Most batches of a busy node touch the queues that its last ones touched, and reading a row costs more than changing it. A commit of
/// another process makes all of it worthless: SQLite tells of it (`PRAGMA data_version`), and so does every batch, before it looks anything up.
final class QueueCache {
    /// The most rows held by default; with more, all are forgotten.
    static let defaultMaxRows = 20_000

    private let maxRows: Int
    private var rows: [ClientID: QueueRow] = [:]
    private var version: Int64?

    init(maxRows: Int = QueueCache.defaultMaxRows) {
        self.maxRows = maxRows
    }

    /// The row of a queue; nil when it is not known here.
    subscript(client: ClientID) -> QueueRow? { self.rows[client] }

    /// How many rows are held.
    var count: Int { self.rows.count }

    /// Begins a transaction: forgets everything if another connection has committed since the rows were taken in.
    ///
    /// - Parameter version: the `data_version` in this transaction; nil when it is not known, and then nothing else is.
    func use(at version: Int64?) {
        if version == nil || version != self.version { self.forget() }
        self.version = version
    }

    /// Forgets everything, as after an error: what became of the table is not known.
    func forget() {
        self.rows.removeAll(keepingCapacity: true)
        self.version = nil
    }

    /// Takes in what a commit left behind, once it is durable; nil for a queue that is no more.
    func take(_ outcome: [(client: ClientID, row: QueueRow?)]) {
        if self.rows.count + outcome.count > self.maxRows { self.rows.removeAll(keepingCapacity: true) }
        guard outcome.count <= self.maxRows else { return }
        for (client, row) in outcome { self.rows[client] = row }
    }
}
