import NIOCore
import NIOPosix
import Synchronization

/// What happened, in order, for one reader who waits for it.
final class Mailbox<Item: Sendable>: Sendable {
    /// Nothing came for so long that something must be wrong.
    struct Silence: Error {}

    /// How long that is: longer than any machine stands still.
    private static var patience: TimeAmount { .seconds(300) }

    private struct State {
        var items: [Item] = []
        var waiter: (id: UInt64, continuation: CheckedContinuation<Item?, Never>)?
        var lastWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    func put(_ item: Item) {
        let waiter = self.state.withLock { state -> CheckedContinuation<Item?, Never>? in
            if let waiter = state.waiter.take() { return waiter.continuation }
            state.items.append(item)
            return nil
        }
        waiter?.resume(returning: item)
    }

    /// Whether nothing waits to be read.
    var isEmpty: Bool { self.state.withLock { $0.items.isEmpty } }

    /// The oldest item, as soon as there is one.
    func next() async throws -> Item {
        if let item = self.state.withLock({ $0.items.isEmpty ? nil : $0.items.removeFirst() }) { return item }
        let id = self.state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        let guardian = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: Self.patience) {
            let waiter = self.state.withLock { $0.waiter?.id == id ? $0.waiter.take() : nil }
            waiter?.continuation.resume(returning: nil)
        }
        defer { guardian.cancel() }
        let item = await withCheckedContinuation { continuation in
            let item = self.state.withLock { state -> Item? in
                guard state.items.isEmpty else { return state.items.removeFirst() }
                state.waiter = (id, continuation)
                return nil
            }
            if let item { continuation.resume(returning: item) }
        }
        guard let item else { throw Silence() }
        return item
    }

    /// The next item of which this holds; those before it are dropped.
    @discardableResult
    func next(where isWanted: (Item) -> Bool) async throws -> Item {
        while true {
            let item = try await self.next()
            if isWanted(item) { return item }
        }
    }
}
