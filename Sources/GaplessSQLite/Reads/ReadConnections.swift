import GRDB
import GaplessCore
import GaplessStore
import Synchronization

/// The connections of a store object that read, for as long as its database is open.
final class ReadConnections: Sendable {
    private enum State {
        /// The database is not open: it could not be opened again after a failure, or the store was closed.
        case closed
        /// Reads run.
        case open(DatabasePool)
    }

    private let path: StorePath
    private let state = Mutex(State.closed)
    /// Opened with the first look, closed with the database.
    private let signals = Mutex<SignalReads?>(nil)

    init(path: StorePath) {
        self.path = path
    }

    /// The database was opened; nil when it was closed.
    func use(_ pool: DatabasePool?) {
        self.state.withLock { $0 = pool.map { .open($0) } ?? .closed }
        self.signals.withLock { signals in
            signals?.close()
            signals = nil
        }
    }

    /// Runs the work in a snapshot of the database.
    func read<Result>(_ place: String, _ work: (Database) throws -> Result) throws(QueueStoreError) -> Result {
        let pool = try self.pool()
        do {
            return try pool.read(work)
        } catch {
            throw QueueStoreError(error, while: place)
        }
    }

    /// The signals of a node above a cursor.
    func signals(for node: NodeIdentity, after cursor: SignalCursor) throws(QueueStoreError) -> SignalBatch {
        try self.signals.withLock { (reads) throws(QueueStoreError) in
            // It is asked under the lock, so that nothing is opened behind the back of whoever closes.
            _ = try self.pool()
            do {
                let open = try reads ?? SignalReads(self.path)
                reads = open
                return try open.signals(for: node, after: cursor)
            } catch {
                reads?.close()
                reads = nil
                throw QueueStoreError(error, while: "looking at the signals")
            }
        }
    }

    private func pool() throws(QueueStoreError) -> DatabasePool {
        guard case .open(let pool) = self.state.withLock({ $0 }) else {
            throw QueueStoreError(.unavailable, "The database is not open.")
        }
        return pool
    }
}
