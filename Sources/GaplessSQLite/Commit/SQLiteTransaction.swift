import GRDB
import GaplessCore
import GaplessStore

/// One batch while it is applied to the tables.
///
/// Messages go to their table at once. A queue's row is read when the batch first touches it, changed here, and written once at the end.
final class SQLiteTransaction: StoreTransaction {
    typealias Failure = any Error

    /// What a page of the database holds: so many payload bytes cost about as much to remove as one row.
    private static let pageBytes = 4_096

    /// A queue that the batch touched.
    private struct Touched {
        /// Nil when there is none, or none any more.
        var row: QueueRow?
        /// What the table holds; nil when that is none.
        var stored: QueueRow?
    }

    /// What an attempt that fails puts back; the tables are put back by SQLite.
    private struct State {
        var meta: StoreMeta
        var touched: [Touched] = []
        var places: [ClientID: Int] = [:]
        var raised: [(node: NodeIdentity, signal: Signal)] = []
    }

    let policy: StorePolicy
    let clock: Timestamp
    let tables: StoreTables
    /// Which tables this program can work with.
    let schema: StoreSchema
    /// Whether this batch may raise the schema.
    let mayRaise: Bool
    /// To which version it raises it, from the moment on at which it tries.
    private(set) var raising: UInt32?
    /// How much may still be removed at once in this batch, in rows and pages; what goes beyond it leaves in slices.
    var removable: Int
    private var state: State
    private var random: any RandomNumberGenerator
    /// All nodes, once somebody asked.
    private var nodes: [NodeIdentity: NodeRecord]?

    /// Begins a batch on a connection that is in a transaction.
    ///
    /// - Parameters:
    ///   - meta: the store's own row as it is in this transaction.
    ///   - schema: which tables this program can work with.
    ///   - mayRaise: whether a heartbeat in the batch may change them to a newer version.
    ///   - removable: how much the batch may remove at once, in rows and pages.
    ///   - now: the highest time that this process saw.
    init(
        _ tables: StoreTables,
        meta: StoreMeta,
        schema: StoreSchema,
        mayRaise: Bool,
        policy: StorePolicy,
        removable: Int,
        now: Timestamp,
        random: any RandomNumberGenerator
    ) {
        self.tables = tables
        self.schema = schema
        self.mayRaise = mayRaise
        self.policy = policy
        self.removable = removable
        self.random = random
        self.clock = max(meta.clock, now)
        self.state = State(meta: meta)
        self.state.meta.clock = self.clock
        self.state.meta.number += 1
        self.state.meta.nonce = self.random.next()
    }

    /// The store's own row as it will be.
    var meta: StoreMeta { self.state.meta }
    var queueCount: Int { self.state.meta.queues }
    var storedBytes: Int { self.state.meta.bytes }
    /// The version of the tables by which this program works: a newer one that it may work with has those that it knows.
    var schemaInUse: UInt32 { min(self.state.meta.schema, self.schema.supported.upperBound) }

    /// Writes what the batch has changed and not yet written.
    ///
    /// - Parameter ownNode: the node that commits, which learns of everything by its receipts.
    /// - Returns: the nodes that have new signals.
    func finish(ownNode: NodeIdentity?) throws -> [NodeIdentity] {
        for touched in self.state.touched {
            guard let row = touched.row, let stored = touched.stored, row != stored else { continue }
            try self.tables.queues.update(row, before: stored)
        }
        var wake: Set<NodeIdentity> = []
        for (node, signal) in self.state.raised where node != ownNode {
            guard try signal.kind != .news || self.liveness(of: node) == .alive else { continue }
            try SignalRows.insert(signal, for: node, number: self.state.meta.number, in: self.tables.database)
            wake.insert(node)
        }
        try self.state.meta.update(self.tables.database)
        return wake.sorted { $0.isOrderedBefore($1) }
    }

    /// The queues that the batch touched, as `finish` left them in the table; nil for those that are no more.
    var outcome: [(client: ClientID, row: QueueRow?)] {
        self.state.places.map { (client: $0.key, row: self.state.touched[$0.value].row) }
    }

    // MARK: Queues

    func record(of client: ClientID) throws -> QueueRecord? {
        self.state.touched[try self.place(of: client)].row?.record
    }

    func setRecord(_ record: QueueRecord) throws {
        let place = try self.place(of: record.client)
        guard let before = self.state.touched[place].row?.record else { preconditionFailure("a queue that was found is put back") }
        self.state.meta.bytes += record.kept.bytes - before.kept.bytes
        self.state.touched[place].row?.record = record
    }

