import Foundation
import GRDB
import GaplessCore
import GaplessStore
import Synchronization
import Testing

@testable import GaplessSQLite

/// What becomes of commits that fail, and of those of several processes at once.
@Suite struct SQLiteCommitTests {
    private let test = SQLiteTestStore()

    /// Fails at a moment, as often as told.
    private final class Striker: Sendable {
        private let plan: Mutex<[CommitFaults.Moment: (any Error & Sendable)]>

        init(_ plan: [CommitFaults.Moment: any Error & Sendable] = [:]) {
            self.plan = Mutex(plan)
        }

        func set(_ moment: CommitFaults.Moment, _ error: (any Error & Sendable)?) {
            self.plan.withLock { $0[moment] = error }
        }

        var faults: CommitFaults {
            CommitFaults { moment in
                if let error = self.plan.withLock({ $0.removeValue(forKey: moment) }) { throw error }
            }
        }
    }

    private static let diskFailure = DatabaseError(resultCode: .SQLITE_IOERR_FSYNC, message: "disk I/O error")
    private static let busy = DatabaseError(resultCode: .SQLITE_BUSY, message: "database is locked")

    private func texts(_ store: SQLiteQueueStore) throws -> [String] {
        let attempt = UInt64(try store.snapshot(of: SQLiteTestStore.phone, now: SQLiteTestStore.start)?.generation.rawValue ?? 0) + 1
        return try store.texts(try store.attach(SQLiteTestStore.hello(attempt: attempt)).fence)
    }

    // MARK: In doubt

    @Test(arguments: [SQLiteCommitTests.diskFailure, SQLiteCommitTests.busy])
    func aBatchThatIsFoundAfterAnErrorGetsItsReceipts(_ error: DatabaseError) throws {
        let striker = Striker()
        let store = try self.test.open { $0.faults = striker.faults }
        defer { store.close() }
        try store.send("1")
        striker.set(.afterCommit, error)
        guard case .append(let receipt) = try store.commit(SQLiteTestStore.message("2")) else {
            Issue.record("a receipt")
            return
        }
        guard case .stored(SequenceNumber(2), _) = receipt.deliveries.first?.outcome else {
            Issue.record("stored as 2, not \(receipt)")
            return
        }
        try store.send("3")
        #expect(try self.texts(store) == ["1", "2", "3"])
    }

    @Test(arguments: [SQLiteCommitTests.diskFailure, SQLiteCommitTests.busy])
    func aBatchThatIsNotFoundDidNotHappen(_ error: DatabaseError) throws {
        let striker = Striker()
        let store = try self.test.open { $0.faults = striker.faults }
        defer { store.close() }
        try store.send("1")
        striker.set(.beforeCommit, error)
        let failure = #expect(throws: QueueStoreError.self) { try store.send("2") }
        #expect(failure?.code == .unavailable)
        try store.send("3")
        #expect(try self.texts(store) == ["1", "3"])
    }

    @Test func whatAFailedSyncLeftBehindIsWrittenOver() throws {
        let striker = Striker()
        let store = try self.test.open { $0.faults = striker.faults }
        defer { store.close() }
        let before = try store.commit([], now: SQLiteTestStore.start).number
        striker.set(.beforeCommit, Self.diskFailure)
        #expect(throws: QueueStoreError.self) { try store.send("1") }
        // One number for the commit that makes sure, none for the one that failed.
        #expect(try store.commit([], now: SQLiteTestStore.start).number == before + 2)
    }

    @Test func whenThatFailsTooNobodyKnows() throws {
        let striker = Striker([.settling: Self.diskFailure])
        let store = try self.test.open { $0.faults = striker.faults }
        defer { store.close() }
        striker.set(.beforeCommit, Self.diskFailure)
        let failure = #expect(throws: QueueStoreError.self) { try store.send("1") }
        #expect(failure?.code == .unknown)
        try store.send("2")
        #expect(try self.texts(store) == ["2"])
    }

