import Foundation
import GRDB
import GaplessCore
import GaplessStore
import Synchronization
import Testing

@testable import GaplessSQLite

/// Programs of several versions on one file: the tables become newer when the last older program is gone, and never before.
@Suite struct SQLiteSchemaTests {
    private static let older = SQLiteTestStore.node("older")
    private static let newer = SQLiteTestStore.node("newer")
    private static let report = NodeReport(connections: 3, attached: 2, capacity: 10)
    private static let start = SQLiteTestStore.start

    private let test = SQLiteTestStore()

    private func openOlder() throws -> SQLiteQueueStore {
        try self.test.open { $0.schema = SchemaOne.program }
    }

    /// A file of the older program, with a message for the phone.
    private func makeFile() throws {
        let store = try self.openOlder()
        try store.send("1")
        store.close()
    }

    private func schema(of test: SQLiteTestStore? = nil) throws -> UInt32 {
        try StoreFile.information((test ?? self.test).path, now: Self.start).schema
    }

    private func problems() throws -> [String] {
        try StoreFile.check(self.test.path).problems
    }

    /// Whether the tables of version 2 are there, whatever the store says of itself.
    private func tables() throws -> Int {
        let sql = "SELECT count(*) FROM sqlite_master WHERE name IN ('nodeReports', 'nodeForgotten', 'sentAway', 'sentAwayUntil')"
        return try self.test.withDatabase { try Int.fetchOne($0, sql: sql) ?? 0 }
    }

    // MARK: When the schema is raised

    @Test func aNewFileHasTheNewestTables() throws {
        try self.test.open().close()
        let information = try StoreFile.information(self.test.path, now: Self.start)
        #expect(information.schema == 2 && information.minimumReader == 1)
        #expect(try self.tables() == 4)
        #expect(try self.problems() == [])
    }

    @Test func theFirstHeartbeatAmongNewerProgramsAloneRaisesTheSchema() throws {
        try self.makeFile()
        let store = try self.test.open()
        defer { store.close() }
        try store.send("2")
        #expect(try self.schema() == 1, "only a heartbeat raises it")
        let receipt = try store.beat(Self.newer, report: Self.report)
        #expect(receipt.peers == [NodePeer(node: Self.newer, report: Self.report)], "it tells already")
        #expect(try self.schema() == 2 && self.tables() == 4)
        #expect(self.test.log.messages == ["notice: The schema of the store was raised"])
        #expect(try store.order(.drain, "newer") == .given([Self.newer]))
        #expect(try store.texts(store.attach().fence) == ["1", "2"])
        let version = try self.test.withDatabase { try Int.fetchOne($0, sql: "PRAGMA user_version") }
        #expect(version == 2)
        #expect(try self.problems() == [])
    }

    /// How the older program goes.
    enum End: CaseIterable {
        case stops, dies
    }

    @Test(arguments: End.allCases)
    func theSchemaStaysAsItIsUntilTheOlderProgramIsGone(_ end: End) throws {
        let old = try self.openOlder()
        let new = try self.test.open()
        defer { [old, new].forEach { $0.close() } }
        var now = Self.start
        for _ in 0..<90 {
            try old.beat(Self.older, schemas: 1...1, now: now)
            let receipt = try new.beat(Self.newer, report: Self.report, now: now)
            #expect(receipt.peers == [NodePeer(node: Self.newer), NodePeer(node: Self.older)], "nobody has a report")
            #expect(try new.order(.cordon, "newer", now: now) == .schemaTooOld)
            #expect(try new.order(.cordon, "nobody", now: now) == .noSuchNode)
            #expect(try new.sendAway(now: now) == .schemaTooOld)
            #expect(receipt.order == nil)
            now = now + .seconds(2)
        }
        #expect(try self.schema() == 1 && self.tables() == 0)
        switch end {
        case .stops:
            _ = try old.commit(SQLiteTestStore.heartbeat(Self.older, isStopping: true), now: now)
        case .dies:
            now = now + .milliseconds(57_999)
            try new.beat(Self.newer, now: now)
            #expect(try self.schema() == 1, "just alive")
            now = now + .milliseconds(1)
        }
        #expect(try new.beat(Self.newer, report: Self.report, now: now).peers == [NodePeer(node: Self.newer, report: Self.report)])
        #expect(try self.schema() == 2 && self.tables() == 4)
        #expect(try self.problems() == [])
    }

