import GaplessCore
import Synchronization

/// What is under way to all clients of an event loop: the sum of what its connections reported.
///
/// Connections report differences, so that nobody ever walks all of them. It is written on the loop and read from any thread.
final class BacklogTotal: Sendable {
    private let unacknowledged = Atomic<Int>(0)
    private let waiting = Atomic<Int>(0)

    var value: SessionBacklog {
        SessionBacklog(unacknowledged: self.unacknowledged.load(ordering: .relaxed), waiting: self.waiting.load(ordering: .relaxed))
    }

    fileprivate func change(from old: SessionBacklog, to new: SessionBacklog) {
        self.unacknowledged.wrappingAdd(new.unacknowledged - old.unacknowledged, ordering: .relaxed)
        self.waiting.wrappingAdd(new.waiting - old.waiting, ordering: .relaxed)
    }
}

/// What one connection has in the total of its loop: what it reported last.
struct BacklogShare {
    private var reported = SessionBacklog()

    /// Replaces what the connection has in the total. One that has ended reports that it has nothing.
    mutating func report(_ backlog: SessionBacklog, to total: BacklogTotal) {
        guard backlog != self.reported else { return }
        total.change(from: self.reported, to: backlog)
        self.reported = backlog
    }
}