    func createQueue(_ client: ClientID) throws -> QueueRecord {
        let place = try self.place(of: client)
        precondition(self.state.touched[place].row == nil, "a queue is created once")
        let record = QueueRecord(creating: client, epoch: self.freshEpoch(), keep: self.policy.retention.keep, now: self.clock)
        let row = QueueRow(id: self.state.meta.nextQueue, record: record, nextExpiry: nil)
        self.state.meta.nextQueue += 1
        self.state.meta.queues += 1
        // It is written at once, so that a look at the clients of its user finds it.
        try self.tables.queues.insert(row)
        self.state.touched[place] = Touched(row: row, stored: row)
        return record
    }

    func removeQueue(_ client: ClientID) throws {
        let place = try self.place(of: client)
        guard let row = self.state.touched[place].row else { return }
        try self.discard(row.record.kept, queue: row.id, above: row.record.floor, through: row.record.head)
        try self.tables.queues.delete(row.id)
        self.state.meta.queues -= 1
        self.state.meta.bytes -= row.record.kept.bytes
        self.state.touched[place] = Touched()
    }

    func clients(of user: UserID) throws -> [ClientID] {
        try QueueRows.clients(of: user, in: self.tables.database)
    }

    func freshEpoch() -> Epoch {
        Epoch(incarnation: self.state.meta.incarnation, queue: self.random.next())
    }

    func liveness(of record: QueueRecord) throws -> HolderLiveness {
        guard let node = record.lastAttachment?.node else { return .dead(since: nil) }
        return try self.liveness(of: node)
    }

    private func liveness(of node: NodeIdentity) throws -> HolderLiveness {
        try self.allNodes()[node]?.liveness(at: self.clock, lifetime: self.policy.nodeLifetime) ?? .dead(since: nil)
    }

    // MARK: Messages

    func keep(_ payload: Payload, as number: SequenceNumber, times: KeptTimes, of client: ClientID) throws {
        let place = try self.place(of: client)
        guard let row = self.state.touched[place].row else { preconditionFailure("a message is kept in a queue that is there") }
        try self.tables.messages.insert(payload, queue: row.id, number: number, times: times)
        self.state.touched[place].row?.nextExpiry = row.nextExpiry.map { min($0, times.expires) } ?? times.expires
    }

    func times(of number: SequenceNumber, of client: ClientID) throws -> KeptTimes? {
        guard let row = try self.row(of: client) else { return nil }
        return try self.tables.messages.times(queue: row.id, number: number)
    }

    func newest(in range: SequenceRange, unexpiredAt moment: Timestamp, of client: ClientID) throws -> LastMessage? {
        guard let row = try self.row(of: client) else { return nil }
        return try self.tables.messages.newest(queue: row.id, in: range, unexpiredAt: moment)
    }

    func oldestTime(of client: ClientID) throws -> Timestamp? {
        guard let row = try self.row(of: client) else { return nil }
        return try self.tables.messages.oldestTime(queue: row.id, above: row.record.floor)
    }

    func hasUnexpired(_ client: ClientID) throws -> Bool {
        guard let row = try self.row(of: client), row.record.kept.messages > 0 else { return false }
        return try self.tables.messages.hasUnexpired(queue: row.id, above: row.record.floor, now: self.clock)
    }

    func removeAcknowledged(_ record: QueueRecord) throws -> KeptSum {
        let place = try self.place(of: record.client)
        guard let row = self.state.touched[place].row, record.kept.messages > 0 else { return .zero }
        let sum: KeptSum
        if record.floor == record.head {
            sum = record.kept
            self.state.touched[place].row?.nextExpiry = nil
        } else {
            sum = try self.tables.messages.sum(queue: row.id, above: row.record.floor, through: record.floor)
        }
        try self.discard(sum, queue: row.id, above: row.record.floor, through: record.floor)
        return sum
    }

    func removeExpired(_ client: ClientID, limit: Int) throws -> RemovedMessages? {
        let place = try self.place(of: client)
        guard let row = self.state.touched[place].row, let next = row.nextExpiry, self.clock >= next else { return nil }
        let removed = try self.tables.messages.removeExpired(
            queue: row.id,
            above: row.record.floor,
            notBefore: next,
            now: self.clock,
            limit: limit
        )
        self.state.touched[place].row?.nextExpiry = removed.nextExpiry
        return removed.messages
    }

    func removeOldest(_ shortage: KeptSum, of client: ClientID) throws -> RemovedMessages? {
        guard let row = try self.row(of: client) else { return nil }
        return try self.tables.messages.removeOldest(shortage, queue: row.id, above: row.record.floor)
    }

    func hasRoom(for bytes: Int) throws -> Bool {
        if self.state.meta.bytes + bytes > self.policy.maxStoreBytes {
            try self.removeLeftovers(limit: 1_000)
        }
        return self.state.meta.bytes + bytes <= self.policy.maxStoreBytes
    }

