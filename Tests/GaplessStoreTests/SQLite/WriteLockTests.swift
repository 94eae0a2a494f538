import Foundation
import GaplessStore
import Synchronization
import Testing

@testable import GaplessSQLite

@Suite struct WriteLockTests {
    private let folder = TemporaryFolder()

    private func lock() throws -> WriteLock {
        try WriteLock(path: self.folder.file("lock"))
    }

    @Test func anOpenFileDescriptionExcludesAnotherOfTheSameProcess() throws {
        let path = self.folder.file("lock")
        let first = open(path, O_RDWR | O_CREAT, 0o600)
        let second = open(path, O_RDWR)
        defer {
            close(first)
            close(second)
        }
        #expect(try FileLocks.tryLock(first, byte: 0))
        #expect(try !FileLocks.tryLock(second, byte: 0))
        #expect(try FileLocks.tryLock(second, byte: 1))
        #expect(try FileLocks.isLockedElsewhere(second, byte: 0))
        try FileLocks.unlock(first, byte: 0)
        #expect(try FileLocks.tryLock(second, byte: 0))
    }

    @Test func whoWaitsTooLongIsToldSoAndDidNothing() throws {
        let owner = try self.lock()
        let waiter = try self.lock()
        try owner.hold(limit: .seconds(300)) { () throws(QueueStoreError) in
            let error = #expect(throws: QueueStoreError.self) {
                try waiter.hold(limit: .milliseconds(20)) { () throws(QueueStoreError) in Issue.record("it ran") }
            }
            #expect(error?.code == .unavailable)
        }
        // What the kernel granted to the one who gave up is not lost, for himself and for others.
        var runs = 0
        for lock in [waiter, owner, waiter, owner] {
            try lock.hold(limit: .seconds(300)) { () throws(QueueStoreError) in runs += 1 }
        }
        #expect(runs == 4)
    }

    @Test func theLockIsFreeAgainWhenTheWorkFails() throws {
        let lock = try self.lock()
        #expect(throws: QueueStoreError.self) {
            try lock.hold(limit: .seconds(300)) { () throws(QueueStoreError) in throw QueueStoreError(.full, "no room") }
        }
        let other = try self.lock()
        #expect(try other.hold(limit: .seconds(300)) { () throws(QueueStoreError) in true })
    }

    @Test func aLockThatIsRefusedHalfwayLeavesNothingTaken() throws {
        let path = self.folder.file("lock")
        let lock = try WriteLock(path: path) { (file, byte) throws(SystemCallError) in
            guard byte != 0 else { throw SystemCallError("fcntl", ENOLCK) }
            return try FileLocks.tryLock(file, byte: byte)
        }
        let error = #expect(throws: QueueStoreError.self) {
            try lock.hold(limit: .seconds(300)) { () throws(QueueStoreError) in Issue.record("it ran") }
        }
        #expect(error?.code == .unavailable)
        let other = open(path, O_RDWR)
        defer { close(other) }
        #expect(try FileLocks.tryLock(other, byte: 1))
    }

    @Test func closingWhileWaitingFreesTheFileWhenTheKernelIsThrough() throws {
        let owner = try self.lock()
        try owner.hold(limit: .seconds(300)) { () throws(QueueStoreError) in
            let waiter = try self.lockOrFail()
            _ = try? waiter.hold(limit: .milliseconds(5)) { () throws(QueueStoreError) in }
            waiter.close()
            #expect(throws: QueueStoreError.self) { try waiter.hold(limit: .milliseconds(5)) { () throws(QueueStoreError) in } }
        }
        let next = try self.lock()
        #expect(try next.hold(limit: .seconds(300)) { () throws(QueueStoreError) in true })
    }

    private func lockOrFail() throws(QueueStoreError) -> WriteLock {
        try WriteLock(path: self.folder.file("lock"))
    }

    /// Two objects that ask again as soon as they have let go take turns, one by one: who is next in line is the next to have it.
    @Test func twoWritersTakeTurns() async throws {
        let rounds = 300
        let line = try WaitingLine(lockFile: self.folder.file("lock"), writers: 2)
        await withTaskGroup(of: Void.self) { tasks in
            for writer in 0..<2 {
                tasks.addTask {
                    await OwnThread.run {
                        do {
                            let lock = try self.lock()
                            for _ in 0..<rounds {
                                try lock.hold(limit: .seconds(300)) { () throws(QueueStoreError) in try line.hold(writer) }
                            }
                        } catch {
                            Issue.record(error)
                        }
                        line.leave(writer)
                    }
                }
            }
        }
        #expect(line.order.count == 2 * rounds)
        #expect(zip(line.order, line.order.dropFirst()).allSatisfy { $0 != $1 }, "\(line.order)")
    }
}
