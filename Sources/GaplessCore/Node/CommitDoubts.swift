/// Whose queues may have changed in transactions of which nobody knows whether they were committed.
package struct CommitDoubts: Hashable, Sendable {
    /// Who is to look.
    package enum Concern: Hashable, Sendable {
        /// These clients, some perhaps more than once.
        case clients([ClientID])
        case everybody
    }

    private static let maxClients = 10_000

    private var clients: [ClientID] = []
    private var isEverybody = false

    package init() {}

    /// An operation failed, or nobody knows.
    package mutating func note(_ operation: StoreOperation) {
        switch operation {
        case .append(let append): self.note(append)
        case .appendSequence(let sequence): sequence.appends.forEach { self.note($0) }
        case .advanceMark(let mark):
            self.note(mark.client)
            mark.sends.forEach { self.note($0) }
        case .attach(let attach): self.note(attach.client)
        case .remove(let remove): self.note(remove.client)
        case .expire: self.isEverybody = true
        case .end(let end): self.note(end.client)
        case .acknowledge, .detach, .heartbeat, .order, .sendAway: break
        }
    }

    /// Hands out whom it concerns, and forgets it.
    package mutating func take() -> Concern {
        defer { self = CommitDoubts() }
        return self.isEverybody ? .everybody : .clients(self.clients)
    }

    private mutating func note(_ append: AppendOperation) {
        switch append.recipients {
        case .clients(let clients, _): clients.forEach { self.note($0) }
        case .user: self.isEverybody = true
        }
    }

    private mutating func note(_ client: ClientID) {
        guard !self.isEverybody else { return }
        self.clients.append(client)
        if self.clients.count > Self.maxClients {
            self.isEverybody = true
            self.clients = []
        }
    }
}
