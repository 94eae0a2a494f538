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
    /// When the probe that waits for its turn was sent, in nanoseconds; `noProbe` when none does.
    private let probed = Atomic(LoopShell.noProbe)
    /// The longest that a probe waited since that was last asked, in nanoseconds.
    private let longest = Atomic<Int64>(0)
    private static let noProbe = Int64.min
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
        guard self.probed.load(ordering: .relaxed) == Self.noProbe else { return }
        let asked = clock.monotonic()
        let (isFirst, _) = self.probed.compareExchange(expected: Self.noProbe, desired: asked.nanoseconds, ordering: .relaxed)
        guard isFirst else { return }
        self.eventLoop.execute {
            let lag = clock.monotonic() - asked
            metrics.looped(after: lag)
            self.longest.max(lag.nanoseconds, ordering: .relaxed)
            self.probed.store(Self.noProbe, ordering: .relaxed)
        }
    }

    /// The longest that a probe waited since this was last asked; one that waits still counts with what it has waited.
    func takeLag(now: Instant) -> Duration {
        max(.nanoseconds(self.longest.exchange(0, ordering: .relaxed)), self.silence(now: now))
    }

    /// How long a probe has waited for its turn by now; zero when none waits.
    func silence(now: Instant) -> Duration {
        let asked = self.probed.load(ordering: .relaxed)
        return asked == Self.noProbe ? .zero : max(.zero, now - Instant(nanoseconds: asked))
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
