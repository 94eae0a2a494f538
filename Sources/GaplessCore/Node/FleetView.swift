/// What a node knows of the others, as its newest heartbeat found them.
///
/// That a node counts as alive says that its attachments hold; it does so for a minute after its last heartbeat. Where clients can go is another
/// question: a node that was silent for a few heartbeats, that is full or that drains is nowhere to go. Where that is in doubt, a node takes
/// clients rather than to send them nowhere.
package struct FleetView: Hashable, Sendable {
    /// The others that count as alive, in order of name and incarnation.
    package let others: [NodePeer]
    /// Nobody counts on a node whose newest heartbeat is as old as that.
    package let freshness: Duration
    /// Whether another node takes newcomers, so that a cordoned one need not.
    package let hasTaker: Bool
    /// Whether clients that are sent away have somewhere to go. A cordoned node will do: it takes them once nobody else does.
    package let hasRefuge: Bool

    /// Nobody was seen yet.
    package init() {
        self.init([], freshness: .zero)
    }

    /// - Parameters:
    ///   - receipt: what the newest heartbeat found.
    ///   - me: the node itself.
    ///   - freshness: nobody counts on a node whose newest heartbeat is as old as that.
    package init(_ receipt: HeartbeatReceipt, besides me: NodeIdentity, freshness: Duration) {
        self.init(receipt.peers.filter { $0.node != me }, freshness: freshness)
    }

    private init(_ others: [NodePeer], freshness: Duration) {
        self.others = others
        self.freshness = freshness
        let fresh = others.filter { $0.isFresh(freshness) }
        // One that tells nothing of itself has an older program, which serves as long as it has a row.
        self.hasTaker = fresh.contains { $0.report?.isTaker ?? true }
        self.hasRefuge = fresh.contains { $0.report?.isRefuge ?? true }
    }
}
