public import GaplessCore
import GaplessStore

extension GaplessServer {
    /// One client's queue; nil when there is none.
    ///
    /// `acknowledged` tells what the client has handled.
    ///
    /// - Throws: `SendError` when the server does not run, `QueueStoreError` when the store fails.
    public func queue(of client: ClientID) async throws -> QueueDescription? {
        try await self.running().node.snapshot(of: client).map(QueueDescription.init)
    }

    /// Queues in order of their address.
    ///
    /// - Parameters:
    ///   - user: whose; nil for everybody's.
    ///   - after: queues above this address, to go on where an earlier call ended.
    ///   - limit: the most queues to return, 1 through 1,000.
    /// - Throws: `SendError` when the server does not run, `QueueStoreError` when the store fails.
    public func queues(of user: UserID? = nil, after: ClientID? = nil, limit: Int = 100) async throws -> [QueueDescription] {
        precondition((1...1_000).contains(limit), "a page holds 1 through 1000 queues")
        return try await self.running().node.snapshots(of: user, after: after, limit: limit).map(QueueDescription.init)
    }

    /// Removes a client's queue with everything in it. A connected client is closed with 4452.
    ///
    /// - Returns: whether there was one.
    /// - Throws: `SendError` with `overloaded`, `unavailable` or `unknown`.
    @discardableResult
    public func remove(_ client: ClientID) async throws(SendError) -> Bool {
        try await self.nodeForSending().remove(client)
    }
}
