import Synchronization

/// Somebody who waits for the event loop; resumed exactly once.
struct Waiter<Value: Sendable>: Sendable {
    /// Tells waiters apart, for those who give up.
    let id: WaiterID
    let continuation: CheckedContinuation<Value, any Error>
}

/// Names one wait.
final class WaiterID: Sendable, Hashable {
    /// Whether whoever waits gave up, perhaps before the event loop heard of the wait.
    private let cancellation = Atomic(false)

    var isCancelled: Bool { self.cancellation.load(ordering: .acquiring) }

    func cancel() {
        self.cancellation.store(true, ordering: .releasing)
    }

    static func == (left: WaiterID, right: WaiterID) -> Bool { left === right }

    func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(self))
    }
}