    /// Removes messages that are gone for everybody: at once as long as the batch has not removed much, else later, in slices.
    ///
    /// - Parameter sum: how much lies in the range, which the caller takes off its queue's count.
    private func discard(
        _ sum: KeptSum,
        queue: Int64,
        above floor: SequenceNumber,
        through number: SequenceNumber
    ) throws {
        guard sum.messages > 0 else { return }
        let cost = sum.messages + sum.bytes / Self.pageBytes
        if cost <= self.removable {
            self.removable -= cost
            try self.tables.messages.remove(queue: queue, above: floor, through: number)
        } else {
            try self.tables.leftovers.add(queue: queue, through: number)
            // As long as it is in the file it counts as stored.
            self.state.meta.bytes += sum.bytes
        }
    }

    /// Removes a slice of what was not removed at once, at most `limit` messages; gives how much of the limit that took.
    @discardableResult
    func removeLeftovers(limit: Int) throws -> Int {
        var rowsLeft = limit
        while rowsLeft > 0, let next = try self.tables.leftovers.next() {
            let removed = try self.tables.messages.removeOldest(queue: next.queue, through: next.through, limit: rowsLeft)
            let sum = removed?.sum ?? .zero
            self.state.meta.bytes -= sum.bytes
            if sum.messages < rowsLeft { try self.tables.leftovers.delete(queue: next.queue) }
            rowsLeft -= max(1, sum.messages)
        }
        return limit - rowsLeft
    }

    // MARK: Signals, keys, attempts

    func raise(_ kind: Signal.Kind, for client: ClientID, at node: NodeIdentity) {
        self.state.raised.append((node, Signal(client: client, kind: kind)))
    }

    func answer(to key: IdempotencyKey) throws -> KeyedAnswer? {
        guard let entry = try self.tables.keys.find(key) else { return nil }
        if self.clock < entry.expires { return entry.answer }
        try self.tables.keys.delete(entry.id)
        self.state.meta.keys -= 1
        return nil
    }

    func hasRoomForKey() throws -> Bool {
        if self.state.meta.keys >= self.policy.maxKeys {
            _ = try self.removeExpiredKeys(limit: 1_000)
        }
        return self.state.meta.keys < self.policy.maxKeys
    }

    func remember(_ key: IdempotencyKey, _ answer: KeyedAnswer, until expires: Timestamp) throws {
        try self.tables.keys.insert(key, answer, expires: expires)
        self.state.meta.keys += 1
    }

    func attempt<Result>(_ body: () throws -> (result: Result, isKept: Bool)) throws -> Result {
        let before = self.state
        try self.tables.savepoint.execute()
        let (result, isKept) = try body()
        if !isKept {
            try self.tables.rollback.execute()
            self.state = before
        }
        try self.tables.release.execute()
        return result
    }

    /// Forgets keys whose time is over, at most `limit`.
    func removeExpiredKeys(limit: Int) throws -> (count: Int, hasMore: Bool) {
        let removed = try self.tables.keys.removeExpired(at: self.clock, limit: limit)
        self.state.meta.keys -= removed.count
        return removed
    }

    // MARK: What the sweep and the nodes need

    /// The key up to which the sweep has looked at the queues in its present round.
    var swept: Int64 {
        get { self.state.meta.swept }
        set { self.state.meta.swept = newValue }
    }

    /// All nodes that anything is known of.
    func allNodes() throws -> [NodeIdentity: NodeRecord] {
        if let nodes = self.nodes { return nodes }
        let nodes = Dictionary(uniqueKeysWithValues: try NodeRows.all(in: self.tables.database).map { ($0.node, $0) })
        self.nodes = nodes
        return nodes
    }

    /// Writes a node, or forgets it.
    func setNode(_ node: NodeIdentity, to record: NodeRecord?) throws {
        _ = try self.allNodes()
        if let record {
            try NodeRows.put(record, in: self.tables.database)
        } else {
            try NodeRows.delete(node, in: self.tables.database)
        }
        self.nodes?[node] = record
    }

    /// Changes the tables to a newer version.
    func raiseSchema(to version: UInt32) throws {
        self.raising = version
        try self.schema.raise(&self.state.meta, to: version, in: self.tables.database)
    }

    // MARK: Touched queues

    private func row(of client: ClientID) throws -> QueueRow? {
        self.state.touched[try self.place(of: client)].row
    }

    /// Where a queue's row stands among those that the batch touched, after reading it if it is the first time.
    private func place(of client: ClientID) throws -> Int {
        if let place = self.state.places[client] { return place }
        let row = try self.tables.cache[client] ?? self.tables.queues.find(client, incarnation: self.state.meta.incarnation)
        let place = self.state.touched.count
        self.state.touched.append(Touched(row: row, stored: row))
        self.state.places[client] = place
        return place
    }
}