    @Test func whoStopsRaisesNothing() throws {
        try self.makeFile()
        let store = try self.test.open()
        defer { store.close() }
        _ = try store.commit(SQLiteTestStore.heartbeat(Self.newer, schemas: 1...2, isStopping: true))
        #expect(try self.schema() == 1)
    }

    @Test func theSchemaIsRaisedAsFarAsEverybodyKnowsIt() throws {
        try self.makeFile()
        let newest = try self.test.open { $0.schema = SchemaThree.program(minimumReader: 1) }
        defer { newest.close() }
        let node = SQLiteTestStore.node("newest")
        try newest.beat(Self.newer, schemas: 1...2)
        #expect(try self.schema() == 2)
        try newest.beat(node, schemas: 1...3)
        #expect(try self.schema() == 2, "one knows version 2 alone")
        try newest.beat(node, schemas: 1...3, now: Self.start + .seconds(60))
        #expect(try self.schema() == 3)
        #expect(try StoreFile.information(self.test.path, now: Self.start).minimumReader == 1)
    }

    @Test func severalVersionsAreMadeUpForAtOnce() throws {
        try self.makeFile()
        let newest = try self.test.open { $0.schema = SchemaThree.program(minimumReader: 2) }
        defer { newest.close() }
        try newest.beat(SQLiteTestStore.node("newest"), schemas: 1...3)
        #expect(try self.schema() == 3 && self.tables() == 4)
        #expect(try StoreFile.information(self.test.path, now: Self.start).minimumReader == 2)
    }

    // MARK: Older programs on newer tables

    @Test func anOlderProgramGoesOnReadingAndWriting() throws {
        let old = try self.openOlder()
        defer { old.close() }
        try old.beat(Self.older, schemas: 1...1)
        let attachment = try old.attach(SQLiteTestStore.hello(at: Self.older))
        try old.send("1")
        let later = Self.start + .seconds(60)
        let new = try self.test.open()
        defer { new.close() }
        try new.beat(Self.newer, report: Self.report, now: later)
        #expect(try self.schema() == 2)

        // It was only silent, and is back.
        let receipt = try old.beat(Self.older, schemas: 1...1, now: later)
        #expect(receipt.peers == [NodePeer(node: Self.newer), NodePeer(node: Self.older)], "it knows no reports")
        try old.send("2", now: later)
        try new.send("3", now: later)
        #expect(try old.texts(attachment.fence, now: later) == ["1", "2", "3"])
        let acknowledge = AcknowledgeOperation(client: SQLiteTestStore.phone, fence: attachment.fence, through: SequenceNumber(2))
        _ = try old.commit(.acknowledge(acknowledge), now: later)
        _ = try old.commit(.expire(ExpireOperation(maxRows: 100)), now: later)
        #expect(try old.order(.drain, "newer", now: later) == .schemaTooOld, "it gives no orders")

        let peers = try new.beat(Self.newer, report: Self.report, now: later).peers
        #expect(peers == [NodePeer(node: Self.newer, report: Self.report), NodePeer(node: Self.older)], "the newer one knows them still")
        #expect(try new.texts(after: SequenceNumber(2), attachment.fence, now: later) == ["3"])
        #expect(try self.problems() == [])
    }

    @Test func anOlderProgramStartsOnNewerTables() throws {
        try self.test.open().close()
        let old = try self.openOlder()
        try old.beat(Self.older, schemas: 1...1)
        try old.send("1")
        #expect(try old.texts(old.attach().fence) == ["1"])
        old.close()
        #expect(try self.schema() == 2)
        #expect(try self.problems() == [])
    }

    @Test func aReportLeavesWithItsNodeWhicheverProgramSweeps() throws {
        let new = try self.test.open()
        try new.beat(Self.newer, report: Self.report)
        new.close()
        let rows = { try self.test.withDatabase { try Int.fetchOne($0, sql: "SELECT count(*) FROM nodeReports") } }
        #expect(try rows() == 1)
        let old = try self.openOlder()
        defer { old.close() }
        let policy = StorePolicy()
        let end = Self.start + policy.nodeLifetime + max(policy.maxKeep, policy.retention.keep)
        _ = try old.commit(.expire(ExpireOperation(maxRows: 100)), now: end.advanced(by: .milliseconds(-1)))
        #expect(try rows() == 1)
        _ = try old.commit(.expire(ExpireOperation(maxRows: 100)), now: end)
        #expect(try rows() == 0)
        #expect(try self.problems() == [])
    }

