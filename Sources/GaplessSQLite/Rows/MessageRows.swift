import GRDB
import GaplessCore
import GaplessStore
import NIOCore

/// The table of messages, ordered by queue and number.
struct MessageRows {
    private let insertion: PreparedStatement
    private let timesOf: PreparedStatement
    private let oldestRows: PreparedStatement
    private let expiries: PreparedStatement
    private let unexpired: PreparedStatement
    private let sumThrough: PreparedStatement
    private let deletionThrough: PreparedStatement
    private let deletionOfOne: PreparedStatement
    private let deletionOfAll: PreparedStatement

    /// What is to be removed from a queue, gathered in order of the numbers.
    private struct Removal {
        private var first = SequenceNumber.zero
        private var last = SequenceNumber.zero
        private(set) var sum = KeptSum.zero

        mutating func add(_ number: SequenceNumber, bytes: Int) {
            if self.sum.messages == 0 { self.first = number }
            self.last = number
            self.sum += KeptSum(messages: 1, bytes: bytes)
        }

        var messages: RemovedMessages? {
            self.sum.messages == 0 ? nil : RemovedMessages(sum: self.sum, range: SequenceRange(self.first, through: self.last))
        }
    }

    /// Compiles the statements that the connection writes with.
    init(_ database: Database) throws {
        self.insertion = try PreparedStatement(
            database,
            "INSERT INTO messages (queue, sequence, time, expires, kind, payload) VALUES (?, ?, ?, ?, ?, ?)"
        )
        self.timesOf = try PreparedStatement(database, "SELECT time, expires FROM messages WHERE queue = ? AND sequence = ?")
        self.oldestRows = try PreparedStatement(
            database,
            "SELECT sequence, length(payload) FROM messages WHERE queue = ? ORDER BY sequence"
        )
        self.expiries = try PreparedStatement(
            database,
            "SELECT sequence, expires, length(payload) FROM messages WHERE queue = ? ORDER BY sequence"
        )
        self.unexpired = try PreparedStatement(database, "SELECT 1 FROM messages WHERE queue = ? AND expires > ? LIMIT 1")
        self.sumThrough = try PreparedStatement(
            database,
            "SELECT count(*), coalesce(sum(length(payload)), 0) FROM messages WHERE queue = ? AND sequence <= ?"
        )
        self.deletionThrough = try PreparedStatement(database, "DELETE FROM messages WHERE queue = ? AND sequence <= ?")
        self.deletionOfOne = try PreparedStatement(database, "DELETE FROM messages WHERE queue = ? AND sequence = ?")
        self.deletionOfAll = try PreparedStatement(database, "DELETE FROM messages WHERE queue = ?")
    }

    // MARK: In a commit

    func insert(_ payload: Payload, queue: Int64, number: SequenceNumber, times: KeptTimes) throws {
        self.insertion.bind(queue, at: 1)
        self.insertion.bind(number, at: 2)
        self.insertion.bind(times.time, at: 3)
        self.insertion.bind(times.expires, at: 4)
        self.insertion.bind(Int64(payload.kind.rawValue), at: 5)
        self.insertion.bind(payload.bytes, at: 6)
        try self.insertion.execute()
    }

    /// What is known of the message with a number; nil when it is not kept.
    func times(queue: Int64, number: SequenceNumber) throws -> KeptTimes? {
        self.timesOf.bind(queue, at: 1)
        self.timesOf.bind(number, at: 2)
        return try self.timesOf.first { KeptTimes(time: try $0.timestamp(0), expires: try $0.timestamp(1)) }
    }

    /// Removes what is at or below a number.
    ///
    /// - Parameter kept: what the queue keeps, if the number is its newest: then all of it goes and nothing need be counted.
    func removeThrough(_ number: SequenceNumber, queue: Int64, kept: KeptSum?) throws -> KeptSum {
        let sum: KeptSum
        if let kept {
            sum = kept
        } else {
            self.sumThrough.bind(queue, at: 1)
            self.sumThrough.bind(number, at: 2)
            sum = try self.sumThrough.first { KeptSum(messages: try $0.count(0), bytes: try $0.count(1)) } ?? .zero
        }
        guard sum.messages > 0 else { return sum }
        self.deletionThrough.bind(queue, at: 1)
        self.deletionThrough.bind(number, at: 2)
        try self.deletionThrough.execute()
        return sum
    }

    /// Whether a message is kept that has not expired.
    func hasUnexpired(queue: Int64, now: Timestamp) throws -> Bool {
        self.unexpired.bind(queue, at: 1)
        self.unexpired.bind(now, at: 2)
        return try self.unexpired.first { _ in true } ?? false
    }

    /// Removes the oldest messages of a queue until so much is gone; nil when nothing was kept.
    func removeOldest(_ shortage: KeptSum, queue: Int64) throws -> RemovedMessages? {
        var removal = Removal()
        self.oldestRows.bind(queue, at: 1)
        try self.oldestRows.forEachRow { row in
            guard removal.sum.messages < shortage.messages || removal.sum.bytes < shortage.bytes else { return false }
            removal.add(try row.sequence(0), bytes: try row.count(1))
            return true
        }
        guard let messages = removal.messages else { return nil }
        self.deletionThrough.bind(queue, at: 1)
        self.deletionThrough.bind(messages.range.last, at: 2)
        try self.deletionThrough.execute()
        return messages
    }

    /// Removes what has expired in a queue, the oldest first, at most `limit`.
    ///
    /// - Returns: what went, and the moment at which the next of the rest expires.
    func removeExpired(queue: Int64, now: Timestamp, limit: Int) throws -> (messages: RemovedMessages?, nextExpiry: Timestamp?) {
        var removal = Removal()
        var nextExpiry: Timestamp?
        var expired: [SequenceNumber] = []
        self.expiries.bind(queue, at: 1)
        try self.expiries.forEachRow { row in
            let expires = try row.timestamp(1)
            if now >= expires, expired.count < limit {
                let number = try row.sequence(0)
                expired.append(number)
                removal.add(number, bytes: try row.count(2))
            } else {
                nextExpiry = nextExpiry.map { min($0, expires) } ?? expires
            }
            return true
        }
        for number in expired {
            self.deletionOfOne.bind(queue, at: 1)
            self.deletionOfOne.bind(number, at: 2)
            try self.deletionOfOne.execute()
        }
        return (removal.messages, nextExpiry)
    }

    /// Removes all messages of a queue.
    func removeAll(queue: Int64) throws {
        self.deletionOfAll.bind(queue, at: 1)
        try self.deletionOfAll.execute()
    }
}
