import NIOCore
import NIOPosix
import Synchronization

/// What happened, in order, for one reader who waits for it for a bounded time.
final class Mailbox<Item: Sendable>: Sendable {
    private struct State {
        var items: [Item] = []
        var waiter: (id: UInt64, continuation: CheckedContinuation<Item?, Never>)?
        var lastWaiter: UInt64 = 0
        /// The newest waiter whose time was over, perhaps before it began to wait.
        var expired: UInt64 = 0
    }

    private let state = Mutex(State())

    init() {}

    func put(_ item: Item) {
        let waiter = self.state.withLock { state -> CheckedContinuation<Item?, Never>? in
            if let waiter = state.waiter.take() { return waiter.continuation }
            state.items.append(item)
            return nil
        }
        waiter?.resume(returning: item)
    }

    /// Puts an item back to the front.
    func putBack(_ item: Item) {
        self.state.withLock { $0.items.insert(item, at: 0) }
    }

    /// The oldest item, as soon as there is one; nil when there is none within this time.
    func next(within patience: Duration) async -> Item? {
        let id = self.state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        let deadline = MultiThreadedEventLoopGroup.singleton.next().scheduleTask(in: TimeAmount(patience)) {
            let waiter = self.state.withLock { state in
                state.expired = max(state.expired, id)
                return state.waiter?.id == id ? state.waiter.take() : nil
            }
            waiter?.continuation.resume(returning: nil)
        }
        defer { deadline.cancel() }
        return await withCheckedContinuation { continuation in
            let result = self.state.withLock { state -> Item?? in
                if !state.items.isEmpty { return state.items.removeFirst() }
                if state.expired >= id { return .some(nil) }
                state.waiter = (id, continuation)
                return nil
            }
            if let result { continuation.resume(returning: result) }
        }
    }
}