    @Test func anOrderGoesToThoseProgramsAloneThatCanObey() throws {
        let store = try self.test.open()
        defer { store.close() }
        let restarted = SQLiteTestStore.node("older", incarnation: 2)
        try store.beat(Self.older, schemas: 1...1)
        #expect(try store.order(.drain, "older") == .schemaTooOld)
        try store.beat(restarted, schemas: 1...2)
        #expect(try store.order(.drain, "older") == .given([restarted]))
        #expect(try store.beat(Self.older, schemas: 1...2).order == nil)
        #expect(try store.beat(restarted).order?.order == .drain)
    }

    @Test func thisProgramWorksOnTablesThatALaterOneMade() throws {
        try self.test.open { $0.schema = SchemaThree.program(minimumReader: 1) }.close()
        let store = try self.test.open()
        defer { store.close() }
        #expect(try store.beat(Self.newer, report: Self.report).peers == [NodePeer(node: Self.newer, report: Self.report)])
        #expect(try self.schema() == 3, "it leaves them as they are")
        // What a later program writes into them may be new to this one.
        try self.test.withDatabase { database in
            let text = #"{"capacity":7,"loopLag":12,"stage":"serving"}"#
            try database.execute(sql: "UPDATE nodeReports SET orders = 5, openOrder = 'juggle', report = ?", arguments: [text])
        }
        let other = try store.beat(SQLiteTestStore.node("other"))
        #expect(other.peers.first?.report == NodeReport(capacity: 7))
        #expect(try store.beat(Self.newer).order == nil)
        #expect(try store.order(.cordon, "newer") == .given([Self.newer]))
        #expect(try store.beat(Self.newer).order?.order == .cordon)
    }

    @Test func whatIsDamagedInAReportKeepsNobodyFromLiving() throws {
        let store = try self.test.open()
        defer { store.close() }
        try store.beat(Self.newer, report: Self.report)
        try self.test.withDatabase { database in
            try database.execute(sql: "UPDATE nodeReports SET orders = -1, openOrder = 'drain', report = 'nonsense'")
        }
        let found = try store.beat(SQLiteTestStore.node("other"))
        #expect(found.peers.first == NodePeer(node: Self.newer))
        #expect(try store.beat(Self.newer).order == nil)
        #expect(try store.order(.cordon, "newer") == .given([Self.newer]))
        #expect(try store.beat(Self.newer).order?.order == .cordon)
    }

    @Test func anOlderProgramLetsInWhomANewerOneSentAwayAndComesToNoHarm() throws {
        let new = try self.test.open()
        let old = try self.openOlder()
        defer { [new, old].forEach { $0.close() } }
        try new.beat(Self.newer)
        try old.beat(Self.older, schemas: 1...1)
        let fence = try old.attach(SQLiteTestStore.hello(at: Self.older)).fence
        guard case .sentAway(holder: .some, code: .forbidden) = try new.sendAway() else { throw CocoaError(.featureUnsupported) }
        // It takes the signal for a removal, looks, and finds that its fence is good.
        let kind = try self.test.withDatabase { try Int.fetchOne($0, sql: "SELECT kind FROM signals") }
        #expect(kind.map { UInt16(truncatingIfNeeded: $0) } == CloseCode.forbidden.rawValue)
        #expect(try old.texts(fence) == [])
        let hello = SQLiteTestStore.hello(attempt: 2, at: Self.newer)
        #expect(try new.commit(.attach(hello)) == .attach(.sentAway(.forbidden)))
        #expect(try old.sendAway() == .schemaTooOld)
        #expect(try old.attach(SQLiteTestStore.hello(attempt: 3, at: Self.older)).resume == .resumed)
        #expect(try self.problems() == [])
    }

