import Synchronization

/// What other threads may know of a client at any time.
final class ClientStatus: Sendable {
    private struct Values {
        var state = GaplessClient.State.idle
        var hasRun = false
    }

    private let values = Mutex(Values())

    /// The newest state.
    var state: GaplessClient.State {
        get { self.values.withLock { $0.state } }
        set { self.values.withLock { $0.state = newValue } }
    }

    /// Whether nobody ran the client before; the caller does now.
    func beginRun() -> Bool {
        self.values.withLock { values in
            defer { values.hasRun = true }
            return !values.hasRun
        }
    }

    /// Whether the client was run.
    var hasRun: Bool { self.values.withLock { $0.hasRun } }
}
