import Foundation
import GRDB
import GaplessCore
import GaplessStore
import Testing

@testable import GaplessSQLite

/// What an operator does with the file.
@Suite struct StoreFileTests {
    private let test = SQLiteTestStore()

    /// A store with something of everything in it, closed.
    private func fill() throws {
        let store = try self.test.open(policy: StorePolicy(retention: RetentionPolicy(maxMessages: 5)))
        defer { store.close() }
        _ = try store.commit(SQLiteTestStore.heartbeat(SQLiteTestStore.node("a")))
        let fence = try store.attach().fence
        for number in 1...8 { try store.send("\(number)") }
        _ = try store.commit(
            .acknowledge(AcknowledgeOperation(client: SQLiteTestStore.phone, fence: fence, through: SequenceNumber(5)))
        )
        _ = try store.commit(SQLiteTestStore.message("keyed", to: SQLiteTestStore.client("bob"), key: "k"))
    }

    // MARK: Looking

    @Test func theInformationTellsWhatIsInside() throws {
        try self.fill()
        let information = try StoreFile.information(self.test.path, now: SQLiteTestStore.start)
        #expect(information.path == (try StorePath(self.test.path).database))
        #expect(information.schema == 2 && information.minimumReader == 1)
        #expect(information.queues == 2)
        #expect(information.attachedQueues == 1)
        #expect(information.messages == 4)
        #expect(information.bytes == 3 + 5)
        #expect(information.keys == 1)
        #expect(information.aliveNodes == [SQLiteTestStore.node("a")])
        #expect(information.clock == SQLiteTestStore.start)
        #expect(information.fileBytes > 4_096)
        let later = try StoreFile.information(self.test.path, now: SQLiteTestStore.start + .seconds(60))
        #expect(later.aliveNodes == [])
    }

    @Test func lookingMakesNothing() throws {
        #expect(throws: QueueStoreError.self) { try StoreFile.information(self.test.path, now: SQLiteTestStore.start) }
        #expect(throws: QueueStoreError.self) { try StoreFile.check(self.test.path) }
        #expect(throws: QueueStoreError.self) { try StoreFile.restored(self.test.path) }
        #expect(throws: QueueStoreError.self) { try StoreFile.migrate(self.test.path, to: 1, now: SQLiteTestStore.start) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.test.folder.path).isEmpty)
    }

    @Test func aStoreInUseCanBeLookedAtAndChecked() throws {
        let store = try self.test.open()
        defer { store.close() }
        try store.send("1")
        #expect(try StoreFile.information(self.test.path, now: SQLiteTestStore.start).messages == 1)
        #expect(try StoreFile.check(self.test.path).isSound)
        try store.send("2")
        #expect(try StoreFile.information(self.test.path, now: SQLiteTestStore.start).messages == 2)
    }

    @Test func aSoundStoreIsFoundSound() throws {
        try self.fill()
        let report = try StoreFile.check(self.test.path)
        #expect(report.problems == [])
        #expect(report.queues == 2 && report.messages == 4)
    }

    @Test(arguments: [
        ("UPDATE queues SET messages = messages + 1 WHERE client = 'bob'", "says that it keeps 2 messages"),
        ("UPDATE queues SET bytes = 1 WHERE client = 'bob'", "says that it keeps 1 bytes"),
        ("UPDATE queues SET floor = 99 WHERE client = 'bob'", "acknowledged 99, above its newest number 1"),
        ("UPDATE queues SET head = 7 WHERE client = 'alice/phone'", "keeps message 8, above its newest number 7"),
        ("UPDATE queues SET floor = 6 WHERE client = 'alice/phone'", "keeps message 6, which is acknowledged"),
        ("UPDATE queues SET discardedThrough = 9 WHERE client = 'bob'", "lost messages through 9"),
        ("UPDATE queues SET overflowedThrough = 1 WHERE client = 'bob'", "lost messages by overflow through 1"),
        ("UPDATE queues SET nextExpiry = NULL WHERE client = 'bob'", "expires sooner"),
        ("UPDATE queues SET nextExpiry = nextExpiry + 1 WHERE client = 'bob'", "expires sooner"),
        ("UPDATE queues SET client = 'no/such/client' WHERE client = 'bob'", "no valid address"),
        ("UPDATE queues SET outboxes = 'x' WHERE client = 'bob'", "marks are damaged"),
        ("UPDATE meta SET queues = 7", "should hold 7 queues, and holds 2"),
        ("UPDATE meta SET bytes = 7", "should hold 7 payload bytes"),
        ("UPDATE meta SET keys = 7", "should hold 7 idempotency keys"),
        ("UPDATE meta SET nextQueue = 1", "still to be given"),
        ("UPDATE meta SET number = 1", "went back in time"),
        ("DELETE FROM queues WHERE client = 'bob'", "should hold 0 messages without a queue, and holds 1"),
        (
            "INSERT INTO leftovers SELECT id, 1 FROM queues WHERE client = 'bob'",
            "to be removed though they are not acknowledged, and holds 1"
        ),
        ("INSERT INTO signals VALUES ('a/1', 1000000, 'bob', 0)", "signals of commits to come"),
        ("INSERT INTO nodeReports VALUES (5, 'a', NULL, 0, NULL)", "0 reports of nodes that it does not know, and holds 1"),
        ("INSERT INTO sentAway VALUES ('no/such/client', 4452, 1)", "no valid address"),
        ("INSERT INTO sentAway VALUES ('bob', 70000, 1)", "sent away with 70000, which is no code"),
        ("DROP TABLE sentAway", "only 2 of 4 parts are there"),
    ])
    func whatIsWrongIsFound(_ sql: String, _ problem: String) throws {
        try self.fill()
        try self.test.withDatabase { try $0.execute(sql: sql) }
        let report = try StoreFile.check(self.test.path)
        #expect(report.problems.contains { $0.contains(problem) }, "\(report.problems)")
    }

