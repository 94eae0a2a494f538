import GRDB
import GaplessCore

/// Reads of queues and their messages, on a connection that only reads and in a snapshot of its own.
///
/// Whatever has expired counts as gone, swept or not.
struct QueueReads {
    private let database: Database
    private let incarnation: Incarnation
    private let clock: Timestamp

    /// - Parameter now: the highest time that this process saw.
    init(_ database: Database, now: Timestamp) throws {
        let meta = try StoreMeta.fetch(database)
        self.database = database
        self.incarnation = meta.incarnation
        self.clock = max(meta.clock, now)
    }

    /// What follows a connection's cursor.
    func read(_ request: ReadRequest) throws -> ReadReceipt {
        guard let row = try QueueRows.find(request.client, incarnation: self.incarnation, in: self.database) else { return .refused(.gone) }
        let record = row.record
        if let refusal = record.refusal(of: request.fence) { return .refused(refusal) }
        var slice = QueueSlice(
            messages: [],
            through: record.head,
            head: record.head,
            floor: record.floor,
            overflowedThrough: record.overflowedThrough
        )
        guard record.kept.messages > 0 else { return .slice(slice) }
        var bytes = 0
        let statement = try PreparedStatement(
            self.database,
            """
            SELECT sequence, time, kind, payload, length(payload) FROM messages
            WHERE queue = ? AND sequence > ? AND expires > ? ORDER BY sequence
            """
        )
        statement.bind(row.id, at: 1)
        statement.bind(max(request.after, record.floor), at: 2)
        statement.bind(self.clock, at: 3)
        try statement.forEachRow { message in
            let sequence = try message.sequence(0)
            let size = try message.count(4)
            let fits = slice.messages.isEmpty || bytes + size <= request.maxBytes
            guard slice.messages.count < request.maxMessages, fits else {
                slice.through = sequence.previous
                return false
            }
            guard let kind = PayloadKind(rawValue: UInt8(truncatingIfNeeded: message.integer(2))) else {
                throw DamagedRow("a message is of an unknown kind")
            }
            bytes += size
            let payload = Payload(unchecked: message.bytes(3), kind: kind)
            slice.messages.append(StoredMessage(sequence: sequence, time: try message.timestamp(1), payload: payload))
            return true
        }
        return .slice(slice)
    }

    /// One queue; nil when there is none.
    func snapshot(of client: ClientID) throws -> QueueSnapshot? {
        try QueueRows.find(client, incarnation: self.incarnation, in: self.database).map { try self.snapshot($0) }
    }

    /// Queues in order of their addresses above `after`, of one user or of all.
    func snapshots(of user: UserID?, after: ClientID?, limit: Int) throws -> [QueueSnapshot] {
        try QueueRows.page(of: user, after: after, limit: max(0, limit), incarnation: self.incarnation, in: self.database)
            .map { try self.snapshot($0) }
    }

    private func snapshot(_ row: QueueRow) throws -> QueueSnapshot {
        let statement = try PreparedStatement(
            self.database,
            """
            SELECT count(*), coalesce(sum(length(payload)), 0), min(time) FROM messages
            WHERE queue = ? AND sequence > ? AND expires > ?
            """
        )
        statement.bind(row.id, at: 1)
        statement.bind(row.record.floor, at: 2)
        statement.bind(self.clock, at: 3)
        let found = try statement.first { (try $0.count(0), try $0.count(1), try $0.optionalTimestamp(2)) }
        let record = row.record
        return QueueSnapshot(
            client: record.client,
            epoch: record.epoch,
            generation: record.generation,
            head: record.head,
            floor: record.floor,
            discardedThrough: record.discardedThrough,
            overflowedThrough: record.overflowedThrough,
            messages: found?.0 ?? 0,
            bytes: found?.1 ?? 0,
            oldest: found?.2,
            holder: record.holder,
            created: record.created,
            attached: record.lastAttachment?.attached,
            detached: record.lastAttachment?.detached
        )
    }
}
