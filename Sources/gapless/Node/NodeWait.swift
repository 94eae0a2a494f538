import GaplessCore

/// Judges by what nodes tell of each other whether an order was obeyed.
///
/// A name is all that an operator has, and a supervisor may start the next process under it at once; so a node that was seen draining and
/// does something else now is another process.
struct NodeWait {
    /// What a look at the nodes came to.
    enum Verdict: Hashable, Sendable {
        /// Not yet; what it does, for the line of progress.
        case waiting(String)
        /// The node does what it was told; its state.
        case obeyed(String)
        /// Its process has ended.
        case ended
        /// It will not obey, for this reason.
        case refused(String)
    }

    private let name: String
    private let order: NodeOrder
    private var wasDraining = false

    /// Waits for a node to obey.
    init(_ name: String, _ order: NodeOrder) {
        self.name = name
        self.order = order
    }

    /// Looks at the nodes that are alive.
    mutating func look(at nodes: [NodeDescription]) -> Verdict {
        let named = nodes.filter { $0.name == self.name }
        // Of a process that was killed a silent row is left for a minute, beside that of the next one.
        let heard = named.filter { $0.state != "silent" }
        let isDraining = heard.contains { $0.state == "draining" }
        defer { self.wasDraining = self.wasDraining || isDraining }
        guard let node = heard.first ?? named.first else {
            return self.order.isDrain ? .ended : .refused("'\(self.name)' ended before it obeyed")
        }
        switch self.order {
        case .drain where self.wasDraining && !isDraining && !heard.isEmpty: return .ended
        case .drainNow where self.wasDraining && !isDraining && !heard.isEmpty: return .ended
        case .drain, .drainNow: return .waiting(Self.progress(node))
        case .cordon where !heard.isEmpty && heard.allSatisfy { ["cordoned", "draining"].contains($0.state) }: return .obeyed(node.state)
        case .cordon: return .waiting(Self.progress(node))
        case .uncordon where isDraining: return .refused("'\(self.name)' drains, and nothing takes that back")
        case .uncordon where !heard.isEmpty && heard.allSatisfy { $0.state == "serving" }: return .obeyed(node.state)
        case .uncordon: return .waiting(Self.progress(node))
        }
    }

    /// Nobody listens any more at the node's own address, and no other node answers.
    func lookAtNobody() -> Verdict {
        self.order.isDrain ? .ended : .refused("'\(self.name)' ended before it obeyed")
    }

    private static func progress(_ node: NodeDescription) -> String {
        let clients = node.attached.map { ", \(TextFormat.count($0)) clients" } ?? ""
        return "\(node.name) \(node.state)\(clients)"
    }
}
