import Foundation
import GRDB
import GaplessCore
import GaplessStore
import Testing

@testable import GaplessSQLite

/// What happens when a database goes back in time.
@Suite struct SQLiteHistoryTests {
    private let test = SQLiteTestStore()

    private static let backInTime = "warning: The store went back in time and begins a new life"

    @Test func aCopyThatIsPutBackBeginsANewLife() throws {
        var store = try self.test.open()
        let first = try store.attach()
        try store.send("1", "2", "3")
        store.close()
        let copy = try self.test.copyDatabase()

        store = try self.test.open()
        let old = try store.incarnation
        try store.send("4", "5")
        store.close()
        try self.test.restoreDatabase(copy)

        store = try self.test.open()
        defer { store.close() }
        #expect(try store.incarnation != old)
        #expect(self.test.log.messages.filter { $0 == Self.backInTime }.count == 1)
        let position = Position(epoch: first.fence.epoch.token, handled: SequenceNumber(5))
        let again = try store.attach(SQLiteTestStore.hello(attempt: 2, position: position, held: first.fence.generation))
        #expect(again.resume == .reset(.rollback))
        #expect(try store.texts(after: again.after, again.fence) == ["1", "2", "3"])
    }

    @Test func aCopyIsKnownEvenWhenNumbersWereUsedAgainBeforeTheClientCameBack() throws {
        var store = try self.test.open()
        let first = try store.attach()
        try store.send("1", "2", "3")
        store.close()
        let copy = try self.test.copyDatabase()

        store = try self.test.open()
        try store.send("4", "5")
        store.close()
        try self.test.restoreDatabase(copy)

        store = try self.test.open()
        defer { store.close() }
        let later = SQLiteTestStore.start + .seconds(60)
        try store.send("4 again", "5 again", "6", now: later)
        let position = Position(epoch: first.fence.epoch.token, handled: SequenceNumber(5))
        let again = try store.attach(SQLiteTestStore.hello(attempt: 2, position: position), now: later)
        #expect(again.resume == .reset(.rollback))
        #expect(try store.texts(after: again.after, again.fence, now: later) == ["1", "2", "3", "4 again", "5 again", "6"])
    }

    @Test func withoutTheProgressFileTheTimeOfTheLastMessageTells() throws {
        var store = try self.test.open()
        let first = try store.attach()
        try store.send("1", "2", "3")
        store.close()
        let copy = try self.test.copyDatabase()

        store = try self.test.open()
        let old = try store.incarnation
        try store.send("4", "5", now: SQLiteTestStore.start + .seconds(1))
        store.close()
        try self.test.restoreDatabase(copy)
        try FileManager.default.removeItem(atPath: self.test.path + "-progress")

        store = try self.test.open()
        defer { store.close() }
        #expect(try store.incarnation == old)
        #expect(self.test.log.messages == ["warning: The progress file was missing or damaged, and was made anew"])
        let later = SQLiteTestStore.start + .seconds(60)
        try store.send("4 again", "5 again", "6", now: later)
        let last = LastMessage(sequence: SequenceNumber(5), time: SQLiteTestStore.start + .seconds(1))
        let position = Position(epoch: first.fence.epoch.token, handled: SequenceNumber(5), last: last)
        let again = try store.attach(SQLiteTestStore.hello(attempt: 2, position: position), now: later)
        #expect(again.resume == .reset(.rollback))
        #expect(again.fence.epoch != first.fence.epoch)
        #expect(try store.texts(after: again.after, again.fence, now: later) == ["1", "2", "3", "4 again", "5 again", "6"])
    }

    @Test func aStoreThatWasKilledIsNotBackInTime() throws {
        // An object that is never closed stands for a process that was killed; the file is read by another.
        let killed = try self.test.open()
        try killed.send("1", "2")
        let incarnation = try killed.incarnation
        let store = try self.test.open()
        defer { store.close() }
        #expect(try store.incarnation == incarnation)
        #expect(self.test.log.messages.isEmpty)
        #expect(try store.snapshot(of: SQLiteTestStore.phone, now: SQLiteTestStore.start)?.messages == 2)
        killed.close()
    }

