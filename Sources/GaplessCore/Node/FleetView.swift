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
    /// Whether another node takes newcomers and has not too much to do itself, so that one that has may send them there.
    package let hasSpare: Bool

    /// The fresh ones among the others, in the same order: one that is not there any more, or is new, has left, come or started again.
    package let nodes: [NodeIdentity]
    /// Whether all of them serve as ever: none is cordoned or drains, and each tells how it fares.
    package let isCalm: Bool
    /// What the fresh ones that serve told of themselves.
    private let serving: [NodeReport]

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
        // One that tells nothing of itself may serve, since an older program does as long as it has a row; or it may count on this one.
        self.hasTaker = fresh.contains { $0.report?.isTaker ?? false }
        self.hasRefuge = fresh.contains { $0.report?.isRefuge ?? true }
        self.hasSpare = fresh.contains { $0.report.map { $0.isTaker && !$0.isOver } ?? false }
        self.nodes = fresh.map(\.node)
        let reports = fresh.compactMap(\.report)
        self.isCalm = reports.count == fresh.count && !reports.contains { $0.isDraining || $0.isCordoned }
        self.serving = reports.filter { !$0.isDraining && !$0.isCordoned }
    }

    /// How many clients a node would hold if all that serve held as much of what they can.
    package func share(of own: NodeReport) -> Int {
        self.share(of: own, among: self.serving + [own])
    }

    /// How many clients all nodes that serve hold.
    package func load(with own: NodeReport) -> FleetLoad {
        let all = self.serving + [own]
        return FleetLoad(
            clients: all.reduce(0) { $0 + Self.bounded($1.attached) },
            excess: all.reduce(0) { $0 + max(0, Self.bounded($1.attached) - self.share(of: $1, among: all)) }
        )
    }

    private func share(of node: NodeReport, among all: [NodeReport]) -> Int {
        let attached = all.reduce(0) { $0 + Self.bounded($1.attached) }
        let capacity = all.reduce(0) { $0 + Self.bounded($1.capacity) }
        return attached * Self.bounded(node.capacity) / max(1, capacity)
    }

    /// No node has more connections, whatever its row says; so products of two sums stay within an integer.
    private static func bounded(_ count: Int) -> Int { max(0, min(count, 10_000_000)) }
}

/// How many clients all nodes that serve hold.
package struct FleetLoad: Hashable, Sendable {
    /// All of them.
    package let clients: Int
    /// Those above the shares of their nodes.
    package let excess: Int
    /// More than there can be; so products of two stay within an integer.
    private static let most = 1_000_000_000

    package init(clients: Int, excess: Int) {
        self.clients = min(clients, Self.most)
        self.excess = min(excess, Self.most)
    }
}
