/// The tables as SQL, version by version. What a version made stays as it is: files with it are out there.
extension StoreSchema {
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

    /// What version 2 adds: how nodes fare and what is wanted of them, and who is sent away.
    ///
    /// All of it stands beside the tables of version 1, none of whose statements changes, so that programs which know only that go on working.
    /// They put a node's row in its place again with each heartbeat, which is not the end of it, and delete it when it is; the trigger takes
    /// the report with it, whichever program deletes.
    static let second = """
        CREATE TABLE nodeReports (
          incarnation INTEGER NOT NULL,
          name TEXT NOT NULL,
          report TEXT,
          orders INTEGER NOT NULL,
          openOrder TEXT,
          PRIMARY KEY (incarnation, name)
        ) WITHOUT ROWID;
        CREATE TRIGGER nodeForgotten AFTER DELETE ON nodes BEGIN
          DELETE FROM nodeReports WHERE incarnation = old.incarnation AND name = old.name;
        END;
        CREATE TABLE sentAway (
          client TEXT PRIMARY KEY,
          code INTEGER NOT NULL,
          until INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX sentAwayUntil ON sentAway (until);
        """
}
