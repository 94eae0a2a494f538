/// An operator sends a client away for a while, attached or not, or lets it come again. Its queue stays as it is.
package struct SendAwayOperation: Hashable, Sendable {
    /// For how long a client is sent away by default.
    package static let hour: Duration = .seconds(3_600)
    /// For how long a client can be sent away at most.
    package static let maxTime: Duration = .seconds(86_400)

    package var client: ClientID
    /// What its connection is closed and its next ones are refused with; nil to let it come again.
    package var code: CloseCode?
    /// For how long, at most that of a timestamp; zero ends the connection and lets the client come again at once.
    package var time: Duration

    /// - Parameter code: one of those that `allows(_:)`.
    package init(client: ClientID, code: CloseCode?, time: Duration = Self.hour) {
        precondition(code.map(Self.allows) ?? true, "an operator does not say what only the client's or the server's own doing says")
        self.client = client
        self.code = code
        self.time = time
    }

    /// Whether an operator may send clients away with the code: come again, prove again, or stop by policy. The other codes accuse the client
    /// of a fault, speak of its queue, or of another connection of the client; and a code without a name is none of this protocol. [R11.1-1]
    package static func allows(_ code: CloseCode) -> Bool {
        switch code.rawValue {
        case 4_000...4_199, 4_300...4_399, 4_450...4_499: code.name != nil
        default: false
        }
    }

    /// The codes that an operator may use, in order.
    package static let codes: [CloseCode] = CloseCode.named.map(\.code).filter(Self.allows)
}

/// A client that is sent away, as the store knows it.
package struct SentAway: Hashable, Sendable {
    package var code: CloseCode
    /// When it may come again, on the store's clock.
    package var until: Timestamp

    package init(code: CloseCode, until: Timestamp) {
        self.code = code
        self.until = until
    }
}

/// What became of sending a client away.
package enum SendAwayReceipt: Hashable, Sendable {
    /// It is refused with the code from now on; the connection that holds its queue is closed with it.
    case sentAway(holder: Holder?, code: CloseCode)
    /// It may come; whether it might not before.
    case letIn(wasAway: Bool)
    /// As many are sent away as the store's policy allows; nothing changed.
    case tooMany
    /// The store's schema is older than that; it is raised once every node that is alive knows a newer one.
    case schemaTooOld
}
