import GRDB
import GaplessCore

/// The table of what is gone for everybody and still lies in the table of messages: of one queue, everything through a number.
///
/// A queue's key is never used again, so what a removed queue left behind is nobody's. What an acknowledgement left behind lies at or below
/// the floor of its queue, where nobody reads. So both can leave in slices, whatever happens in between.
struct LeftoverRows {
    private let insertion: PreparedStatement
    private let first: PreparedStatement
    private let deletion: PreparedStatement

    /// Compiles the statements that the connection writes with.
    init(_ database: Database) throws {
        self.insertion = try PreparedStatement(
            database,
            "INSERT INTO leftovers (queue, through) VALUES (?, ?) ON CONFLICT (queue) DO UPDATE SET through = max(through, excluded.through)"
        )
        self.first = try PreparedStatement(database, "SELECT queue, through FROM leftovers ORDER BY queue LIMIT 1")
        self.deletion = try PreparedStatement(database, "DELETE FROM leftovers WHERE queue = ?")
    }

    /// Notes that a queue's messages through a number are to be removed.
    func add(queue: Int64, through number: SequenceNumber) throws {
        self.insertion.bind(queue, at: 1)
        self.insertion.bind(number, at: 2)
        try self.insertion.execute()
    }

    /// What is to be removed next; nil when there is nothing.
    func next() throws -> (queue: Int64, through: SequenceNumber)? {
        try self.first.first { (queue: $0.integer(0), through: try $0.sequence(1)) }
    }

    /// Notes that everything of a queue that was to be removed has gone.
    func delete(queue: Int64) throws {
        self.deletion.bind(queue, at: 1)
        try self.deletion.execute()
    }
}
