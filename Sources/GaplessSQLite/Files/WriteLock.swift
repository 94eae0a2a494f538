import Dispatch
import GaplessStore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The right to write to the database, handed between processes in the order in which they asked.
///
/// SQLite's own waiting sleeps ever longer and starves whoever is unlucky. Here a process waits for byte 1 ("next") of a file beside the
/// database, then for byte 0 ("owner"), then lets go of byte 1: one process is next in line, and who has just written goes to the end.
/// The kernel frees the bytes of a process that dies.
///
/// The kernel offers no waiting with a limit. So when the lock is taken, a queue of this object waits in the kernel and the caller waits
/// for that queue, with a limit. What the queue obtains after its caller gave up goes to the next caller, or back.
///
/// One caller at a time: whoever owns the object sees to that.
final class WriteLock: Sendable {
    private static let owner: Int64 = 0
    private static let next: Int64 = 1
    private static let users: Int64 = 2

    private enum State {
        /// Nobody of this object has the lock or waits for it. Next: held, waiting, closed.
        case free
        /// The queue waits in the kernel, for a caller or, without one, for nobody. Next: held, free, failed, closing.
        case waiting(caller: DispatchSemaphore?)
        /// The caller has it. Next: free, closed.
        case held
        /// The queue could not get it, and its caller has not yet heard. Next: free.
        case failed(SystemCallError)
        /// Closed while the queue waits. Next: closed, when that is through.
        case closing
        /// The file is closed.
        case closed
    }

    /// What is still to be taken when the quick attempt did not succeed.
    private enum Missing {
        case both
        case owner
    }

    private let file: Int32
    private let tryLock: TryLock
    private let state = Mutex(State.free)
    private let kernelWaits = DispatchQueue(label: "gapless.sqlite.write-lock")

    /// Takes a byte of a file if nobody has it, as `FileLocks.tryLock` does.
    typealias TryLock = @Sendable (_ file: Int32, _ byte: Int64) throws(SystemCallError) -> Bool

    /// Opens the file beside the database, or makes it.
    ///
    /// - Parameter tryLock: how a byte is taken; for tests of what the system refuses.
    init(path: String, tryLock: @escaping TryLock = { (file, byte) throws(SystemCallError) in try FileLocks.tryLock(file, byte: byte) })
        throws(QueueStoreError)
    {
        self.tryLock = tryLock
        self.file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard self.file >= 0 else {
            throw QueueStoreError(.misconfigured, "The lock file \(path) cannot be opened.", cause: SystemCallError("open", errno))
        }
    }

    deinit {
        self.close()
    }

    /// Runs the work while no other object on this file does.
    ///
    /// - Parameter limit: the longest wait; after it `.unavailable`, and the work did not run.
    func hold<Result>(limit: Duration, _ work: () throws(QueueStoreError) -> Result) throws(QueueStoreError) -> Result {
        try self.acquire(limit: limit)
        defer { self.release() }
        return try work()
    }

    /// Tells others, for as long as the file is open, that somebody works with the database.
    func announce() throws(QueueStoreError) {
        do {
            try FileLocks.lockShared(self.file, byte: Self.users)
        } catch {
            throw QueueStoreError(.unavailable, "The lock file cannot be locked.", cause: error)
        }
    }

    /// Whether another object, of this process or another, has announced itself.
    func isAnnouncedElsewhere() throws(QueueStoreError) -> Bool {
        do {
            return try FileLocks.isLockedElsewhere(self.file, byte: Self.users)
        } catch {
            throw QueueStoreError(.unavailable, "The lock file cannot be asked.", cause: error)
        }
    }

    /// Closes the file. Not to be called while the lock is held.
    func close() {
        let isIdle = self.state.withLock { state in
            switch state {
            case .free, .failed, .held:
                state = .closed
                return true
            case .waiting:
                state = .closing  // Closing a file on which a thread waits would let that thread lock a stranger's file.
                return false
            case .closing, .closed:
                return false
            }
        }
        if isIdle { self.closeFile() }
    }

