import Foundation
import GRDB

@testable import GaplessSQLite

/// Programs from before version 2 of the schema, and a file that one of them left.
enum SchemaOne {
    /// What such a program knew.
    static let program = StoreSchema(supported: 1...1, steps: [])

    /// A node of such a program was killed here: its clients `alice/phone` and `carol` are detached, `alice/phone` lost message 1 and
    /// acknowledged through 3 of 4, `bob` was never there.
    ///
    /// The tables and rows are those that the program made, and not to be changed with this one.
    static let file = """
        PRAGMA application_id = 1196444755;
        PRAGMA user_version = 1;
        CREATE TABLE keys (
          id INTEGER PRIMARY KEY,
          key TEXT NOT NULL UNIQUE,
          expires INTEGER NOT NULL,
          digestHigh INTEGER NOT NULL,
          digestLow INTEGER NOT NULL,
          receipt BLOB NOT NULL
        );
        INSERT INTO keys VALUES (1, '3483996b-3872-40ef-ad2d-13e3dab71f8f-1', 1795316812621, 7818571434906877790, 6378693046670097803,
          X'020000000400000001A201019CCD00000000010B616C6963652F70686F6E650000000000000000013A390A2F67F24E458B6AB1EA324582D001010100');
        INSERT INTO keys VALUES (2, '2d979d26-911d-47a5-9637-06ccc1c90fb6-1', 1795316812710, 3419767873589662617, 8504103938644274418,
          X'020000000100000001A201019D26000000000103626F620000000000000000013A390A2F67F24E4518838C07BE61FFE900');
        CREATE TABLE leftovers (queue INTEGER PRIMARY KEY, through INTEGER NOT NULL);
        CREATE TABLE messages (
          queue INTEGER NOT NULL,
          sequence INTEGER NOT NULL,
          time INTEGER NOT NULL,
          expires INTEGER NOT NULL,
          kind INTEGER NOT NULL,
          payload BLOB NOT NULL,
          PRIMARY KEY (queue, sequence)
        ) WITHOUT ROWID;
        INSERT INTO messages VALUES (1, 4, 1795313212621, 1795316812621, 0, X'666F7572');
        INSERT INTO messages VALUES (2, 1, 1795313212710, 1795316812710, 0, X'68656C6C6F');
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
        INSERT INTO meta VALUES (1, 1, 1, 6855388133732459304, 4195395726596001349, 39, -5297023434155027455, 1795313232914, 3, 9, 2, 4, 0);
        CREATE TABLE nodes (
          incarnation INTEGER NOT NULL,
          name TEXT NOT NULL,
          lowestSchema INTEGER NOT NULL,
          highestSchema INTEGER NOT NULL,
          lastSeen INTEGER NOT NULL,
          hasStopped INTEGER NOT NULL,
          PRIMARY KEY (incarnation, name)
        ) WITHOUT ROWID;
        INSERT INTO nodes VALUES (-2383314222535454230, 'old', 1, 1, 1795313231789, 0);
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
        INSERT INTO queues VALUES (1, 'alice/phone', -8400706535482359088, 1, 4, 3, 1795313212621, 1, 1, 1, 4, 1795316812621,
          'be9bf60556c3a62c73282535f1dd7861', 1, 'old', -2383314222535454230, 1795313212861, 1795313212887, '', 86400000, 1795313212621);
        INSERT INTO queues VALUES (2, 'bob', 1766409443746119657, 0, 1, 0, NULL, 0, 0, 1, 5, 1795316812710,
          NULL, NULL, NULL, NULL, NULL, NULL, '', 86400000, 1795313212710);
        INSERT INTO queues VALUES (3, 'carol', 4474573212009650322, 1, 0, 0, NULL, 0, 0, 0, 0, NULL,
          '9d9d2e9502e277e53974c8f416a39588', 1, 'old', -2383314222535454230, 1795313213033, 1795313232913,
          '50f386b509c6f03e22b3b632d63cefdc 1', 86400000, 1795313213033);
        CREATE TABLE signals (
          node TEXT NOT NULL,
          number INTEGER NOT NULL,
          client TEXT NOT NULL,
          kind INTEGER NOT NULL,
          PRIMARY KEY (node, number, client, kind)
        ) WITHOUT ROWID;
        CREATE TABLE tokenKeys (id TEXT PRIMARY KEY, secret BLOB NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
        """
}

/// Programs that know one version more than this one.
enum SchemaThree {
    static func program(minimumReader: UInt32) -> StoreSchema {
        let step = StoreSchema.Step(version: 3, minimumReader: minimumReader, sql: "ALTER TABLE queues ADD COLUMN colour TEXT")
        return StoreSchema(supported: 1...3, steps: StoreSchema.current.steps + [step])
    }
}
