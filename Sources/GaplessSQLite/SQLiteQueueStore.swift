import GRDB
package import GaplessCore
package import GaplessStore
package import Logging
import Synchronization

/// Queues in one SQLite file, which several processes of one machine share.
///
/// Commits are durable when they return (`synchronous=FULL`) and exclude each other between processes; reads run beside them on
/// connections of their own. DESIGN.md §5 says what a store promises.
package final class SQLiteQueueStore: QueueStore {
    private struct Progress {
        /// The highest time that this object saw.
        var clock = Timestamp(milliseconds: 0)
        /// How far a node's looks at its signals have come.
        var seen: SeenSignals?
        /// Whether a commit has already taken that up.
        var isSeenNoted = true
        var isClosed = false
    }

    private let reads: ReadConnections
    let writer: Mutex<StoreWriter>
    private let progress = Mutex(Progress())

    /// Opens the store, and makes it if there is none.
    ///
    /// - Parameter path: the database's file; its folder must exist. Files of the same name with `-wal`, `-shm`, `-lock`, `-progress` and
    ///   `-signals` belong to it.
    /// - Throws: `.misconfigured`, `.foreign`, `.newerSchema`, `.corrupt`, `.full` or `.unavailable`, with a sentence for people.
    package init(
        path: String,
        policy: StorePolicy = StorePolicy(),
        logger: Logger,
        configuration: SQLiteStoreConfiguration = SQLiteStoreConfiguration()
    ) throws(QueueStoreError) {
        let path = try StorePath(path)
        let reads = ReadConnections(path: path)
        let writer = try StoreWriter(path: path, policy: policy, configuration: configuration, logger: logger) { reads.use($0) }
        try writer.open()
        self.reads = reads
        self.writer = Mutex(writer)
    }

    deinit {
        self.close()
    }

    package var incarnation: Incarnation {
        get throws(QueueStoreError) {
            try self.checkOpen()
            return try self.reads.read("reading the incarnation") { try StoreMeta.fetch($0).incarnation }
        }
    }

    package func commit(_ operations: [StoreOperation], now: Timestamp) throws(QueueStoreError) -> CommitReceipt {
        let clock = try self.advance(to: now)
        let seen = self.progress.withLock { progress in
            defer { progress.isSeenNoted = true }
            return progress.isSeenNoted ? nil : progress.seen
        }
        return try self.writer.withLock { (writer) throws(QueueStoreError) in
            try writer.commit(operations, now: clock, seen: seen)
        }
    }

    package func read(_ requests: [ReadRequest], now: Timestamp) throws(QueueStoreError) -> [ReadReceipt] {
        let clock = try self.advance(to: now)
        return try self.reads.read("reading messages") { database in
            let reads = try QueueReads(database, now: clock)
            return try requests.map { try reads.read($0) }
        }
    }

    package func signals(for node: NodeIdentity, after cursor: SignalCursor) throws(QueueStoreError) -> SignalBatch {
        try self.checkOpen()
        let batch = try self.reads.signals(for: node, after: cursor)
        let seen = SeenSignals(node: node, cursor: cursor)
        self.progress.withLock { progress in
            guard progress.seen != seen else { return }
            progress.seen = seen
            progress.isSeenNoted = false
        }
        return batch
    }

    package func snapshot(of client: ClientID, now: Timestamp) throws(QueueStoreError) -> QueueSnapshot? {
        let clock = try self.advance(to: now)
        return try self.reads.read("reading a queue") { try QueueReads($0, now: clock).snapshot(of: client) }
    }

    package func snapshots(
        of user: UserID?,
        after: ClientID?,
        limit: Int,
        now: Timestamp
    ) throws(QueueStoreError) -> [QueueSnapshot] {
        let clock = try self.advance(to: now)
        return try self.reads.read("listing queues") { try QueueReads($0, now: clock).snapshots(of: user, after: after, limit: limit) }
    }

    package func tokenKeys(now: Timestamp) throws(QueueStoreError) -> [TokenKey] {
        let clock = try self.advance(to: now)
        let keys = try self.reads.read("reading token keys") { try TokenKeyRows.all(in: $0) }
        guard TokenKeyRows.isRotationDue(keys, now: clock) else { return keys }
        try self.writer.withLock { (writer) throws(QueueStoreError) in
            try writer.change(now: clock) { database, time in
                var random = SystemRandomNumberGenerator()
                try TokenKeyRows.rotateIfDue(now: time, random: &random, in: database)
            }
        }
        return try self.reads.read("reading token keys") { try TokenKeyRows.all(in: $0) }
    }

    package func close() {
        self.progress.withLock { $0.isClosed = true }
        self.writer.withLock { $0.close() }
    }

    private func checkOpen() throws(QueueStoreError) {
        guard self.progress.withLock({ !$0.isClosed }) else { throw QueueStoreError(.closed, "The store was closed.") }
    }

    private func advance(to now: Timestamp) throws(QueueStoreError) -> Timestamp {
        try self.checkOpen()
        return self.progress.withLock { progress in
            progress.clock = max(progress.clock, now)
            return progress.clock
        }
    }
}

/// How far a node's looks at its signals have come.
struct SeenSignals: Hashable, Sendable {
    let node: NodeIdentity
    let cursor: SignalCursor
}
