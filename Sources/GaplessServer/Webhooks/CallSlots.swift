import Synchronization

/// Lets so many callers go on at once; the others wait, first come, first served.
final class CallSlots: Sendable {
    private typealias Waiter = CheckedContinuation<Bool, Never>

    private struct State {
        var free: Int
        var waiting: [UInt64: Waiter] = [:]
        /// No waiter before this one is left.
        var first: UInt64 = 0
        var next: UInt64 = 0

        /// A place in the row.
        mutating func makeTicket() -> UInt64 {
            defer { self.next += 1 }
            return self.next
        }

        /// Waits in the row. Another one may have taken a later place and be served already.
        mutating func wait(_ ticket: UInt64, _ waiter: Waiter) {
            self.waiting[ticket] = waiter
            self.first = min(self.first, ticket)
        }

        /// The one who waits longest; nil when nobody does, and then a slot is free.
        mutating func giveBack() -> Waiter? {
            if self.waiting.isEmpty { self.first = self.next }
            while self.first < self.next {
                defer { self.first += 1 }
                if let waiter = self.waiting.removeValue(forKey: self.first) { return waiter }
            }
            self.free += 1
            return nil
        }
    }

    private let state: Mutex<State>

    /// - Precondition: there is at least one slot.
    init(_ count: Int) {
        precondition(count >= 1, "there is at least one slot")
        self.state = Mutex(State(free: count))
    }

    /// How many wait for a slot.
    var waiting: Int { self.state.withLock { $0.waiting.count } }

    /// Runs the body with a slot of its own.
    ///
    /// - Throws: `CancellationError` when the task is cancelled before there is one.
    func with<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await self.take()
        defer { self.state.withLock { $0.giveBack() }?.resume(returning: true) }
        return try await body()
    }

    private func take() async throws(CancellationError) {
        let ticket = self.state.withLock { $0.makeTicket() }
        let isMine = await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: Waiter) in
                let answer: Bool? = self.state.withLock { state in
                    // The cancellation handler may have run before there was anybody to tell.
                    if Task.isCancelled { return false }
                    guard state.free == 0 else {
                        state.free -= 1
                        return true
                    }
                    state.wait(ticket, waiter)
                    return nil
                }
                if let answer { waiter.resume(returning: answer) }
            }
        } onCancel: {
            self.state.withLock { $0.waiting.removeValue(forKey: ticket) }?.resume(returning: false)
        }
        guard isMine else { throw CancellationError() }
    }
}
