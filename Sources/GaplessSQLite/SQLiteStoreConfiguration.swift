import GaplessStore

/// How a store on SQLite works, apart from the bounds that it keeps.
package struct SQLiteStoreConfiguration: Sendable {
    /// The longest wait for another process that writes; then a commit fails with `.unavailable`. Default 10 s.
    package var lockLimit: Duration = .seconds(10)
    /// How long SQLite itself waits for a process that does not know the write lock, such as the `sqlite3` program. Default 5 s.
    package var busyTimeout: Duration = .seconds(5)
    /// What becomes of the bytes of removed messages. Default `.fast`.
    package var secureDelete: SecureDelete = .fast
    /// The most reads at once. Default 4.
    package var readers = 4
    /// The most rows and pages of messages that one commit removes because they were acknowledged or their queue was; what goes beyond it
    /// is gone for everybody and leaves the file in slices of the sweep. Default 10,000, a few hundredths of a second.
    package var maxRemovals = 10_000
    /// How often the progress file is written while there are commits. Default 60 s.
    package var progressInterval: Duration = .seconds(60)
    /// How often it is looked whether the file at the path is still the one that is open. Default 1 s.
    package var identityInterval: Duration = .seconds(1)
    /// Which tables this program can work with.
    package var schema: StoreSchema = .current
    /// What fails at will; for tests.
    package var faults = CommitFaults()

    /// The defaults.
    package init() {}
}

/// Moments of a commit at which a test can let something fail.
package struct CommitFaults: Sendable {
    /// A moment of a commit.
    package enum Moment: Hashable, Sendable {
        /// Everything is written; the attempt to commit it begins.
        case beforeCommit
        /// It is committed.
        case afterCommit
        /// After an error: before it is looked up whether the batch is there.
        case lookUp
        /// After an error of the disk: before it is made sure that the disk holds what was found, the batch or not the batch.
        case settling
    }

    /// Called at each moment; what it throws is taken for a failure of SQLite.
    package var strike: @Sendable (Moment) throws -> Void = { _ in }

    /// No faults.
    package init() {}

    /// Faults as the closure says.
    package init(_ strike: @escaping @Sendable (Moment) throws -> Void) {
        self.strike = strike
    }
}
