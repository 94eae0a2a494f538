/// What is worth telling people, hooks and metrics about a session.
package enum SessionObservation: Hashable, Sendable {
    /// Attached. A reset with reason `rollback` is worth an alarm.
    case attached(client: ClientID, Attachment)
    /// The client was told that messages are gone.
    case gap(client: ClientID, Gap)
    /// The client handled everything through the number, and that is committed.
    case delivered(client: ClientID, fence: Fence, through: SequenceNumber)
    /// The connection ended with the code by the server's will; `client` is nil before it was authenticated.
    case closed(client: ClientID?, CloseCode, message: String, SessionPhase)
    /// The connection ended after its `HELLO` without a code of the server; `client` is nil before it was authenticated.
    case lost(client: ClientID?, by: SessionSide, SessionPhase)

    /// How the connection ended, if its client had been asked to move.
    package var move: MoveOutcome? {
        switch self {
        case .closed(_, let code, _, .moving):
            switch code {
            case .superseded: .moved
            case .ended: .left
            default: .closed
            }
        case .lost(_, by: .peer, .moving): .left
        case .lost(_, by: .node, .moving): .closed
        case .attached, .gap, .delivered, .closed, .lost: nil
        }
    }
}

/// How far a connection was when it ended.
package enum SessionPhase: Hashable, Sendable {
    /// Its client was not attached.
    case greeting
    /// Its client was attached, and nobody wanted it elsewhere.
    case attached
    /// Its client had been asked to move. (Protocol.md §10.1)
    case moving
}

/// Who ended a connection without a code of the server.
package enum SessionSide: Hashable, Sendable {
    /// The peer, or the network between.
    case peer
    /// The node, which stops and drops what is left.
    case node
}

/// How a connection whose client had been asked to move ended.
package enum MoveOutcome: String, Hashable, Sendable, CaseIterable {
    /// The client attached elsewhere first.
    case moved
    /// The node closed it: at its deadline, or for another reason.
    case closed
    /// The client left it, or its network did.
    case left
}
