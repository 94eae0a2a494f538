public import GaplessCore

extension GaplessServer {
    /// This node, and the others that work on the same store and gave a sign of life within the last minute.
    ///
    /// - Throws: `SendError` when the server does not run.
    public func nodes() async throws -> [NodeDescription] {
        try await self.running().node.ask { logic, now in
            let others = logic.fleet.others.map { NodeDescription($0, freshness: logic.fleet.freshness) }
            return [NodeDescription(logic, now: now)] + others
        }
    }

    /// Makes a node take newcomers only when no other node does, as before a deploy that starts new nodes first. Its clients stay.
    ///
    /// Any node can be asked. The one that it is about obeys with its next heartbeat, within 2 s, and forgets it when its process ends.
    ///
    /// - Returns: false when no node of that name is alive.
    /// - Throws: `SendError` with `overloaded`, `unavailable` or `unknown`. `unavailable` also while a node is alive whose program is too old
    ///   to take orders.
    @discardableResult
    public func cordon(_ node: NodeName) async throws(SendError) -> Bool {
        try await self.order(.cordon, node)
    }

    /// Takes a cordon back.
    ///
    /// - Returns: false when no node of that name is alive.
    /// - Throws: as `cordon(_:)`.
    @discardableResult
    public func uncordon(_ node: NodeName) async throws(SendError) -> Bool {
        try await self.order(.uncordon, node)
    }

    /// Makes a node move its clients away and end, as on a graceful shutdown. Nothing takes it back, and to ask for it twice changes nothing.
    ///
    /// Its `run()` returns. A `ServiceGroup` takes that for a failure and cancels the services beside it, unless the server's
    /// `successTerminationBehavior` is `.gracefullyShutdownGroup`.
    ///
    /// - Returns: false when no node of that name is alive.
    /// - Throws: as `cordon(_:)`.
    @discardableResult
    public func drain(_ node: NodeName) async throws(SendError) -> Bool {
        try await self.order(.drain, node)
    }

    /// The same as `drain(_:)` without `ServerConfiguration/drainWait`, or what is left of it: a balancer that has not noticed yet goes on
    /// sending clients, who are refused.
    ///
    /// - Returns: false when no node of that name is alive.
    /// - Throws: as `cordon(_:)`.
    @discardableResult
    public func drainNow(_ node: NodeName) async throws(SendError) -> Bool {
        try await self.order(.drainNow, node)
    }

    /// Whoever is called so obeys: this process at once, others with their next heartbeat.
    func order(_ order: NodeOrder, _ name: NodeName) async throws(SendError) -> Bool {
        let node = try await self.nodeForSending()
        let operation = node.feed { $0.order(order, to: name, now: $1, into: &$2) }
        guard let operation else { return true }
        return try await node.order(operation) || name == node.identity.name
    }
}