    // MARK: A new life

    @Test func restoredBeginsANewLifeAndKeepsTheMessages() throws {
        try self.fill()
        var store = try self.test.open()
        let old = try store.incarnation
        let first = try store.attach(SQLiteTestStore.hello(attempt: 2))
        #expect(throws: QueueStoreError.self) { try StoreFile.restored(self.test.path) }
        #expect(try store.incarnation == old)
        store.close()
        let fresh = try StoreFile.restored(self.test.path)
        #expect(fresh != old)
        store = try self.test.open()
        defer { store.close() }
        #expect(try store.incarnation == fresh)
        #expect(self.test.log.messages.isEmpty)
        let position = Position(epoch: first.fence.epoch.token, handled: SequenceNumber(5))
        let again = try store.attach(SQLiteTestStore.hello(attempt: 3, position: position))
        #expect(again.resume == .reset(.rollback))
        #expect(try store.texts(after: again.after, again.fence) == ["6", "7", "8"])
    }

    // MARK: Schemas

    @Test func theSchemaIsRaisedOnlyWhenEveryLiveNodeKnowsIt() throws {
        let store = try self.test.open { $0.schema = SchemaOne.program }
        defer { store.close() }
        let now = SQLiteTestStore.start
        _ = try store.commit(SQLiteTestStore.heartbeat(SQLiteTestStore.node("old"), schemas: 1...1), now: now)
        _ = try store.commit(SQLiteTestStore.heartbeat(SQLiteTestStore.node("new"), schemas: 1...2), now: now)
        let failure = #expect(throws: QueueStoreError.self) { try StoreFile.migrate(self.test.path, now: now) }
        #expect(failure?.code == .unavailable)
        #expect(failure?.message.contains("The node old is alive") == true)
        #expect(try StoreFile.information(self.test.path, now: now).schema == 1)
        let later = now + .seconds(60)
        _ = try store.commit(SQLiteTestStore.heartbeat(SQLiteTestStore.node("new"), schemas: 1...2), now: later)
        #expect(try StoreFile.migrate(self.test.path, now: later) == (1, 2))
        let information = try StoreFile.information(self.test.path, now: later)
        #expect(information.schema == 2 && information.minimumReader == 1)
        try store.send("1", now: later)
        #expect(try StoreFile.check(self.test.path).problems == [])
    }

    @Test func whatIsNewEnoughStaysAsItIs() throws {
        try self.test.open().close()
        let now = SQLiteTestStore.start
        let commits = try StoreFile.information(self.test.path, now: now).commits
        for version: UInt32? in [nil, 2] { #expect(try StoreFile.migrate(self.test.path, to: version, now: now) == (2, 2)) }
        #expect(try StoreFile.information(self.test.path, now: now).commits == commits)
        try self.test.withDatabase { try $0.execute(sql: "UPDATE meta SET schema = 9") }
        #expect(try StoreFile.migrate(self.test.path, now: now) == (9, 9))
    }

    @Test func thereIsNoWayBackAndNoWayToTheUnknown() throws {
        try self.test.open().close()
        for version: UInt32 in [1, 3] {
            let failure = #expect(throws: QueueStoreError.self) {
                try StoreFile.migrate(self.test.path, to: version, now: SQLiteTestStore.start)
            }
            #expect(failure?.code == .misconfigured)
        }
    }

    @Test func aNodeThatFindsAnUnknownSchemaStopsWriting() throws {
        let old = try self.test.open()
        defer { old.close() }
        try old.send("1")
        let breaking = SchemaThree.program(minimumReader: 3)
        try StoreFile.migrate(self.test.path, to: 3, schema: breaking, now: SQLiteTestStore.start)
        for _ in 0..<2 {
            let failure = #expect(throws: QueueStoreError.self) { try old.send("2") }
            #expect(failure?.code == .newerSchema)
        }
        let new = try self.test.open { $0.schema = breaking }
        defer { new.close() }
        #expect(try new.snapshot(of: SQLiteTestStore.phone, now: SQLiteTestStore.start)?.head == .first)
    }
}