    @Test func aStoreThatLostTheEndOfItsLogBeginsANewLife() throws {
        // An object that is never closed stands for a process that was killed; its files are looked at elsewhere.
        let killed = try self.test.open()
        defer { killed.close() }
        try killed.send("1")
        let log = try Data(contentsOf: URL(fileURLWithPath: self.test.path + "-wal"))
        try killed.send("2")
        let incarnation = try killed.incarnation
        let cut = SQLiteTestStore()
        for ending in ["", "-progress"] {
            try FileManager.default.copyItem(atPath: self.test.path + ending, toPath: cut.path + ending)
        }
        try log.write(to: URL(fileURLWithPath: cut.path + "-wal"))
        #expect(try !StoreFile.check(cut.path).isSound)
        let store = try cut.open()
        defer { store.close() }
        #expect(try store.incarnation != incarnation)
        #expect(cut.log.messages == [Self.backInTime])
        #expect(try store.snapshot(of: SQLiteTestStore.phone, now: SQLiteTestStore.start)?.head == SequenceNumber(1))
    }

    @Test func commitsOfTwoProcessesAreNotedInWhateverFileIsThere() throws {
        let stores = [try self.test.open(), try self.test.open()]
        defer { stores.forEach { $0.close() } }
        let file = ProgressFile(try StorePath(self.test.path))
        for turn in 0..<6 {
            if turn == 4 { try FileManager.default.removeItem(atPath: self.test.path + "-progress") }
            let number = try stores[turn % 2].commit([], now: SQLiteTestStore.start).number
            guard case .progress(let progress) = file.read() else {
                Issue.record("there is a progress file")
                return
            }
            #expect(progress.number == number)
        }
        #expect(self.test.log.messages.isEmpty)
    }

    @Test func commitNumbersNeverGoBackSoThatNoSignalIsMissed() throws {
        var store = try self.test.open()
        store.close()
        let copy = try self.test.copyDatabase()
        store = try self.test.open()
        try store.send("1", "2", "3", "4")
        let number = try store.commit([], now: SQLiteTestStore.start).number
        store.close()
        try self.test.restoreDatabase(copy)
        store = try self.test.open()
        defer { store.close() }
        #expect(try store.commit([], now: SQLiteTestStore.start).number > number)
    }

    @Test(arguments: ["", "nonsense", "gapless-progress 1\n00"])
    func aDamagedProgressFileIsMadeAnewWithAWarning(_ content: String) throws {
        try self.test.open().close()
        try self.test.folder.write(content.utf8, to: "gapless.db-progress")
        try self.test.open().close()
        #expect(self.test.log.messages == ["warning: The progress file was missing or damaged, and was made anew"])
        guard case .progress = ProgressFile(try StorePath(self.test.path)).read() else {
            Issue.record("it was made anew")
            return
        }
    }

    @Test func anotherStoreInTheSamePlaceBeginsANewLife() throws {
        let other = SQLiteTestStore()
        let theirs = try other.open()
        let incarnation = try theirs.incarnation
        theirs.close()
        try self.test.open().close()
        try self.test.restoreDatabase(try other.copyDatabase())
        let store = try self.test.open()
        defer { store.close() }
        #expect(try store.incarnation != incarnation)
        #expect(self.test.log.messages == ["warning: Another store stands where there was one before; it begins a new life"])
    }

    @Test func progressIsWrittenWhileThereAreCommits() throws {
        let store = try self.test.open { $0.progressInterval = .zero }
        defer { store.close() }
        try store.send("1", "2")
        let number = try store.commit([], now: SQLiteTestStore.start).number
        guard case .progress(let progress) = ProgressFile(try StorePath(self.test.path)).read() else {
            Issue.record("there is a progress file")
            return
        }
        #expect(progress.number == number)
    }

    @Test func aFileThatIsPutInTheOpenOnesPlaceIsNoticed() throws {
        var store = try self.test.open()
        try store.send("1")
        store.close()
        let copy = try self.test.copyDatabase()
        store = try self.test.open { $0.identityInterval = .zero }
        defer { store.close() }
        let old = try store.incarnation
        try store.send("2", "3")
        try self.test.restoreDatabase(copy)
        try store.send("2 again")
        #expect(try store.incarnation != old)
        let fence = try store.attach().fence
        #expect(try store.texts(fence) == ["1", "2 again"])
        #expect(self.test.log.messages.contains("warning: Another database was put in the place of the open one"))
        #expect(self.test.log.messages.contains(Self.backInTime))
    }

    @Test func aFileThatIsRemovedIsMissedAndNotMadeAnew() throws {
        let store = try self.test.open { $0.identityInterval = .zero }
        defer { store.close() }
        try FileManager.default.removeItem(atPath: self.test.path)
        for _ in 0..<2 {
            let error = #expect(throws: QueueStoreError.self) { try store.send("1") }
            #expect(error?.code == .unavailable)
        }
        #expect(!FileManager.default.fileExists(atPath: self.test.path))
    }
}
