import GRDB
import GaplessCore

/// A queue's record together with what only the tables know of it.
struct QueueRow: Hashable {
    /// The key of the queue's messages, never used for another queue.
    let id: Int64
    /// The queue.
    var record: QueueRecord
    /// No kept message expires before this moment; nil when none is kept. It saves most looks at the messages.
    var nextExpiry: Timestamp?

    /// Whether nothing is different but what messages and acknowledgements change.
    fileprivate func differsOnlyByTraffic(from other: QueueRow) -> Bool {
        let (left, right) = (self.record, other.record)
        return self.id == other.id && left.epoch == right.epoch && left.generation == right.generation
            && left.lastAttachment == right.lastAttachment && left.outboxes == right.outboxes && left.keep == right.keep
    }
}

/// The table of queues.
struct QueueRows {
    private let byClient: PreparedStatement
    private let insertion: PreparedStatement
    private let change: PreparedStatement
    private let smallChange: PreparedStatement
    private let deletion: PreparedStatement

    private static let columns = [
        "client", "epoch", "generation", "head", "floor", "floorTime", "discardedThrough", "overflowedThrough", "messages", "bytes",
        "nextExpiry", "instance", "attempt", "node", "nodeIncarnation", "attached", "detached", "outboxes", "keep", "created",
    ]
    /// What messages and acknowledgements change.
    private static let columnsOfTraffic = Self.columns[3...10]
    private static let selection = "SELECT id, \(Self.columns.joined(separator: ", ")) FROM queues"
    private static let selectionByClient = "\(Self.selection) WHERE client = ?"

    /// Compiles the statements that the connection writes with.
    init(_ database: Database) throws {
        let names = Self.columns
        // The client and the time of creation never change.
        let changes = names.dropFirst().dropLast().map { "\($0) = ?" }.joined(separator: ", ")
        self.byClient = try PreparedStatement(database, Self.selectionByClient)
        self.insertion = try PreparedStatement(
            database,
            "INSERT INTO queues (\(names.joined(separator: ", ")), id) VALUES (\(names.map { _ in "?" }.joined(separator: ", ")), ?)"
        )
        self.change = try PreparedStatement(database, "UPDATE queues SET \(changes) WHERE id = ?")
        let smallChanges = Self.columnsOfTraffic.map { "\($0) = ?" }.joined(separator: ", ")
        self.smallChange = try PreparedStatement(database, "UPDATE queues SET \(smallChanges) WHERE id = ?")
        self.deletion = try PreparedStatement(database, "DELETE FROM queues WHERE id = ?")
    }

    // MARK: In a commit

    /// The queue of a client; nil when there is none.
    func find(_ client: ClientID, incarnation: Incarnation) throws -> QueueRow? {
        self.byClient.bind(client.description, at: 1)
        return try self.byClient.first { try Self.read($0, incarnation: incarnation) }
    }

    /// Writes a queue that was not there.
    func insert(_ row: QueueRow) throws {
        self.insertion.bind(row.record.client.description, at: 1)
        Self.bind(row, to: self.insertion, from: 2)
        self.insertion.bind(row.record.created, at: 20)
        self.insertion.bind(row.id, at: 21)
        try self.insertion.execute()
    }

    /// Writes a queue that was there.
    ///
    /// - Parameter before: what the table holds. Most changes are those of messages and acknowledgements, and these write fewer columns.
    func update(_ row: QueueRow, before: QueueRow) throws {
        if row.differsOnlyByTraffic(from: before) {
            Self.bindTraffic(row, to: self.smallChange, from: 1)
            self.smallChange.bind(row.id, at: 9)
            try self.smallChange.execute()
        } else {
            Self.bind(row, to: self.change, from: 1)
            self.change.bind(row.id, at: 19)
            try self.change.execute()
        }
    }

    /// Removes a queue; its messages are somebody else's business.
    func delete(_ id: Int64) throws {
        self.deletion.bind(id, at: 1)
        try self.deletion.execute()
    }