    private func acquire(limit: Duration) throws(QueueStoreError) {
        let caller: DispatchSemaphore?
        do {
            caller = try self.begin()
        } catch {
            throw QueueStoreError(.unavailable, "The write lock cannot be taken.", cause: error)
        }
        guard let caller else { return }
        let deadline = DispatchTime.now() + .nanoseconds(Int(limit / .nanoseconds(1)))
        if caller.wait(timeout: deadline) == .timedOut, !self.giveUp() {
            throw QueueStoreError(
                .unavailable,
                "Another process has held the write lock for \(limit): it is stopped, or its disk is."
            )
        }
        try self.takeGrant()
    }

    /// Takes the lock at once if it is free, else starts to wait.
    ///
    /// - Returns: what tells that the lock was obtained; nil when it was at once.
    private func begin() throws -> DispatchSemaphore? {
        try self.state.withLock { state in
            switch state {
            case .free:
                guard let missing = try self.takeIfFree() else {
                    state = .held
                    return nil
                }
                let caller = DispatchSemaphore(value: 0)
                state = .waiting(caller: caller)
                self.kernelWaits.async { self.waitInKernel(for: missing) }
                return caller
            case .waiting(caller: nil):
                let caller = DispatchSemaphore(value: 0)
                state = .waiting(caller: caller)
                return caller
            case .waiting, .held, .failed:
                preconditionFailure("one caller at a time waits for the write lock")
            case .closing, .closed:
                throw QueueStoreError(.closed, "The store is closed.")
            }
        }
    }

    /// Takes what can be had without waiting; what it throws leaves nothing taken.
    ///
    /// - Returns: what has to be waited for; nil when the lock was obtained.
    private func takeIfFree() throws(SystemCallError) -> Missing? {
        do {
            guard try self.tryLock(self.file, Self.next) else { return .both }
            guard try self.tryLock(self.file, Self.owner) else { return .owner }
            try FileLocks.unlock(self.file, byte: Self.next)
            return nil
        } catch {
            self.unlockAll()
            throw error
        }
    }

    private func waitInKernel(for missing: Missing) {
        let result: Result<Void, SystemCallError> = Result { () throws(SystemCallError) in
            if case .both = missing { try FileLocks.lock(self.file, byte: Self.next) }
            try FileLocks.lock(self.file, byte: Self.owner)
            try FileLocks.unlock(self.file, byte: Self.next)
        }
        let isClosing = self.state.withLock { state in
            switch state {
            case .waiting(caller: let caller?):
                switch result {
                case .success: state = .held
                case .failure(let error): state = .failed(error)
                }
                caller.signal()
                return false
            case .waiting(caller: nil):
                self.unlockAll()
                state = .free
                return false
            case .closing:
                state = .closed
                return true
            case .free, .held, .failed, .closed:
                preconditionFailure("nobody but the queue ends its waiting")
            }
        }
        if isClosing { self.closeFile() }
    }

    /// The caller's patience is over. Whether it was granted at the last moment.
    private func giveUp() -> Bool {
        self.state.withLock { state in
            switch state {
            case .waiting:
                state = .waiting(caller: nil)
                return false
            case .free, .held, .failed, .closing, .closed:
                return true
            }
        }
    }

    private func takeGrant() throws(QueueStoreError) {
        let error: SystemCallError? = self.state.withLock { state in
            guard case .failed(let error) = state else { return nil }
            self.unlockAll()
            state = .free
            return error
        }
        if let error { throw QueueStoreError(.unavailable, "The write lock cannot be taken.", cause: error) }
    }

    private func release() {
        self.state.withLock { state in
            switch state {
            case .held:
                self.unlockAll()
                state = .free
            case .free, .waiting, .failed, .closing, .closed:
                return
            }
        }
    }

    /// Lets go of both bytes. It cannot fail on a file that is open; if it did, the lock would be refused from then on, never doubled.
    private func unlockAll() {
        try? FileLocks.unlock(self.file, byte: Self.owner)
        try? FileLocks.unlock(self.file, byte: Self.next)
    }

    private func closeFile() {
        // A process that is being started holds the open file for a moment too; the lock must not wait for that.
        try? FileLocks.unlock(self.file, byte: Self.users)
        #if canImport(Glibc)
        _ = Glibc.close(self.file)
        #else
        _ = Darwin.close(self.file)
        #endif
    }
}
