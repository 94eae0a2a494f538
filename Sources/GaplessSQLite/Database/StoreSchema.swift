import GRDB
import GaplessStore

/// The tables of a store in their versions, and which of them this program can work with.
///
/// In a rolling deploy a new program runs on the old schema; the schema is raised only when every live node supports the new one
/// (DESIGN.md §5). A program works with a schema that it does not know if the database says that it may (`minimumReader`).
package struct StoreSchema: Sendable {
    /// One step from a version to the next.
    package struct Step: Sendable {
        /// The version that the step leads to.
        package let version: UInt32
        /// The oldest version whose programs can go on working after it.
        package let minimumReader: UInt32
        /// What it does.
        package let sql: String

        package init(version: UInt32, minimumReader: UInt32, sql: String) {
            self.version = version
            self.minimumReader = minimumReader
            self.sql = sql
        }
    }

    /// Marks the database as one of Gapless: `GPLS`.
    static let applicationID: Int32 = 0x4750_4c53

    /// The versions that this program can work with.
    package let supported: ClosedRange<UInt32>
    /// The steps after version 1, in order.
    package let steps: [Step]

    package init(supported: ClosedRange<UInt32>, steps: [Step]) {
        self.supported = supported
        self.steps = steps
    }

    /// What this version of the program knows.
    package static let current = StoreSchema(supported: 1...1, steps: [])

    /// - Throws: `.newerSchema` or `.misconfigured` when this program cannot work with the version that the database has.
    func requireKnown(schema: UInt32, minimumReader: UInt32) throws(QueueStoreError) {
        if self.supported.contains(schema) { return }
        guard schema > self.supported.upperBound else {
            throw QueueStoreError(
                .misconfigured,
                "The database has schema \(schema); this program works with \(self.supported.lowerBound) or later. "
                    + "Run an older program that knows schema \(schema) and raises it."
            )
        }
        guard minimumReader <= self.supported.upperBound else {
            throw QueueStoreError(
                .newerSchema,
                "The database has schema \(schema), for programs that know at least \(minimumReader); "
                    + "this one knows up to \(self.supported.upperBound). Run a newer program."
            )
        }
    }

    /// The tables of version 1.
    ///
    /// `meta` has one row. A queue's messages are ordered by number under the queue's own key, which is never used again, so that the rows
    /// of a queue lie together and go together. `leftovers` tells which of them are gone, through a number, and only wait to be removed. Numbers of 64 random bits are stored as SQLite's signed integers, bit by bit.
    static let first = """
        CREATE TABLE meta (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          schema INTEGER NOT NULL,
          minimumReader INTEGER NOT NULL,
          store INTEGER NOT NULL,
          incarnation INTEGER NOT NULL,
          number INTEGER NOT NULL,
          nonce INTEGER NOT NULL,
          clock INTEGER NOT NULL,
          queues INTEGER NOT NULL,
          bytes INTEGER NOT NULL,
          keys INTEGER NOT NULL,
          nextQueue INTEGER NOT NULL,
          swept INTEGER NOT NULL
        );
        CREATE TABLE queues (
          id INTEGER PRIMARY KEY,
          client TEXT NOT NULL UNIQUE,
          epoch INTEGER NOT NULL,
          generation INTEGER NOT NULL,
          head INTEGER NOT NULL,
          floor INTEGER NOT NULL,
          floorTime INTEGER,
          discardedThrough INTEGER NOT NULL,
          overflowedThrough INTEGER NOT NULL,
          messages INTEGER NOT NULL,
          bytes INTEGER NOT NULL,
          nextExpiry INTEGER,
          instance TEXT,
          attempt INTEGER,
          node TEXT,
          nodeIncarnation INTEGER,
          attached INTEGER,
          detached INTEGER,
          outboxes TEXT NOT NULL,
          keep INTEGER NOT NULL,
          created INTEGER NOT NULL
        );
        CREATE TABLE messages (
          queue INTEGER NOT NULL,
          sequence INTEGER NOT NULL,
          time INTEGER NOT NULL,
          expires INTEGER NOT NULL,
          kind INTEGER NOT NULL,
          payload BLOB NOT NULL,
          PRIMARY KEY (queue, sequence)
        ) WITHOUT ROWID;
        CREATE TABLE leftovers (
          queue INTEGER PRIMARY KEY,
          through INTEGER NOT NULL
        );
        CREATE TABLE keys (
          id INTEGER PRIMARY KEY,
          key TEXT NOT NULL UNIQUE,
          expires INTEGER NOT NULL,
          digestHigh INTEGER NOT NULL,
          digestLow INTEGER NOT NULL,
          receipt BLOB NOT NULL
        );
        CREATE TABLE nodes (
          incarnation INTEGER NOT NULL,
          name TEXT NOT NULL,
          lowestSchema INTEGER NOT NULL,
          highestSchema INTEGER NOT NULL,
          lastSeen INTEGER NOT NULL,
          hasStopped INTEGER NOT NULL,
          PRIMARY KEY (incarnation, name)
        ) WITHOUT ROWID;
        CREATE TABLE signals (
          node TEXT NOT NULL,
          number INTEGER NOT NULL,
          client TEXT NOT NULL,
          kind INTEGER NOT NULL,
          PRIMARY KEY (node, number, client, kind)
        ) WITHOUT ROWID;
        CREATE TABLE tokenKeys (
          id TEXT PRIMARY KEY,
          secret BLOB NOT NULL,
          created INTEGER NOT NULL
        ) WITHOUT ROWID;
        """
}
