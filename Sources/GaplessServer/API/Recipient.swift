public import GaplessCore

/// Who gets a message: one client, several, or all clients of a user.
///
/// A string literal is a client: `to: "alice/phone"`. A text that comes from somewhere else is parsed first, by `ClientID(_:)` or
/// `UserID(_:)`, so that a name that is none is found where it enters the program.
public struct Recipient: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    package let recipients: Recipients

    package init(_ recipients: Recipients) {
        self.recipients = recipients
    }

    /// The client with this address.
    ///
    /// - Precondition: the literal is an address as `ClientID` describes it.
    public init(stringLiteral text: StaticString) {
        guard let client = ClientID(text.description) else {
            preconditionFailure("'\(text)' is not the address of a client")
        }
        self.recipients = .clients([client], existingOnly: false)
    }

    /// One client. Its queue is created when there is none.
    public static func client(_ client: ClientID) -> Recipient {
        Recipient(.clients([client], existingOnly: false))
    }

    /// Several clients, in one transaction with one result each. Queues are created where there is none; a client named twice counts once.
    public static func clients(_ clients: [ClientID]) -> Recipient {
        Recipient(.clients(self.unique(clients), existingOnly: false))
    }

    /// Those of the clients that have a queue; the send to one that has none fails with `noSuchClient`.
    public static func existing(_ clients: [ClientID]) -> Recipient {
        Recipient(.clients(self.unique(clients), existingOnly: true))
    }

    /// Every client of the user that has a queue when the message is committed; none is a success with no delivery.
    public static func user(_ user: UserID) -> Recipient {
        Recipient(.user(user))
    }

    /// Every client of the user that the literal names.
    ///
    /// - Precondition: the literal is a name as `UserID` describes it.
    public static func user(_ name: StaticString) -> Recipient {
        guard let user = UserID(name.description) else {
            preconditionFailure("'\(name)' is not the name of a user")
        }
        return Recipient(.user(user))
    }

    /// The clients, or the user.
    public var description: String {
        switch self.recipients {
        case .clients(let clients, _): clients.map(\.description).joined(separator: ", ")
        case .user(let user): "user \(user)"
        }
    }

    /// The clients in their order, each once.
    private static func unique(_ clients: [ClientID]) -> [ClientID] {
        var seen: Set<ClientID> = []
        return clients.filter { seen.insert($0).inserted }
    }
}