    // MARK: On any connection

    /// The queue of a client; nil when there is none.
    static func find(_ client: ClientID, incarnation: Incarnation, in database: Database) throws -> QueueRow? {
        let statement = try PreparedStatement(database, Self.selectionByClient)
        statement.bind(client.description, at: 1)
        return try statement.first { try Self.read($0, incarnation: incarnation) }
    }

    /// All queues of a user, in order of their addresses: the user's own, and those of the devices.
    static func all(of user: UserID, incarnation: Incarnation, in database: Database) throws -> [QueueRow] {
        // The character after the slash is the zero.
        let devices = try PreparedStatement(database, "\(Self.selection) WHERE client > ?1 || '/' AND client < ?1 || '0' ORDER BY client")
        devices.bind(user.description, at: 1)
        let own = try Self.find(ClientID(user: user), incarnation: incarnation, in: database)
        return (own.map { [$0] } ?? []) + (try Self.rows(devices, incarnation: incarnation))
    }

    /// Queues in order of their addresses above `after`, of one user or of all.
    static func page(
        of user: UserID?,
        after: ClientID?,
        limit: Int,
        incarnation: Incarnation,
        in database: Database
    ) throws -> [QueueRow] {
        if let user {
            let rows = try Self.all(of: user, incarnation: incarnation, in: database)
            return Array(rows.filter { row in after.map { $0 < row.record.client } ?? true }.prefix(limit))
        }
        let statement = try PreparedStatement(database, "\(Self.selection) WHERE client > ? ORDER BY client LIMIT ?")
        statement.bind(after?.description ?? "", at: 1)
        statement.bind(Int64(limit), at: 2)
        return try Self.rows(statement, incarnation: incarnation)
    }

    /// The addresses of a user's queues, in order.
    static func clients(of user: UserID, in database: Database) throws -> [ClientID] {
        let statement = try PreparedStatement(
            database,
            "SELECT client FROM queues WHERE client = ?1 OR (client > ?1 || '/' AND client < ?1 || '0') ORDER BY client"
        )
        statement.bind(user.description, at: 1)
        var clients: [ClientID] = []
        try statement.forEachRow { row in
            clients.append(try Self.client(row, 0))
            return true
        }
        return clients
    }

    /// Queues in order of their keys, above one: key and address.
    static func addresses(above id: Int64, limit: Int, in database: Database) throws -> [(id: Int64, client: ClientID)] {
        let statement = try PreparedStatement(database, "SELECT id, client FROM queues WHERE id > ? ORDER BY id LIMIT ?")
        statement.bind(id, at: 1)
        statement.bind(Int64(limit), at: 2)
        var addresses: [(id: Int64, client: ClientID)] = []
        try statement.forEachRow { row in
            addresses.append((row.integer(0), try Self.client(row, 1)))
            return true
        }
        return addresses
    }

    /// Queues in order of their keys, above one; what the check goes through.
    static func slice(above id: Int64, limit: Int, incarnation: Incarnation, in database: Database) throws -> [QueueRow] {
        let statement = try PreparedStatement(database, "\(Self.selection) WHERE id > ? ORDER BY id LIMIT ?")
        statement.bind(id, at: 1)
        statement.bind(Int64(limit), at: 2)
        return try Self.rows(statement, incarnation: incarnation)
    }

    // MARK: Columns

    private static func rows(_ statement: PreparedStatement, incarnation: Incarnation) throws -> [QueueRow] {
        var rows: [QueueRow] = []
        try statement.forEachRow { row in
            rows.append(try Self.read(row, incarnation: incarnation))
            return true
        }
        return rows
    }

