import Dispatch
import GaplessCore
import Synchronization

/// Saves a client's changes on a thread of its own, all that wait in one go: while one save is on its way to the disk, the next one gathers.
final class StateWriter: Sendable {
    private struct Mailbox {
        var batch = ClientRecordBatch()
        /// The newest change in the batch.
        var version = SaveVersion(0)
        /// Whether the thread works and will look again.
        var isBusy = false
        var isClosed = false
    }

    private let mailbox = Mutex(Mailbox())
    private let file: Mutex<StateFile?>
    private let queue = DispatchQueue(label: "gapless.client.state")
    private let report: @Sendable (Result<SaveVersion, StateFileError>) -> Void

    /// Takes the file over.
    ///
    /// - Parameter report: told which changes are durable, or that the file is of no more use; on the writer's thread.
    init(_ file: consuming sending StateFile, report: @escaping @Sendable (Result<SaveVersion, StateFileError>) -> Void) {
        self.file = Mutex(file)
        self.report = report
    }

    /// Adds a change behind the others; `save` makes it durable.
    func append(_ change: ClientRecordChange, _ version: SaveVersion) {
        self.mailbox.withLock { mailbox in
            mailbox.batch.append(change)
            mailbox.version = version
        }
    }

    /// Begins to save what was added, unless that goes on already.
    func save() {
        let begins = self.mailbox.withLock { mailbox in
            guard !mailbox.isBusy, !mailbox.isClosed, !mailbox.batch.isEmpty else { return false }
            mailbox.isBusy = true
            return true
        }
        if begins { self.queue.async { self.work() } }
    }

    /// Saves what is left, puts the file into its tidy form and closes it; another client may open it from then on.
    func finish() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            self.queue.async { continuation.resume(with: Result { try self.close() }) }
        }
    }

    /// Closes the file without more ado, when its client was never run.
    func abandon() {
        self.mailbox.withLock { $0.isClosed = true }
        self.file.withLock { $0 = nil }
    }

    private func work() {
        while let (batch, version) = self.takeBatch() {
            do {
                try self.write(batch)
                self.report(.success(version))
            } catch {
                self.mailbox.withLock { $0.isClosed = true }
                return self.report(.failure(error))
            }
        }
    }

    private func close() throws(StateFileError) {
        let batch = self.mailbox.withLock { mailbox -> ClientRecordBatch? in
            guard !mailbox.isClosed else { return nil }
            mailbox.isClosed = true
            return mailbox.batch
        }
        defer { self.file.withLock { $0 = nil } }
        guard let batch else { return }
        if !batch.isEmpty { try self.write(batch) }
        try self.file.withLock { file throws(StateFileError) in try file?.compact() }
    }

    private func write(_ batch: ClientRecordBatch) throws(StateFileError) {
        try self.file.withLock { file throws(StateFileError) in try file?.save(batch) }
    }

    private func takeBatch() -> (ClientRecordBatch, SaveVersion)? {
        self.mailbox.withLock { mailbox in
            guard !mailbox.batch.isEmpty, !mailbox.isClosed else {
                mailbox.isBusy = false
                return nil
            }
            let taken = (mailbox.batch, mailbox.version)
            mailbox.batch = ClientRecordBatch()
            return taken
        }
    }
}
