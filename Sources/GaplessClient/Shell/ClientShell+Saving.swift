import GaplessCore
import GaplessWebSocket
import Logging
import NIOCore

// What the session wants to be durable, and who waits for it.
extension ClientShell {
    /// Saves under way.
    struct Saves {
        /// The newest change that was handed to the writer.
        var issued = SaveVersion(0)
        /// Everything through this is durable.
        var saved = SaveVersion(0)
        /// Whether something waits for the newest change.
        var isUrgent = false
        /// Whether there is a change that may wait for company.
        var isWanted = false
        var lazyTimer: LoopTimer?
        var waiters: CircularBuffer<(version: SaveVersion, resume: (SendError?) -> Void)> = []
    }

    /// How long a change waits for company when nothing waits for it.
    private static let laziness = TimeAmount.milliseconds(100)

    func save(_ change: ClientRecordChange, _ version: SaveVersion, _ urgency: SaveUrgency) {
        self.saves.issued = version
        self.surroundings.writer?.append(change, version)
        switch urgency {
        case .now: self.saves.isUrgent = true
        case .later: self.saves.isWanted = true
        }
    }

    func beginSaving() {
        if self.saves.isUrgent {
            self.saves.isUrgent = false
            self.saves.isWanted = false
            self.surroundings.writer?.save()
        } else if self.saves.isWanted, self.saves.lazyTimer == nil {
            self.saves.isWanted = false
            self.saves.lazyTimer = self.setTimer(in: Self.laziness) { shell in
                shell.saves.lazyTimer = nil
                shell.surroundings.writer?.save()
            }
        }
    }

    /// The writer made everything through the version durable, or cannot go on.
    func saved(_ result: Result<SaveVersion, StateFileError>) {
        guard !self.run.isFinished else { return }
        switch result {
        case .success(let version):
            self.saves.saved = version
            while let first = self.saves.waiters.first, first.version <= version {
                self.saves.waiters.removeFirst()
                first.resume(nil)
            }
            self.feed { $0.saved(version, &$1) }
            self.leaveIfHandled()
            self.settle()
        case .failure(let error):
            self.logger.error("Client cannot save its state", metadata: ["error": "\(error)"])
            self.abort(ClientError(.stateFile, "the state cannot be saved", cause: error))
        }
    }

    /// Calls back once everything that the session decided so far is durable; with an error when the client ends before.
    func whenSaved(_ body: @escaping (SendError?) -> Void) {
        guard self.surroundings.writer != nil, self.saves.saved < self.saves.issued else { return body(nil) }
        self.saves.waiters.append((self.saves.issued, body))
    }
}
