/// Bounds what all clients together have waiting for their handlers (Protocol.md §7.3).
///
/// A connection whose message does not fit is sent away, and its client brings the message again. Not reading from it instead would keep
/// its `ACK`, `PING` and `AUTH` waiting for other people's handlers.
package struct UplinkBudget: Hashable, Sendable {
    /// What becomes of a message.
    package enum Verdict: Hashable, Sendable {
        case taken
        /// It does not fit: the connection is to be closed.
        case refused
        /// It comes behind one that was refused, on a connection that is being closed.
        case dropped
    }

    private let limit: Int
    /// The connections that are being closed for it.
    private var refused: Set<ServedConnectionID> = []

    /// - Precondition: the limit is at least 1 byte.
    package init(limit: Int) {
        precondition(limit >= 1, "a budget is never nothing")
        self.limit = limit
    }

    /// A connection brought a message.
    ///
    /// - Parameters:
    ///   - bytes: its payload.
    ///   - held: what waits already.
    package mutating func receive(bytes: Int, from connection: ServedConnectionID, held: Int) -> Verdict {
        // What follows a refused message would be out of order.
        guard !self.refused.contains(connection) else { return .dropped }
        guard held + bytes > self.limit else { return .taken }
        self.refused.insert(connection)
        return .refused
    }

    /// A connection is gone.
    package mutating func forget(_ connection: ServedConnectionID) {
        self.refused.remove(connection)
    }
}
