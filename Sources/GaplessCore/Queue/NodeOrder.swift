/// What an operator wants of a node, asked of any node.
package enum NodeOrder: String, Hashable, Sendable, CaseIterable {
    /// Take newcomers only when no other node does.
    case cordon
    /// Take them again.
    case uncordon
    /// Move the clients away, then end.
    case drain
}

/// An order and its number, by which the node says that it has obeyed.
package struct GivenOrder: Hashable, Sendable {
    package var number: UInt64
    package var order: NodeOrder

    package init(number: UInt64, order: NodeOrder) {
        self.number = number
        self.order = order
    }
}

/// The orders that one process of a node was given: how many, and the one that it has not obeyed yet.
package struct NodeOrders: Hashable, Sendable {
    /// How many were given.
    package private(set) var count: UInt64
    /// What the node is still to do; nil when it has obeyed.
    package private(set) var open: NodeOrder?

    package init(count: UInt64 = 0, open: NodeOrder? = nil) {
        self.count = count
        self.open = open
    }

    /// What the node is to be told; nil when it has obeyed.
    package var given: GivenOrder? {
        self.open.map { GivenOrder(number: self.count, order: $0) }
    }

    /// Gives an order. A later one takes the place of one that was not obeyed yet; only a drain stays, since nothing takes it back.
    package mutating func give(_ order: NodeOrder) {
        self.count += 1
        if self.open != .drain { self.open = order }
    }

    /// The node has obeyed the order of this number. It may know of more than the store, which can have gone back in time.
    package mutating func obeyed(_ number: UInt64) {
        guard number >= self.count else { return }
        self.count = number
        self.open = nil
    }
}

/// An operator gives an order to a node: to each process of that name that counts as alive.
package struct OrderOperation: Hashable, Sendable {
    package var node: NodeName
    package var order: NodeOrder

    package init(node: NodeName, order: NodeOrder) {
        self.node = node
        self.order = order
    }
}

/// What became of an order.
package enum OrderReceipt: Hashable, Sendable {
    /// These hear of it with their next heartbeat.
    case given([NodeIdentity])
    /// No node of that name counts as alive.
    case noSuchNode
    /// The store's schema is older than orders, or the node's program is; the schema is raised once every node that is alive knows a newer one.
    case schemaTooOld
}
