/// Bounds how many connections one address has open (Protocol.md §5.1).
///
/// It remembers an address for as long as that has a connection which was counted, so it holds no more than the node has connections.
package struct AddressCount: Hashable, Sendable {
    private let limit: Int?
    private var counts: [RemoteAddress: Int] = [:]
    /// Where the connections that count come from.
    private var origins: [ServedConnectionID: RemoteAddress] = [:]

    /// - Parameter limit: nil for none.
    package init(_ limit: Int?) {
        precondition(limit ?? 1 >= 1, "an address without connections is refused elsewhere")
        self.limit = limit
    }

    /// How many addresses are remembered.
    package var addressCount: Int { self.counts.count }

    /// A connection was opened; returns whether its address may have it. One that may not does not count.
    package mutating func open(_ id: ServedConnectionID, from address: RemoteAddress) -> Bool {
        guard let limit else { return true }
        let count = self.counts[address] ?? 0
        guard count < limit else { return false }
        self.counts[address] = count + 1
        self.origins[id] = address
        return true
    }

    /// A connection is gone.
    package mutating func close(_ id: ServedConnectionID) {
        guard let address = self.origins.removeValue(forKey: id), let count = self.counts[address] else { return }
        self.counts[address] = count > 1 ? count - 1 : nil
    }
}
