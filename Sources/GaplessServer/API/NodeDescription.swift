public import GaplessCore

/// A node of the service that is alive.
public struct NodeDescription: Hashable, Sendable {
    /// What a node tells of itself alone.
    public struct Load: Hashable, Sendable {
        /// How many connections it has.
        public let connections: Int
        /// How many clients are attached to it.
        public let attached: Int
        /// Why a balancer should send nobody there - `starting`, `draining`, `cordoned`, `store-cut-off`, `full` - as `/ready` says it; empty when
        /// it is ready.
        public let notReady: [String]
    }

    /// Its name.
    public let name: NodeName

    /// How it fares; nil for another node than the one that was asked.
    public let load: Load?

    package init(name: NodeName, load: Load? = nil) {
        self.name = name
        self.load = load
    }
}

extension NodeDescription.Load {
    package init(connections: Int, attached: Int, readiness: Readiness) {
        self.init(connections: connections, attached: attached, notReady: readiness.reasons.map(\.rawValue))
    }
}
