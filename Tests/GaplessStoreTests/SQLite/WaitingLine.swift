import Foundation
import GaplessStore
import Synchronization

@testable import GaplessSQLite

/// Sees to it that writers compete: whoever has the write lock keeps it until another is next in line.
///
/// So it does not depend on the machine whether they meet, and the order in which they had the lock tells whether it is fair.
final class WaitingLine: Sendable {
    private struct State {
        var order: [Int] = []
        var busy: Set<Int>
    }

    /// The byte of the lock file that the next in line has.
    private static let next: Int64 = 1

    private let file: Int32
    private let state: Mutex<State>

    /// - Parameter writers: how many there are, named from 0.
    init(lockFile path: String, writers: Int) throws {
        self.file = open(path, O_RDWR | O_CREAT, 0o600)
        guard self.file >= 0 else { throw SystemCallError("open", errno) }
        self.state = Mutex(State(busy: Set(0..<writers)))
    }

    deinit {
        close(self.file)
    }

    /// The writers in the order in which they had the lock.
    var order: [Int] { self.state.withLock { $0.order } }

    /// Called by a writer that has the lock: notes that, and waits until another one is in line or no other is left.
    func hold(_ writer: Int) throws(QueueStoreError) {
        self.state.withLock { $0.order.append(writer) }
        let deadline = ContinuousClock.now + .seconds(60)
        while self.state.withLock({ $0.busy.count }) > 1 {
            guard ContinuousClock.now < deadline else { throw QueueStoreError(.unavailable, "Nobody got in line.") }
            do {
                if try FileLocks.isLockedElsewhere(self.file, byte: Self.next) { return }
            } catch {
                throw QueueStoreError(.unavailable, "The lock file cannot be asked.", cause: error)
            }
            sched_yield()
        }
    }

    /// The writer asks no more.
    func leave(_ writer: Int) {
        self.state.withLock { _ = $0.busy.remove(writer) }
    }
}

/// Work that blocks its thread, away from the threads that all tests share.
enum OwnThread {
    static func run(_ work: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { done in
            Thread.detachNewThread {
                work()
                done.resume()
            }
        }
    }
}
