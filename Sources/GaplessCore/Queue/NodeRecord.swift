/// A node as the store knows it.
package struct NodeRecord: Hashable, Sendable {
    package let node: NodeIdentity
    /// Which schemas of the store its program can work with.
    package var schemas: ClosedRange<UInt32>
    /// Its newest heartbeat, on the store's clock.
    package var lastSeen: Timestamp
    /// Whether that heartbeat was its last by its own word.
    package var hasStopped: Bool
    /// What that heartbeat told of it.
    package var report: NodeReport?
    /// What operators want of it.
    package var orders: NodeOrders

    package init(
        node: NodeIdentity,
        schemas: ClosedRange<UInt32>,
        lastSeen: Timestamp,
        hasStopped: Bool = false,
        report: NodeReport? = nil,
        orders: NodeOrders = NodeOrders()
    ) {
        self.node = node
        self.schemas = schemas
        self.lastSeen = lastSeen
        self.hasStopped = hasStopped
        self.report = report
        self.orders = orders
    }

    /// The node after a heartbeat.
    ///
    /// - Parameter former: what was known of it; nil when nothing was.
    package init(_ heartbeat: HeartbeatOperation, former: NodeRecord?, now: Timestamp) {
        // Who stops tells nothing more, and nobody wants anything of it.
        var orders = heartbeat.isStopping ? NodeOrders() : former?.orders ?? NodeOrders()
        orders.obeyed(heartbeat.obeyed)
        self.init(
            node: heartbeat.node,
            schemas: heartbeat.schemas,
            lastSeen: now,
            hasStopped: heartbeat.isStopping,
            report: heartbeat.isStopping ? nil : heartbeat.report,
            orders: orders
        )
    }

    /// How a heartbeat finds it.
    package func peer(at now: Timestamp) -> NodePeer {
        NodePeer(node: self.node, age: max(.zero, self.lastSeen.duration(to: now)), report: self.report)
    }

    /// Whether its attachments count, and since when not.
    package func liveness(at now: Timestamp, lifetime: Duration) -> HolderLiveness {
        !self.hasStopped && now < self.lastSeen + lifetime ? .alive : .dead(since: self.lastSeen)
    }
}

/// What is known of the node of a queue's holder, at some moment of the store's clock.
package enum HolderLiveness: Hashable, Sendable {
    /// The node is alive, and so is the attachment.
    case alive
    /// The node gave its last sign then; nil when nothing is known of it any more.
    case dead(since: Timestamp?)
}
