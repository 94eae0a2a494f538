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

    /// Sends a client away: its connection is closed with the code, wherever it is, and what it says `HELLO` with is refused with the code
    /// until the time is over (Protocol.md §5.1, R5.1-7).
    ///
    /// Its queue stays as it is and goes on taking messages; neither has to be there. A second time, the newer code and time count.
    ///
    /// - Parameters:
    ///   - client: who; the other clients of the user stay.
    ///   - code: what the client does then: by default it stops, with 4452. It may be any code of 4000-4199, 4300-4399 and 4450-4499 that the
    ///     protocol names.
    ///   - time: for how long, up to 24 h; with zero the client may come again at once.
    /// - Returns: whether it was attached.
    /// - Throws: `SendError`: `invalid` for another code or time; `full` when 100,000 clients are sent away; `overloaded`, `unavailable`, also
    ///   while a node is alive whose program is too old for it, or `unknown`.
    @discardableResult
    public func disconnect(
        _ client: ClientID,
        code: CloseCode = .removedByOperator,
        for time: Duration = .seconds(3_600)
    ) async throws(SendError) -> Bool {
        guard SendAwayOperation.allows(code) else {
            throw SendError(.invalid, "An operator sends nobody away with \(code.rawValue).")
        }
        guard (.zero...SendAwayOperation.maxTime).contains(time) else {
            throw SendError(.invalid, "A client is sent away for at most 24 h.")
        }
        return try await self.nodeForSending().sendAway(SendAwayOperation(client: client, code: code, time: time))
    }

    /// Lets a client come again that was sent away.
    ///
    /// - Returns: whether it was.
    /// - Throws: `SendError` with `overloaded`, `unavailable` or `unknown`, as `disconnect(_:code:for:)`.
    @discardableResult
    public func letIn(_ client: ClientID) async throws(SendError) -> Bool {
        try await self.nodeForSending().sendAway(SendAwayOperation(client: client, code: nil))
    }
}
