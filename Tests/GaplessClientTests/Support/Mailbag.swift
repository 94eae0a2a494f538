import NIOCore
import NIOPosix
import Synchronization
import Testing

/// What one side hands over and the other waits for, in order, with a deadline that only a broken test reaches.
final class Mailbag<Item: Sendable>: Sendable {
    private struct State {
        var items: [Item] = []
        var waiter: CheckedContinuation<Item?, Never>?
        var waits = 0
    }

    private let state = Mutex(State())

    /// Adds an item.
    func put(_ item: Item) {
        let waiter = self.state.withLock { state -> CheckedContinuation<Item?, Never>? in
            if let waiter = state.waiter.take() { return waiter }
            state.items.append(item)
            return nil
        }
        waiter?.resume(returning: item)
    }

    /// The oldest item, as soon as there is one.
    func next(_ what: String, within limit: TimeAmount = .seconds(300)) async throws -> Item {
        let wait = self.state.withLock { state in
            state.waits += 1
            return state.waits
        }
        let deadline = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: limit) { self.giveUp(wait) }
        defer { deadline.cancel() }
        let item = await withCheckedContinuation { continuation in
            let item = self.state.withLock { state -> Item? in
                guard state.items.isEmpty else { return state.items.removeFirst() }
                state.waiter = continuation
                return nil
            }
            if let item { continuation.resume(returning: item) }
        }
        return try #require(item, "nothing came: \(what)")
    }

    /// Whether an item waits now.
    var isEmpty: Bool { self.state.withLock { $0.items.isEmpty } }

    private func giveUp(_ wait: Int) {
        let waiter = self.state.withLock { $0.waits == wait ? $0.waiter.take() : nil }
        waiter?.resume(returning: nil)
    }
}
