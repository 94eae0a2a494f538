import GRDB

/// The statements of the connection that writes, compiled once.
struct StoreTables {
    let database: Database
    let queues: QueueRows
    let messages: MessageRows
    let leftovers: LeftoverRows
    let keys: KeyRows
    /// The queues' rows, as long as nobody else writes.
    let cache = QueueCache()
    /// Gives another number when another connection has committed.
    let version: PreparedStatement
    let savepoint: PreparedStatement
    let release: PreparedStatement
    let rollback: PreparedStatement

    init(_ database: Database) throws {
        self.database = database
        self.queues = try QueueRows(database)
        self.messages = try MessageRows(database)
        self.leftovers = try LeftoverRows(database)
        self.keys = try KeyRows(database)
        self.version = try PreparedStatement(database, "PRAGMA data_version")
        self.savepoint = try PreparedStatement(database, "SAVEPOINT attempt")
        self.release = try PreparedStatement(database, "RELEASE attempt")
        self.rollback = try PreparedStatement(database, "ROLLBACK TO attempt")
    }
}
