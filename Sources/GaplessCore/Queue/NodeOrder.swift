/// What an operator wants of a node, asked of any node.
package enum NodeOrder: String, Hashable, Sendable, CaseIterable {
    /// Take newcomers only when no other node does.
    case cordon
    /// Take them again.
    case uncordon
    /// Move the clients away, once balancers have noticed that the node is not ready, then end. To be told so twice changes nothing.
    case drain
    /// The same without the wait for balancers, or what is left of it.
    case drainNow = "drain-now"

    /// Whether a process that obeys ends.
    package var isDrain: Bool { self.weight > 0 }

    /// What may take the place of an order: only what goes further than a drain takes the place of one, since nothing takes it back.
    fileprivate var weight: Int {
        switch self {
        case .cordon, .uncordon: 0
        case .drain: 1
        case .drainNow: 2
        }
    }
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

/// The orders that one process of a node was given: the number of the last one, and the one that it has not obeyed yet.
///
/// Numbers count up within one life of the store, of which they carry a mark in their upper half: when the store goes back in time, what is
/// ordered then gets another number than all that the node has obeyed.
package struct NodeOrders: Hashable, Sendable {
    /// The number of the last one that counted; 0 when none was given.
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

    /// Gives an order. A later one takes the place of one that was not obeyed yet; only a drain stays, and what comes behind it is not counted.
    ///
    /// - Parameter life: the store's.
    package mutating func give(_ order: NodeOrder, in life: Incarnation) {
        if let open = self.open, open.isDrain, order.weight <= open.weight { return }
        // A number has to fit into 63 bits.
        let mark = (life.rawValue << 33) >> 1
        self.count = Self.mark(of: self.count) == mark ? self.count + 1 : mark + 1
        self.open = order
    }

    /// The node has obeyed the order of this number. It may know of more than the store, which can have gone back in time.
    package mutating func obeyed(_ number: UInt64) {
        if Self.isCovered(self.count, by: number) {
            self.open = nil
            self.count = number
        } else if self.open == nil {
            self.count = max(self.count, number)
        }
    }

    /// Whether a node that has obeyed one order has obeyed another one, or one that was given after that.
    package static func isCovered(_ number: UInt64, by obeyed: UInt64) -> Bool {
        Self.mark(of: number) == Self.mark(of: obeyed) && number <= obeyed
    }

    private static func mark(of number: UInt64) -> UInt64 { number & ~0xFFFF_FFFF }
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
