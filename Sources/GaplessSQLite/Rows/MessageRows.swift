import GRDB
import GaplessCore
import GaplessStore
import NIOCore

/// The table of messages, ordered by queue and number.
///
/// What lies at or below a queue's floor is gone, though it may still be in the table (`LeftoverRows`): whoever looks at the messages of a
/// queue looks above the floor.
struct MessageRows {
    private let insertion: PreparedStatement
    private let timesOf: PreparedStatement
    private let newestOf: PreparedStatement
    private let oldestTime: PreparedStatement
    private let oldestRows: PreparedStatement
    private let expiries: PreparedStatement
    private let unexpired: PreparedStatement
    private let sumOfRange: PreparedStatement
    private let deletionOfRange: PreparedStatement
    private let deletionOfOne: PreparedStatement

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
        self.newestOf = try PreparedStatement(
            database,
            "SELECT sequence, time FROM messages WHERE queue = ? AND sequence BETWEEN ? AND ? AND expires > ? ORDER BY sequence DESC LIMIT 1"
        )
        self.oldestTime = try PreparedStatement(
            database,
            "SELECT time FROM messages WHERE queue = ? AND sequence > ? ORDER BY sequence LIMIT 1"
        )
        self.oldestRows = try PreparedStatement(
            database,
            "SELECT sequence, length(payload) FROM messages WHERE queue = ? AND sequence > ? ORDER BY sequence"
        )
        self.expiries = try PreparedStatement(
            database,
            "SELECT sequence, expires, length(payload) FROM messages WHERE queue = ? AND sequence > ? ORDER BY sequence"
        )
        self.unexpired = try PreparedStatement(
            database,
            "SELECT 1 FROM messages WHERE queue = ? AND sequence > ? AND expires > ? LIMIT 1"
        )
        self.sumOfRange = try PreparedStatement(
            database,
            "SELECT count(*), coalesce(sum(length(payload)), 0) FROM messages WHERE queue = ? AND sequence > ? AND sequence <= ?"
        )
        self.deletionOfRange = try PreparedStatement(
            database,
            "DELETE FROM messages WHERE queue = ? AND sequence > ? AND sequence <= ?"
        )
        self.deletionOfOne = try PreparedStatement(database, "DELETE FROM messages WHERE queue = ? AND sequence = ?")
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

    /// The newest message in a range that expires after a moment; nil when none is kept.
    func newest(queue: Int64, in range: SequenceRange, unexpiredAt moment: Timestamp) throws -> LastMessage? {
        self.newestOf.bind(queue, at: 1)
        self.newestOf.bind(range.first, at: 2)
        self.newestOf.bind(range.last, at: 3)
        self.newestOf.bind(moment, at: 4)
        return try self.newestOf.first { LastMessage(sequence: try $0.sequence(0), time: try $0.timestamp(1)) }
    }

    /// When the oldest message above a number was committed; nil when none is kept.
    func oldestTime(queue: Int64, above floor: SequenceNumber) throws -> Timestamp? {
        self.oldestTime.bind(queue, at: 1)
        self.oldestTime.bind(floor, at: 2)
        return try self.oldestTime.first { try $0.timestamp(0) }
    }

    /// How much is kept above a number and through another.
    func sum(queue: Int64, above floor: SequenceNumber, through number: SequenceNumber) throws -> KeptSum {
        self.sumOfRange.bind(queue, at: 1)
        self.sumOfRange.bind(floor, at: 2)
        self.sumOfRange.bind(number, at: 3)
        return try self.sumOfRange.first { KeptSum(messages: try $0.count(0), bytes: try $0.count(1)) } ?? .zero
    }

    /// Removes what is above a number and through another.
    func remove(queue: Int64, above floor: SequenceNumber, through number: SequenceNumber) throws {
        self.deletionOfRange.bind(queue, at: 1)
        self.deletionOfRange.bind(floor, at: 2)
        self.deletionOfRange.bind(number, at: 3)
        try self.deletionOfRange.execute()
    }

    /// Whether a message is kept that has not expired.
    func hasUnexpired(queue: Int64, above floor: SequenceNumber, now: Timestamp) throws -> Bool {
        self.unexpired.bind(queue, at: 1)
        self.unexpired.bind(floor, at: 2)
        self.unexpired.bind(now, at: 3)
        return try self.unexpired.first { _ in true } ?? false
    }

    /// Removes the oldest messages of a queue until so much is gone; nil when nothing was kept.
    func removeOldest(_ shortage: KeptSum, queue: Int64, above floor: SequenceNumber) throws -> RemovedMessages? {
        try self.removeOldest(queue: queue, above: floor) { sum, _ in
            sum.messages < shortage.messages || sum.bytes < shortage.bytes
        }
    }

    /// Removes messages through a number, the oldest first, at most `limit`; nil when there is none.
    func removeOldest(queue: Int64, through number: SequenceNumber, limit: Int) throws -> RemovedMessages? {
        try self.removeOldest(queue: queue, above: .zero) { sum, next in sum.messages < limit && next <= number }
    }

    /// Removes the oldest messages of a queue for as long as `goesOn`, told how much has gone and which number is next, says so.
    private func removeOldest(
        queue: Int64,
        above floor: SequenceNumber,
        while goesOn: (KeptSum, SequenceNumber) -> Bool
    ) throws -> RemovedMessages? {
        var removal = Removal()
        self.oldestRows.bind(queue, at: 1)
        self.oldestRows.bind(floor, at: 2)
        try self.oldestRows.forEachRow { row in
            let number = try row.sequence(0)
            guard goesOn(removal.sum, number) else { return false }
            removal.add(number, bytes: try row.count(1))
            return true
        }
        guard let messages = removal.messages else { return nil }
        try self.remove(queue: queue, above: floor, through: messages.range.last)
        return messages
    }

    /// Removes what has expired in a queue, the oldest first, at most `limit`.
    ///
    /// - Parameter bound: a moment before which nothing in the queue expires.
    /// - Returns: what went, and such a moment for the rest; nil when nothing is left.
    func removeExpired(
        queue: Int64,
        above floor: SequenceNumber,
        notBefore bound: Timestamp,
        now: Timestamp,
        limit: Int
    ) throws -> (messages: RemovedMessages?, nextExpiry: Timestamp?) {
        var removal = Removal()
        var nextExpiry: Timestamp?
        var expired: [SequenceNumber] = []
        self.expiries.bind(queue, at: 1)
        self.expiries.bind(floor, at: 2)
        try self.expiries.forEachRow { row in
            let expires = try row.timestamp(1)
            if now >= expires {
                guard expired.count < limit else {
                    // The rest, known as little as before, is for the next look.
                    nextExpiry = bound
                    return false
                }
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
}
