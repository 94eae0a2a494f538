import GaplessCore

extension OutgoingMessage {
    /// The longest time to live that says anything.
    static let maxTimeToLive: Duration = .seconds(365 * 86_400)

    /// The most recipients that one message can name.
    static let maxRecipients = 100_000

    /// What the store is asked to do for this message.
    func operation(maxMessageBytes: Int) throws(SendError) -> AppendOperation {
        guard self.payload.count <= maxMessageBytes else {
            throw SendError(.tooLarge, "The payload has \(self.payload.count) bytes; at most \(maxMessageBytes) are allowed.")
        }
        if case .clients(let clients, _) = self.recipient.recipients {
            guard !clients.isEmpty else { throw SendError(.invalid, "A message needs a recipient.") }
            guard clients.count <= Self.maxRecipients else {
                throw SendError(.tooLarge, "A message has at most \(Self.maxRecipients) recipients.")
            }
        }
        if let timeToLive = self.timeToLive, !(.milliseconds(1)...Self.maxTimeToLive).contains(timeToLive) {
            throw SendError(.invalid, "A time to live is 1 ms through 365 days.")
        }
        return AppendOperation(
            recipients: self.recipient.recipients,
            payload: self.payload,
            timeToLive: self.timeToLive,
            idempotencyKey: try IdempotencyKey.parse(self.id)
        )
    }
}

extension AppendSequenceOperation {
    /// The most messages of one sequence.
    static let maxMessages = 10_000

    /// What the store is asked to do for messages in order.
    init(_ messages: [OutgoingMessage], id: String?, maxMessageBytes: Int) throws(SendError) {
        guard (1...Self.maxMessages).contains(messages.count) else {
            throw SendError(.invalid, "A sequence holds 1 through \(Self.maxMessages) messages.")
        }
        guard messages.allSatisfy({ $0.id == nil }) else {
            throw SendError(.invalid, "The messages of a sequence have one idempotency key together, and none of their own.")
        }
        var appends: [AppendOperation] = []
        appends.reserveCapacity(messages.count)
        for message in messages { appends.append(try message.operation(maxMessageBytes: maxMessageBytes)) }
        self.init(appends: appends, idempotencyKey: try IdempotencyKey.parse(id))
    }
}

extension IdempotencyKey {
    /// The key that a text names; nil for nil.
    static func parse(_ text: String?) throws(SendError) -> IdempotencyKey? {
        guard let text else { return nil }
        guard let key = IdempotencyKey(text) else { throw SendError(.invalid, "An idempotency key has 1 through 128 bytes.") }
        return key
    }
}
