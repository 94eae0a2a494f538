import Dispatch
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
        try owner.hold(limit: .seconds(1)) { () throws(QueueStoreError) in
            let error = #expect(throws: QueueStoreError.self) {
                try waiter.hold(limit: .milliseconds(20)) { () throws(QueueStoreError) in Issue.record("it ran") }
            }
            #expect(error?.code == .unavailable)
        }
        // What the kernel granted to the one who gave up is not lost, for himself and for others.
        var runs = 0
        for lock in [waiter, owner, waiter, owner] {
            try lock.hold(limit: .seconds(10)) { () throws(QueueStoreError) in runs += 1 }
        }
        #expect(runs == 4)
    }

    @Test func theLockIsFreeAgainWhenTheWorkFails() throws {
        let lock = try self.lock()
        #expect(throws: QueueStoreError.self) {
            try lock.hold(limit: .seconds(1)) { () throws(QueueStoreError) in throw QueueStoreError(.full, "no room") }
        }
        let other = try self.lock()
        #expect(try other.hold(limit: .seconds(1)) { () throws(QueueStoreError) in true })
    }

    @Test func closingWhileWaitingFreesTheFileWhenTheKernelIsThrough() throws {
        let owner = try self.lock()
        try owner.hold(limit: .seconds(1)) { () throws(QueueStoreError) in
            let waiter = try self.lockOrFail()
            _ = try? waiter.hold(limit: .milliseconds(5)) { () throws(QueueStoreError) in }
            waiter.close()
            #expect(throws: QueueStoreError.self) { try waiter.hold(limit: .milliseconds(5)) { () throws(QueueStoreError) in } }
        }
        let next = try self.lock()
        #expect(try next.hold(limit: .seconds(10)) { () throws(QueueStoreError) in true })
    }

    private func lockOrFail() throws(QueueStoreError) -> WriteLock {
        try WriteLock(path: self.folder.file("lock"))
    }

    /// Two objects that never pause take turns: neither gets far ahead while the other waits.
    @Test func twoWritersTakeTurns() async throws {
        let rounds = 2_000
        let turns = Mutex<[Int]>([])
        let ready = DispatchSemaphore(value: 0)
        let start = DispatchSemaphore(value: 0)
        let finished = DispatchGroup()
        for writer in 0..<2 {
            let lock = try self.lock()
            finished.enter()
            Thread.detachNewThread {
                ready.signal()
                start.wait()
                for _ in 0..<rounds {
                    do {
                        try lock.hold(limit: .seconds(60)) { () throws(QueueStoreError) in
                            turns.withLock { $0.append(writer) }
                            for _ in 0..<50 { sched_yield() }
                        }
                    } catch {
                        Issue.record(error)
                    }
                }
                finished.leave()
            }
        }
        for _ in 0..<2 { ready.wait() }
        for _ in 0..<2 { start.signal() }
        await withCheckedContinuation { done in finished.notify(queue: .global()) { done.resume() } }
        let order = turns.withLock { $0 }
        #expect(order.count == 2 * rounds)
        // While both still had something to do, the longest run of one writer stays short.
        let end = min(order.lastIndex(of: 0) ?? 0, order.lastIndex(of: 1) ?? 0)
        let begin = max(order.firstIndex(of: 0) ?? 0, order.firstIndex(of: 1) ?? 0)
        var longest = 0
        var run = 0
        for index in begin..<max(begin, end) {
            run = index > begin && order[index] == order[index - 1] ? run + 1 : 1
            longest = max(longest, run)
        }
        #expect(longest < rounds / 2, "one writer had \(longest) turns in a row of \(rounds)")
    }
}
