/// A node is alive, and tells how it fares.
package struct HeartbeatOperation: Hashable, Sendable {
    package var node: NodeIdentity
    /// Which schemas of the store this program can work with.
    package var schemas: ClosedRange<UInt32>
    /// Signals through this cursor were seen and can go.
    package var seen: SignalCursor
    /// What the others are told of the node; nil when nothing.
    package var report: NodeReport?
    /// The number of the last order that the node has obeyed; 0 before the first.
    package var obeyed: UInt64
    /// Whether the node is stopping: its row goes, its attachments count as dead at once.
    package var isStopping: Bool

    package init(
        node: NodeIdentity,
        schemas: ClosedRange<UInt32>,
        seen: SignalCursor,
        report: NodeReport? = nil,
        obeyed: UInt64 = 0,
        isStopping: Bool = false
    ) {
        self.node = node
        self.schemas = schemas
        self.seen = seen
        self.report = report
        self.obeyed = obeyed
        self.isStopping = isStopping
    }
}

/// What a heartbeat found.
package struct HeartbeatReceipt: Hashable, Sendable {
    /// The nodes that count as alive, this one included, in order of name and incarnation.
    package var peers: [NodePeer]
    /// Whether the store knew the node and counted it as alive until now. If not, signals for it were dropped, and queues that it held may have
    /// ended.
    package var wasAlive: Bool
    /// What an operator wants of the node; told with each heartbeat until one says that it was obeyed.
    package var order: GivenOrder?

    package init(peers: [NodePeer], wasAlive: Bool = true, order: GivenOrder? = nil) {
        self.peers = peers
        self.wasAlive = wasAlive
        self.order = order
    }

    /// The nodes that count as alive, by their names.
    package var alive: [NodeIdentity] { self.peers.map(\.node) }
}