    /// What is in the log after a sync that failed may be in memory alone.
    @Test func aBatchThatIsFoundAfterAFailureOfTheDiskIsMovedIntoTheDatabase() throws {
        let striker = Striker()
        let store = try self.test.open { $0.faults = striker.faults }
        defer { store.close() }
        // Somebody else's connection, so that the end of the store's own does not move the log.
        let other = try DatabaseQueue(path: self.test.path)
        defer { try? other.close() }
        _ = try other.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM messages") }
        striker.set(.afterCommit, Self.diskFailure)
        try store.send("1")
        // Another process copies: this one would lose the locks of SQLite.
        try #require(try Mount.run("/bin/cp", self.test.path, self.test.folder.file("copy.db")))
        #expect(try self.test.withDatabase("copy.db") { try Int.fetchOne($0, sql: "SELECT count(*) FROM messages") } == 1)
        try store.send("2")
        #expect(try self.texts(store) == ["1", "2"])
    }

    @Test func aBatchThatCannotBeMovedIsInDoubtAndNothingIsCommittedBehindIt() throws {
        let striker = Striker()
        let store = try self.test.open { configuration in
            configuration.faults = striker.faults
            configuration.busyTimeout = .milliseconds(10)
        }
        defer { store.close() }
        try store.send("1")
        let reader = try DatabaseQueue(path: self.test.path)
        defer { try? reader.close() }
        try reader.writeWithoutTransaction { database in
            // It goes on reading the state before, which the database must keep for it.
            try database.execute(sql: "BEGIN")
            #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM messages") == 1)
            striker.set(.afterCommit, Self.diskFailure)
            let failure = #expect(throws: QueueStoreError.self) { try store.send("2") }
            #expect(failure?.code == .unknown)
            let next = #expect(throws: QueueStoreError.self) { try store.send("3") }
            #expect(next?.code == .unavailable)
            try database.execute(sql: "COMMIT")
        }
        try store.send("4")
        #expect(try self.texts(store) == ["1", "2", "4"])
    }

    @Test func whenTheLookUpFailsNobodyKnowsAndARetryWithTheSameKeySettlesIt() throws {
        let striker = Striker([.lookUp: Self.diskFailure])
        let store = try self.test.open { $0.faults = striker.faults }
        defer { store.close() }
        striker.set(.afterCommit, Self.diskFailure)
        let send = SQLiteTestStore.message("1", key: "k")
        let failure = #expect(throws: QueueStoreError.self) { try store.commit(send) }
        #expect(failure?.code == .unknown)
        guard case .append(let receipt) = try store.commit(send) else {
            Issue.record("a receipt")
            return
        }
        #expect(receipt.isRepeat)
        #expect(try self.texts(store) == ["1"])
    }

    @Test(arguments: [
        (ResultCode.SQLITE_FULL, QueueStoreError.Code.full), (.SQLITE_IOERR_WRITE, .unavailable), (.SQLITE_BUSY, .unavailable),
        (.SQLITE_READONLY, .misconfigured), (.SQLITE_CORRUPT, .corrupt), (.SQLITE_NOMEM, .unavailable),
    ])
    func failuresAreTold(_ code: ResultCode, _ expected: QueueStoreError.Code) throws {
        let striker = Striker()
        let store = try self.test.open { $0.faults = striker.faults }
        defer { store.close() }
        striker.set(.beforeCommit, DatabaseError(resultCode: code))
        let failure = #expect(throws: QueueStoreError.self) { try store.send("1") }
        #expect(failure?.code == expected)
        try store.send("2")
        #expect(try self.texts(store) == ["2"])
    }

    // MARK: A full disk

    @Test func aFullDatabaseRefusesAndRecovers() throws {
        let store = try self.test.open()
        defer { store.close() }
        try store.send("1")
        let pages = try store.writer.withLock { writer in
            try writer.examine { database in
                let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
                _ = try Int.fetchOne(database, sql: "PRAGMA max_page_count = \(pages + 2)")
                return pages
            }
        }
        var stored = ["1"]
        var failure: QueueStoreError?
        for number in 0..<100 where failure == nil {
            let text = "\(number) " + String(repeating: "x", count: 1_000)
            do {
                try store.send(text)
                stored.append(text)
            } catch let error as QueueStoreError {
                failure = error
            }
        }
        #expect(failure?.code == .full)
        #expect(try self.textsWithoutAttaching(store) == stored.count)
        try store.writer.withLock { writer in
            try writer.examine { _ = try Int.fetchOne($0, sql: "PRAGMA max_page_count = \(pages + 10_000)") }
        }
        try store.send("there is room")
        #expect(try self.texts(store) == stored + ["there is room"])
    }