    @Test func theSweepForgetsWhoMayComeAgain() throws {
        let store = try self.test.open(policy: StorePolicy(maxSentAway: 5))
        defer { store.close() }
        for number in 0..<5 {
            let away = SendAwayOperation(client: SQLiteTestStore.client("user\(number)"), code: .forbidden, time: .seconds(number))
            _ = try store.commit(.sendAway(away))
        }
        func left(after time: Duration, maxRows: Int) throws -> (rows: Int?, hasMore: Bool) {
            let operation = StoreOperation.expire(ExpireOperation(maxRows: maxRows))
            guard case .expire(let receipt) = try store.commit(operation, now: Self.start + time) else {
                throw CocoaError(.featureUnsupported)
            }
            return (try self.test.withDatabase { try Int.fetchOne($0, sql: "SELECT count(*) FROM sentAway") }, receipt.hasMore)
        }
        #expect(try left(after: .zero, maxRows: 10) == (4, false))
        #expect(try left(after: .seconds(3), maxRows: 2) == (2, true), "the slice was used up")
        #expect(try left(after: .seconds(3), maxRows: 2) == (1, false))
        #expect(try left(after: .seconds(60), maxRows: 10) == (0, false))
    }

    // MARK: A real file

    @Test func aFileThatAnOlderProgramLeftIsRaisedWithAllThatItHolds() throws {
        try self.test.withDatabase { try $0.execute(sql: SchemaOne.file) }
        #expect(try self.problems() == [])
        let store = try self.test.open()
        defer { store.close() }
        let killed = Timestamp(milliseconds: 1_795_313_231_789)
        #expect(try store.beat(Self.newer, report: Self.report, now: killed + .milliseconds(59_999)).peers.count == 2)
        #expect(try self.schema() == 1, "the killed node counts as alive")
        let now = killed + .seconds(60)
        #expect(try store.beat(Self.newer, report: Self.report, now: now).peers == [NodePeer(node: Self.newer, report: Self.report)])
        #expect(try self.schema() == 2 && self.tables() == 4)
        #expect(try self.problems() == [])

        let bob = SQLiteTestStore.client("bob")
        #expect(try store.texts(store.attach(SQLiteTestStore.hello(bob), now: now).fence, of: bob, now: now) == ["hello"])
        let phone = try #require(try store.snapshot(of: SQLiteTestStore.phone, now: now))
        #expect(phone.head == SequenceNumber(4) && phone.messages == 1)
        try store.send("five", now: now)
        let attachment = try store.attach(SQLiteTestStore.hello(attempt: 7), now: now)
        #expect(attachment.after == SequenceNumber(3))
        #expect(try store.texts(after: attachment.after, attachment.fence, now: now) == ["four", "five"])
        #expect(try self.problems() == [])
    }

    // MARK: Failures

    @Test(arguments: [(CommitFaults.Moment.beforeCommit, 1), (.afterCommit, 2)] as [(CommitFaults.Moment, UInt32)])
    func aCrashLeavesTheOlderTablesOrTheNewerOnes(_ moment: CommitFaults.Moment, _ found: UInt32) throws {
        try self.makeFile()
        let image = SQLiteTestStore()
        let isArmed = Mutex(false)
        let path = self.test.path
        let imagePath = image.path
        let store = try self.test.open { configuration in
            configuration.faults = CommitFaults { now in
                guard now == moment, isArmed.withLock({ $0 }) else { return }
                // What lies in the files at this moment is what a killed process leaves.
                for ending in ["", "-wal", "-progress"] {
                    try FileManager.default.copyItem(atPath: path + ending, toPath: imagePath + ending)
                }
            }
        }
        defer { store.close() }
        isArmed.withLock { $0 = true }
        try store.beat(Self.newer, report: Self.report)
        isArmed.withLock { $0 = false }

        #expect(try self.schema(of: image) == found)
        #expect(try StoreFile.check(image.path).problems == [])
        let survivor = try image.open()
        defer { survivor.close() }
        try survivor.beat(Self.newer, report: Self.report)
        #expect(try self.schema(of: image) == 2)
        #expect(try survivor.texts(survivor.attach().fence) == ["1"])
        #expect(try StoreFile.check(image.path).problems == [])
    }

