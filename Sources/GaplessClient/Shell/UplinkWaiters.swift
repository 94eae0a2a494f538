import GaplessCore
import NIOCore

/// Who waits for which uplink message to be handled by the server.
///
/// The server handles messages in order, so those that are not settled are a queue; only a refusal takes some out of its middle.
struct UplinkWaiters {
    private struct Entry {
        let ticket: UplinkTicket
        var waiters: [Waiter<Void>] = []
    }

    /// What became of the newest messages that left the outbox without being handled, for whoever asks later.
    private var discarded: [UplinkTicket: UplinkRefusal] = [:]
    /// The same messages, in the order in which they were discarded.
    private var discardedOrder = CircularBuffer<UplinkTicket>()
    /// The highest number of a message whose refusal is not known any more: of those up to it that are not listed, nothing can be said.
    private var forgottenThrough = UplinkTicket(0)
    private var entries = CircularBuffer<Entry>()
    /// Whoever waits for everything, with the newest message at that time.
    private var drains: [(through: UplinkTicket, waiter: Waiter<Void>)] = []

    /// How many refusals are kept for those who ask later; a server that changes its limits again and again makes more of them.
    static let maxDiscarded = 4_096

    /// The messages that a record brought along have the first tickets.
    init(restored: Int) {
        for number in 0..<restored { self.entries.append(Entry(ticket: UplinkTicket(UInt64(number) + 1))) }
    }

    /// How many messages wait for the server.
    var count: Int { self.entries.count }

    /// How many refusals are kept.
    var discardedCount: Int { self.discarded.count }

    /// How many wait for everything.
    var drainCount: Int { self.drains.count }

    /// A message was queued.
    mutating func queued(_ ticket: UplinkTicket) {
        self.entries.append(Entry(ticket: ticket))
    }

    /// Waits for a message, or answers at once.
    mutating func wait(for ticket: UplinkTicket, _ waiter: Waiter<Void>) {
        if let index = self.index(of: ticket) {
            self.entries[index].waiters.append(waiter)
        } else if let refusal = self.discarded[ticket] {
            waiter.continuation.resume(throwing: SendError(refusal))
        } else if ticket <= self.forgottenThrough {
            waiter.continuation.resume(throwing: SendError.forgotten)
        } else {
            waiter.continuation.resume()
        }
    }

    /// Waits until every message that is queued now is settled.
    mutating func waitForAll(_ waiter: Waiter<Void>) {
        guard let last = self.entries.last?.ticket else { return waiter.continuation.resume() }
        self.drains.append((last, waiter))
    }

    /// The server handled the messages.
    mutating func confirmed(_ tickets: [UplinkTicket]) {
        guard let last = tickets.last else { return }
        while let first = self.entries.first, first.ticket <= last {
            self.entries.removeFirst()
            for waiter in first.waiters { waiter.continuation.resume() }
        }
        self.resumeDrains()
    }

    /// The messages left the outbox without being handled.
    mutating func discarded(_ tickets: [UplinkTicket], _ refusal: UplinkRefusal) {
        for ticket in tickets {
            guard let index = self.index(of: ticket) else { continue }
            let entry = self.entries.remove(at: index)
            self.remember(ticket, refusal)
            for waiter in entry.waiters { waiter.continuation.resume(throwing: SendError(refusal)) }
        }
        self.resumeDrains()
    }

    private mutating func remember(_ ticket: UplinkTicket, _ refusal: UplinkRefusal) {
        self.discarded[ticket] = refusal
        self.discardedOrder.append(ticket)
        while self.discardedOrder.count > Self.maxDiscarded, let oldest = self.discardedOrder.popFirst() {
            self.discarded[oldest] = nil
            self.forgottenThrough = max(self.forgottenThrough, oldest)
        }
    }

    /// Somebody does not want to wait any more.
    mutating func cancel(_ id: WaiterID) {
        if let index = self.drains.firstIndex(where: { $0.waiter.id == id }) {
            return self.drains.remove(at: index).waiter.continuation.resume(throwing: CancellationError())
        }
        for index in self.entries.indices {
            guard let position = self.entries[index].waiters.firstIndex(where: { $0.id == id }) else { continue }
            return self.entries[index].waiters.remove(at: position).continuation.resume(throwing: CancellationError())
        }
    }

    /// Nothing will be confirmed any more.
    mutating func failAll(_ error: SendError) {
        for entry in self.entries {
            for waiter in entry.waiters { waiter.continuation.resume(throwing: error) }
        }
        self.entries.removeAll()
        for drain in self.drains { drain.waiter.continuation.resume(throwing: error) }
        self.drains.removeAll()
    }

    private mutating func resumeDrains() {
        let oldest = self.entries.first?.ticket
        self.drains.removeAll { drain in
            if let oldest, oldest <= drain.through { return false }
            drain.waiter.continuation.resume()
            return true
        }
    }

    private func index(of ticket: UplinkTicket) -> CircularBuffer<Entry>.Index? {
        // Tickets grow from entry to entry.
        var low = self.entries.startIndex
        var count = self.entries.count
        while count > 0 {
            let half = count / 2
            let middle = self.entries.index(low, offsetBy: half)
            if self.entries[middle].ticket < ticket {
                low = self.entries.index(after: middle)
                count -= half + 1
            } else {
                count = half
            }
        }
        return low < self.entries.endIndex && self.entries[low].ticket == ticket ? low : nil
    }
}

extension SendError {
    /// What a session's refusal is to the application.
    init(_ refusal: UplinkRefusal) {
        switch refusal {
        case .queueFull: self = .queueFull
        case .tooLarge(let limit): self = .tooLarge(limit: limit)
        case .sessionEnded: self = .ended
        }
    }
}