    private func textsWithoutAttaching(_ store: SQLiteQueueStore) throws -> Int? {
        try store.snapshot(of: SQLiteTestStore.phone, now: SQLiteTestStore.start)?.messages
    }

    @Test(.enabled(if: geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/bin/mount")))
    func aFullDiskRefusesPromisesNothingAndRecovers() throws {
        guard try Mount.run("/bin/mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", self.test.folder.path) else { return }
        defer { _ = try? Mount.run("/bin/umount", self.test.folder.path) }
        let store = try self.test.open()
        defer { store.close() }
        let ballast = self.test.folder.file("ballast")
        try Data(repeating: 1, count: 1_000_000).write(to: URL(fileURLWithPath: ballast))
        var stored: [String] = []
        var failure: QueueStoreError?
        for number in 0..<10_000 where failure == nil {
            let text = "\(number) " + String(repeating: "x", count: 10_000)
            do {
                try store.send(text)
                stored.append(text)
            } catch let error as QueueStoreError {
                failure = error
            }
        }
        #expect(failure?.code == .full, "\(String(describing: failure))")
        let again = #expect(throws: QueueStoreError.self) { try store.send(String(repeating: "y", count: 100_000)) }
        #expect(again?.code == .full)
        #expect(try self.textsWithoutAttaching(store) == stored.count)
        try FileManager.default.removeItem(atPath: ballast)
        try store.send("there is room")
        #expect(try self.texts(store) == stored + ["there is room"])
    }

    // MARK: Several processes

    @Test func whoeverHoldsTheLockTooLongIsNotWaitedForForEver() throws {
        let store = try self.test.open { $0.lockLimit = .milliseconds(30) }
        defer { store.close() }
        let stopped = try WriteLock(path: try StorePath(self.test.path).lock)
        try stopped.hold(limit: .seconds(300)) { () throws(QueueStoreError) in
            let failure = #expect(throws: QueueStoreError.self) { try store.send("1") }
            #expect(failure?.code == .unavailable)
            #expect(failure?.message.contains("write lock") == true)
        }
        // What waited for the lock lets go of it in its own time.
        while true {
            do {
                try store.send("2")
                break
            } catch let error as QueueStoreError where error.code == .unavailable {
                continue
            }
        }
        #expect(try self.texts(store) == ["2"])
    }

    /// Each commit goes on until the other store waits for its own, so that both are busy all the time whatever the machine does.
    @Test func twoBusyProcessesLoseNothingAndTakeTurns() async throws {
        let rounds = 200
        let line = try WaitingLine(lockFile: try StorePath(self.test.path).lock, writers: 2)
        let stores = try (0..<2).map { writer in
            try self.test.open { configuration in
                configuration.lockLimit = .seconds(60)
                configuration.faults = CommitFaults { moment in
                    if moment == .beforeCommit { try line.hold(writer) }
                }
            }
        }
        let clients = (0..<20).map { SQLiteTestStore.client("user\($0)") }
        await withTaskGroup(of: Void.self) { tasks in
            for (index, store) in stores.enumerated() {
                tasks.addTask {
                    await OwnThread.run {
                        do {
                            for round in 0..<rounds {
                                let batch = clients.map { SQLiteTestStore.message("\(index):\(round)", to: $0) }
                                _ = try store.commit(batch, now: SQLiteTestStore.start)
                            }
                        } catch {
                            Issue.record(error)
                        }
                        line.leave(index)
                    }
                }
            }
        }
        let order = line.order
        #expect(order.count == 2 * rounds)
        #expect(zip(order, order.dropFirst()).allSatisfy { $0 != $1 }, "\(order)")
        (0..<2).forEach { line.leave($0) }
        for client in clients {
            let fence = try stores[0].attach(SQLiteTestStore.hello(client)).fence
            let texts = try stores[1].texts(fence, of: client)
            #expect(texts.count == 2 * rounds)
            for index in 0..<2 {
                #expect(texts.filter { $0.hasPrefix("\(index):") } == (0..<rounds).map { "\(index):\($0)" })
            }
        }
        stores.forEach { $0.close() }
        #expect(try StoreFile.check(self.test.path).problems == [])
    }

    /// Each store begins as soon as the other has let go of the lock, which is when the log has to be short again.
    @Test func theWriteAheadLogOfTwoBusyProcessesStaysShort() async throws {
        let line = try WaitingLine(lockFile: try StorePath(self.test.path).lock, writers: 2)
        let stores = try (0..<2).map { writer in
            try self.test.open { configuration in
                configuration.faults = CommitFaults { moment in
                    if moment == .beforeCommit { try line.hold(writer) }
                }
            }
        }
        defer { stores.forEach { $0.close() } }
        let text = String(repeating: "x", count: 1_000)
        await withTaskGroup(of: Void.self) { tasks in
            for (index, store) in stores.enumerated() {
                tasks.addTask {
                    await OwnThread.run {
                        do {
                            for _ in 0..<100 {
                                let batch = (0..<50).map { SQLiteTestStore.message(text, to: SQLiteTestStore.client("user\($0)")) }
                                _ = try store.commit(batch, now: SQLiteTestStore.start)
                            }
                        } catch {
                            Issue.record(error)
                        }
                        line.leave(index)
                    }
                }
            }
        }
        // It never gets shorter than it was at its longest, below 16 MiB.
        let size = try FileManager.default.attributesOfItem(atPath: self.test.path + "-wal")[.size] as? NSNumber
        let longest = try #require(size).intValue
        #expect(longest > 1_000 * 4_096)
        #expect(longest < 1_600 * 4_096, "\(longest) bytes")
        #expect(self.test.log.messages.filter { $0.contains("write-ahead log") } == [])
    }

    @Test func readsDoNotWaitForAWriter() throws {
        let store = try self.test.open()
        defer { store.close() }
        try store.send("1")
        let fence = try store.attach().fence
        let other = try WriteLock(path: try StorePath(self.test.path).lock)
        try other.hold(limit: .seconds(300)) { () throws(QueueStoreError) in
            #expect((try? store.texts(fence)) == ["1"])
        }
    }

    @Test func signalsThatWereLookedAtGoWithTheNextCommit() throws {
        let (storeA, storeB) = (try self.test.open(), try self.test.open())
        defer {
            storeA.close()
            storeB.close()
        }
        let (nodeA, nodeB) = (SQLiteTestStore.node("a"), SQLiteTestStore.node("b"))
        _ = try storeA.commit(SQLiteTestStore.heartbeat(nodeA))
        _ = try storeB.commit(SQLiteTestStore.heartbeat(nodeB))
        _ = try storeA.attach(SQLiteTestStore.hello(at: nodeA))
        func rows() throws -> Int? { try self.test.withDatabase { try Int.fetchOne($0, sql: "SELECT count(*) FROM signals") } }
        for _ in 0..<5 { try storeB.send("1") }
        #expect(try rows() == 5)
        let batch = try storeA.signals(for: nodeA, after: .zero)
        #expect(batch.signals == [Signal(client: SQLiteTestStore.phone, kind: .news)])
        _ = try storeA.signals(for: nodeA, after: batch.cursor)
        _ = try storeA.commit([], now: SQLiteTestStore.start)
        #expect(try rows() == 0)
    }

    @Test func aLookAtManySignalsGoesOnWhereItEnded() throws {
        let (storeA, storeB) = (try self.test.open(), try self.test.open())
        defer {
            storeA.close()
            storeB.close()
        }
        let (nodeA, nodeB) = (SQLiteTestStore.node("a"), SQLiteTestStore.node("b"))
        _ = try storeA.commit(SQLiteTestStore.heartbeat(nodeA))
        _ = try storeB.commit(SQLiteTestStore.heartbeat(nodeB))
        // Two commits raise fewer signals than one look takes in, together more; a third raises more at once.
        let clients = (0..<12_000).map { SQLiteTestStore.client("user\($0)") }
        let hellos = clients.map { StoreOperation.attach(SQLiteTestStore.hello($0, at: nodeA)) }
        _ = try storeA.commit(hellos, now: SQLiteTestStore.start)
        let send = clients.map { SQLiteTestStore.message("1", to: $0) }
        _ = try storeB.commit(send, now: SQLiteTestStore.start)
        _ = try storeB.commit(Array(send.reversed()), now: SQLiteTestStore.start)
        var found: Set<ClientID> = []
        var cursor = SignalCursor.zero
        var looks = 0
        while looks < 10 {
            let batch = try storeA.signals(for: nodeA, after: cursor)
            found.formUnion(batch.signals.map(\.client))
            looks += 1
            if batch.cursor == cursor { break }
            cursor = batch.cursor
        }
        #expect(found.count == clients.count)
        #expect(looks > 2)
    }
}