    @Test(arguments: [ResultCode.SQLITE_FULL, .SQLITE_IOERR_FSYNC])
    func aFailureLeavesTheOlderTablesAndHeartbeatsGoOnWithout(_ code: ResultCode) throws {
        try self.makeFile()
        let isFailing = Mutex(true)
        let store = try self.test.open { configuration in
            configuration.faults = CommitFaults { moment in
                guard moment == .beforeCommit, isFailing.withLock({ $0 }) else { return }
                throw DatabaseError(resultCode: code)
            }
        }
        defer { store.close() }
        #expect(throws: QueueStoreError.self) { try store.beat(Self.newer, report: Self.report) }
        isFailing.withLock { $0 = false }
        #expect(try self.schema() == 1 && self.tables() == 0)
        #expect(try store.beat(Self.newer, report: Self.report).peers == [NodePeer(node: Self.newer)])
        try store.beat(Self.newer, now: Self.start + .milliseconds(59_999))
        #expect(try self.schema() == 1, "it takes its time before it tries again")
        try store.beat(Self.newer, now: Self.start + .seconds(60))
        #expect(try self.schema() == 2 && self.tables() == 4)
        #expect(try self.problems() == [])
    }

    @Test func aCommitInDoubtThatIsFoundHasRaisedTheSchema() throws {
        try self.makeFile()
        let isFailing = Mutex(true)
        let store = try self.test.open { configuration in
            configuration.faults = CommitFaults { moment in
                guard moment == .afterCommit, isFailing.withLock({ $0 }) else { return }
                throw DatabaseError(resultCode: .SQLITE_IOERR_FSYNC)
            }
        }
        defer { store.close() }
        #expect(try store.beat(Self.newer, report: Self.report).peers == [NodePeer(node: Self.newer, report: Self.report)])
        isFailing.withLock { $0 = false }
        #expect(try self.schema() == 2)
        #expect(try store.beat(Self.newer).peers == [NodePeer(node: Self.newer)])
        #expect(try self.problems() == [])
    }

    @Test func aStepThatFailsHalfwayLeavesNothingBehind() throws {
        try self.makeFile()
        // Somebody made a table of that name: the step fails after its first tables.
        try self.test.withDatabase { try $0.execute(sql: "CREATE TABLE sentAway (x)") }
        let store = try self.test.open()
        defer { store.close() }
        #expect(throws: QueueStoreError.self) { try store.beat(Self.newer) }
        #expect(try self.schema() == 1 && self.tables() == 1)
        try store.beat(Self.newer)
        try store.send("2")
        try self.test.withDatabase { try $0.execute(sql: "DROP TABLE sentAway") }
        try store.beat(Self.newer, report: Self.report, now: Self.start + .seconds(60))
        #expect(try self.schema() == 2 && self.tables() == 4)
        #expect(try self.problems() == [])
    }
}

extension QueueStore {
    /// A node of a newer program, unless another range is named, gives a sign of life, and finds what it finds.
    @discardableResult
    fileprivate func beat(
        _ node: NodeIdentity,
        schemas: ClosedRange<UInt32> = 1...2,
        report: NodeReport? = nil,
        now: Timestamp = SQLiteTestStore.start
    ) throws -> HeartbeatReceipt {
        let heartbeat = SQLiteTestStore.heartbeat(node, schemas: schemas, report: report)
        guard case .heartbeat(let receipt) = try self.commit(heartbeat, now: now) else { throw CocoaError(.featureUnsupported) }
        return receipt
    }

    /// Sends the phone away for an hour.
    fileprivate func sendAway(now: Timestamp = SQLiteTestStore.start) throws -> SendAwayReceipt {
        let operation = SendAwayOperation(client: SQLiteTestStore.phone, code: .forbidden)
        guard case .sendAway(let receipt) = try self.commit(.sendAway(operation), now: now) else { throw CocoaError(.featureUnsupported) }
        return receipt
    }

    fileprivate func order(_ order: NodeOrder, _ name: String, now: Timestamp = SQLiteTestStore.start) throws -> OrderReceipt {
        let operation = OrderOperation(node: SQLiteTestStore.node(name).name, order: order)
        guard case .order(let receipt) = try self.commit(.order(operation), now: now) else { throw CocoaError(.featureUnsupported) }
        return receipt
    }
}
