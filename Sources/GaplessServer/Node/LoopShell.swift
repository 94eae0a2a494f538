import GaplessCore
import GaplessStore
import NIOCore
import Synchronization

/// The connections of one event loop, and their mailbox: whatever other threads have for them comes in batches, with one turn of the loop and
/// one flush a connection for each.
final class LoopShell: Sendable {
    /// Something for a connection, from another thread.
    struct Letter: Sendable {
        let connection: ServedConnectionID
        let mail: Mail

        init(_ mail: Mail, to connection: ServedConnectionID) {
            self.connection = connection
            self.mail = mail
        }
    }

    enum Mail: Sendable {
        case notice(SessionNotice)
        case loaded(ReadReceipt)
        case authenticated(AuthenticationOutcome)
    }

    private typealias Connections = NIOLoopBoundBox<[ServedConnectionID: ConnectionShell]>

    /// The loop's place among the node's loops, from 0.
    let index: Int
    let eventLoop: any EventLoop
    private let connections: Connections
    /// Whether a probe waits for its turn.
    private let isProbed = Atomic(false)
    private let mailbox: LoopMailbox<Letter>
    /// What is under way to the clients of the loop.
    let backlog = BacklogTotal()

    init(index: Int, eventLoop: any EventLoop) {
        let connections = Connections.makeBoxSendingValue([:], eventLoop: eventLoop)
        self.index = index
        self.eventLoop = eventLoop
        self.connections = connections
        self.mailbox = LoopMailbox(eventLoop) { Self.deliver($0, to: connections) }
    }

    /// Brings letters to their connections, in order, from any thread. What is for a connection that is gone is dropped.
    func post(_ letters: [Letter]) {
        self.mailbox.post(letters)
    }

    /// Measures how long a task waits for its turn, from any thread. One at a time: a loop that hangs is measured when it goes on.
    func probe(_ clock: GatewayClock, _ metrics: ServerMetrics) {
        guard !self.isProbed.exchange(true, ordering: .relaxed) else { return }
        let asked = clock.monotonic()
        self.eventLoop.execute {
            metrics.looped(after: clock.monotonic() - asked)
            self.isProbed.store(false, ordering: .relaxed)
        }
    }

    private static func deliver(_ letters: [Letter], to connections: Connections) {
        let shells = connections.value
        var touched: [ConnectionShell] = []
        for letter in letters {
            guard let shell = shells[letter.connection] else { continue }
            if shell.take(letter.mail) { touched.append(shell) }
        }
        for shell in touched { shell.batchEnded() }
    }

    // MARK: On the loop

    func add(_ shell: ConnectionShell, as id: ServedConnectionID) {
        self.connections.value[id] = shell
    }

    func remove(_ id: ServedConnectionID) {
        self.connections.value[id] = nil
    }
}