    private static func bind(_ row: QueueRow, to statement: PreparedStatement, from first: Int32) {
        let record = row.record
        statement.bind(bits: record.epoch.queue, at: first)
        statement.bind(Int64(record.generation.rawValue), at: first + 1)
        Self.bindTraffic(row, to: statement, from: first + 2)
        let last = record.lastAttachment
        statement.bind(last?.instance.description, at: first + 10)
        statement.bind(last.map { Int64($0.attempt.rawValue) }, at: first + 11)
        statement.bind(last?.node.name.description, at: first + 12)
        statement.bind(last.map { Int64(bitPattern: $0.node.incarnation) }, at: first + 13)
        statement.bind(last?.attached, at: first + 14)
        statement.bind(last?.detached, at: first + 15)
        statement.bind(Self.text(of: record.outboxes), at: first + 16)
        statement.bind(record.keep.milliseconds, at: first + 17)
    }

    private static func bindTraffic(_ row: QueueRow, to statement: PreparedStatement, from first: Int32) {
        let record = row.record
        statement.bind(record.head, at: first)
        statement.bind(record.floor, at: first + 1)
        statement.bind(record.floorTime, at: first + 2)
        statement.bind(record.discardedThrough, at: first + 3)
        statement.bind(record.overflowedThrough, at: first + 4)
        statement.bind(Int64(record.kept.messages), at: first + 5)
        statement.bind(Int64(record.kept.bytes), at: first + 6)
        statement.bind(row.nextExpiry, at: first + 7)
    }

    private static func read(_ row: PreparedStatement, incarnation: Incarnation) throws -> QueueRow {
        let record = QueueRecord(
            client: try Self.client(row, 1),
            epoch: Epoch(incarnation: incarnation, queue: row.bits(2)),
            generation: Generation(try row.sequence(3).rawValue),
            head: try row.sequence(4),
            floor: try row.sequence(5),
            floorTime: try row.optionalTimestamp(6),
            discardedThrough: try row.sequence(7),
            overflowedThrough: try row.sequence(8),
            kept: KeptSum(messages: try row.count(9), bytes: try row.count(10)),
            lastAttachment: try Self.lastAttachment(row),
            outboxes: try Self.outboxes(row.text(18)),
            keep: .milliseconds(try row.count(19)),
            created: try row.timestamp(20)
        )
        return QueueRow(id: row.integer(0), record: record, nextExpiry: try row.optionalTimestamp(11))
    }

    private static func client(_ row: PreparedStatement, _ column: Int32) throws -> ClientID {
        guard let client = ClientID(row.text(column)) else { throw DamagedRow("a queue has no valid address") }
        return client
    }

    private static func lastAttachment(_ row: PreparedStatement) throws -> LastAttachment? {
        guard !row.isNull(12) else { return nil }
        let attempt = try row.sequence(13).rawValue
        guard let instance = InstanceID(row.text(12)), let name = NodeName(row.text(14)), attempt >= 1 else {
            throw DamagedRow("a queue's attachment has no valid names")
        }
        return LastAttachment(
            instance: instance,
            attempt: Attempt(attempt),
            node: NodeIdentity(name: name, incarnation: row.bits(15)),
            attached: try row.timestamp(16),
            detached: try row.optionalTimestamp(17)
        )
    }

    /// `name mark name mark ...`, the outbox used last at the end. Names hold no space.
    private static func text(of outboxes: OutboxMarks) -> String {
        outboxes.entries.isEmpty ? "" : outboxes.entries.map { "\($0.outbox) \($0.mark)" }.joined(separator: " ")
    }

    private static func outboxes(_ text: String) throws -> OutboxMarks {
        guard !text.isEmpty else { return OutboxMarks() }
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count.isMultiple(of: 2), words.count / 2 <= Limits.maxOutboxes else { throw DamagedRow("a queue's marks are damaged") }
        let entries = try stride(from: 0, to: words.count, by: 2).map { index in
            guard let outbox = OutboxID(String(words[index])),
                let mark = UInt64(words[index + 1]).flatMap(SequenceNumber.init(exactly:))
            else { throw DamagedRow("a queue's marks are damaged") }
            return OutboxMarks.Entry(outbox: outbox, mark: mark)
        }
        return OutboxMarks(entries)
    }
}
