/// Bounds what all clients together have waiting for their handlers: above it, those who send are not read from.
package struct UplinkBudget: Hashable, Sendable {
    private let limit: Int
    /// Whom the node stopped reading from, in that order.
    private var paused: [ConnectionAddress] = []

    /// - Precondition: the limit is at least 1 byte.
    package init(limit: Int) {
        precondition(limit >= 1, "a budget is never nothing")
        self.limit = limit
    }

    /// A connection sent something; returns whether to stop reading from it.
    package mutating func mustPause(_ address: ConnectionAddress, bytes: Int) -> Bool {
        guard bytes > self.limit, !self.paused.contains(address) else { return false }
        self.paused.append(address)
        return true
    }

    /// Something was handled; returns whom to read from again, once half of the budget is free.
    package mutating func resumed(bytes: Int) -> [ConnectionAddress] {
        guard !self.paused.isEmpty, bytes <= self.limit / 2 else { return [] }
        defer { self.paused = [] }
        return self.paused
    }

    /// A connection is gone.
    package mutating func forget(_ id: ServedConnectionID) {
        self.paused.removeAll { $0.id == id }
    }
}
