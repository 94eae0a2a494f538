import GRDB
import GaplessCore

/// What the check of a store found.
package struct StoreReport: Hashable, Sendable {
    /// What is wrong, a sentence each; at most 100.
    package private(set) var problems: [String] = []
    /// How many queues and messages were looked at.
    package fileprivate(set) var queues = 0
    package fileprivate(set) var messages = 0

    private static let maxProblems = 100

    /// Whether nothing is wrong.
    package var isSound: Bool { self.problems.isEmpty }

    fileprivate mutating func note(_ problem: String) {
        if self.problems.count < Self.maxProblems { self.problems.append(problem) }
    }
}

/// Holds the rows of a store against what the store promises about them.
struct StoreExamination {
    private static let pageRows = 1_000

    private let database: Database
    private let meta: StoreMeta
    private var report = StoreReport()

    /// Examines everything, in the snapshot that the connection is in.
    static func run(_ database: Database, progress: ProgressFile.Content) throws -> StoreReport {
        var examination = StoreExamination(database: database, meta: try StoreMeta.fetch(database))
        try examination.checkPages()
        // In pages that are damaged, rows say nothing.
        guard examination.report.isSound else { return examination.report }
        try examination.checkRows()
        try examination.checkQueues()
        try examination.checkTotals()
        if examination.meta.schema >= StoreSchema.reporting { try examination.checkReporting() }
        if case .progress(let progress) = progress, progress.store == examination.meta.store, progress.number > examination.meta.number {
            examination.report.note(
                "The newest commit is \(examination.meta.number), but commit \(progress.number) was made: the store went back in time."
            )
        }
        return examination.report
    }

    private init(database: Database, meta: StoreMeta) {
        self.database = database
        self.meta = meta
    }

    private mutating func checkPages() throws {
        for line in try String.fetchAll(self.database, sql: "PRAGMA integrity_check") where line != "ok" {
            self.report.note("SQLite: \(line)")
        }
    }

    /// Whether each queue's row can be read at all.
    private mutating func checkRows() throws {
        var last: Int64 = 0
        while true {
            do {
                let rows = try QueueRows.slice(
                    above: last,
                    limit: Self.pageRows,
                    incarnation: self.meta.incarnation,
                    in: self.database
                )
                self.report.queues += rows.count
                guard let newest = rows.last?.id else { return }
                last = newest
            } catch let damage as DamagedRow {
                self.report.note("Among the queues above key \(last): \(damage).")
                return
            }
        }
    }

    /// Whether each queue's counts and bounds are those of its messages.
    private mutating func checkQueues() throws {
        let statement = try PreparedStatement(
            self.database,
            """
            SELECT q.client, q.messages, q.bytes, q.head, q.floor, q.discardedThrough, q.overflowedThrough, q.nextExpiry, q.id,
              count(m.sequence), coalesce(sum(length(m.payload)), 0), min(m.sequence), max(m.sequence), min(m.expires)
            FROM queues q LEFT JOIN leftovers l ON l.queue = q.id
              LEFT JOIN messages m ON m.queue = q.id AND m.sequence > coalesce(l.through, 0)
            GROUP BY q.id
            """
        )
        var report = self.report
        let meta = self.meta
        try statement.forEachRow { row in
            let client = row.text(0)
            let (count, bytes) = (row.integer(9), row.integer(10))
            report.messages += Int(count)
            if row.integer(1) != count { report.note("\(client) says that it keeps \(row.integer(1)) messages, and keeps \(count).") }
            if row.integer(2) != bytes { report.note("\(client) says that it keeps \(row.integer(2)) bytes, and keeps \(bytes).") }
            let (head, floor) = (row.integer(3), row.integer(4))
            if floor > head { report.note("\(client) acknowledged \(floor), above its newest number \(head).") }
            if row.integer(5) > head { report.note("\(client) lost messages through \(row.integer(5)), above its newest number \(head).") }
            if row.integer(6) > row.integer(5) {
                report.note("\(client) lost messages by overflow through \(row.integer(6)), and all in all through \(row.integer(5)).")
            }
            if count > 0 {
                let (first, last) = (row.integer(11), row.integer(12))
                if first <= floor { report.note("\(client) keeps message \(first), which is acknowledged (through \(floor)).") }
                if last > head { report.note("\(client) keeps message \(last), above its newest number \(head).") }
                if row.isNull(7) || row.integer(7) > row.integer(13) {
                    report.note("\(client) has a message that expires sooner than the queue knows.")
                }
            }
            if row.integer(8) >= meta.nextQueue { report.note("\(client) has a key that is still to be given.") }
            return true
        }
        self.report = report
    }

    private func number(_ sql: String) throws -> Int {
        try PreparedStatement(self.database, sql).first { Int($0.integer(0)) } ?? 0
    }

    /// Whether the store's totals are those of its rows, and no row is alone.
    private mutating func checkTotals() throws {
        let totals = [
            ("queues", self.meta.queues, try self.number("SELECT count(*) FROM queues")),
            ("payload bytes", self.meta.bytes, try self.number("SELECT coalesce(sum(length(payload)), 0) FROM messages")),
            ("idempotency keys", self.meta.keys, try self.number("SELECT count(*) FROM keys")),
            (
                "messages without a queue", 0,
                try self.number(
                    """
                    SELECT count(*) FROM messages m LEFT JOIN leftovers l ON l.queue = m.queue
                    WHERE m.sequence > coalesce(l.through, 0) AND m.queue NOT IN (SELECT id FROM queues)
                    """
                )
            ),
            (
                "messages to be removed though they are not acknowledged", 0,
                try self.number(
                    """
                    SELECT count(*) FROM queues q JOIN leftovers l ON l.queue = q.id
                    JOIN messages m ON m.queue = q.id AND m.sequence > q.floor AND m.sequence <= l.through
                    """
                )
            ),
            ("signals of commits to come", 0, try self.number("SELECT count(*) FROM signals WHERE number > \(self.meta.number)")),
        ]
        for (what, said, found) in totals where said != found {
            self.report.note("The store should hold \(said) \(what), and holds \(found).")
        }
    }

    /// Whether what version 2 of the schema added is there, and whole.
    private mutating func checkReporting() throws {
        let parts = "'nodeReports', 'nodeForgotten', 'sentAway', 'sentAwayUntil'"
        let found = try self.number("SELECT count(*) FROM sqlite_master WHERE name IN (\(parts))")
        guard found == 4 else {
            self.report.note("The schema is \(self.meta.schema), but of what version 2 adds only \(found) of 4 parts are there.")
            return
        }
        let orphans = try self.number(
            "SELECT count(*) FROM nodeReports WHERE (incarnation, name) NOT IN (SELECT incarnation, name FROM nodes)"
        )
        if orphans > 0 { self.report.note("The store should hold 0 reports of nodes that it does not know, and holds \(orphans).") }
        var report = self.report
        try PreparedStatement(self.database, "SELECT client, code FROM sentAway").forEachRow { row in
            if ClientID(row.text(0)) == nil { report.note("\(row.text(0)) is sent away, and is no valid address.") }
            if UInt16(exactly: row.integer(1)) == nil {
                report.note("\(row.text(0)) is sent away with \(row.integer(1)), which is no code.")
            }
            return true
        }
        self.report = report
    }
}
