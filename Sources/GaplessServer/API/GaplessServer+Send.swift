import GaplessCore
public import NIOCore

extension GaplessServer {
    /// Sends text.
    ///
    /// - Parameters:
    ///   - text: what is delivered as a text message.
    ///   - recipient: who gets it, such as `"alice/phone"` or `.user("alice")`.
    ///   - timeToLive: how long it is worth delivering; nil when retention alone bounds it.
    ///   - id: an idempotency key: a repeated send with the same one stores nothing and gets the first receipt.
    /// - Returns: the receipt, once the message is durable.
    /// - Throws: `SendError`; nothing was stored then, except with `unknown`.
    @discardableResult
    public func send(
        _ text: String,
        to recipient: Recipient,
        timeToLive: Duration? = nil,
        id: String? = nil
    ) async throws(SendError) -> SendReceipt {
        try await self.send(OutgoingMessage(text, to: recipient, timeToLive: timeToLive, id: id))
    }

    /// Sends the readable bytes of a buffer, which are delivered as a binary message. All else is as with text.
    @discardableResult
    public func send(
        _ bytes: ByteBuffer,
        to recipient: Recipient,
        timeToLive: Duration? = nil,
        id: String? = nil
    ) async throws(SendError) -> SendReceipt {
        try await self.send(OutgoingMessage(bytes, to: recipient, timeToLive: timeToLive, id: id))
    }

    /// Sends bytes, which are delivered as a binary message. All else is as with text.
    @discardableResult
    public func send(
        _ bytes: [UInt8],
        to recipient: Recipient,
        timeToLive: Duration? = nil,
        id: String? = nil
    ) async throws(SendError) -> SendReceipt {
        try await self.send(OutgoingMessage(bytes, to: recipient, timeToLive: timeToLive, id: id))
    }

    /// Sends a message.
    ///
    /// - Returns: the receipt, once the message is durable.
    /// - Throws: `SendError`; nothing was stored then, except with `unknown`. With several recipients a refusal by one of them is no
    ///   error: the receipt's deliveries tell it.
    @discardableResult
    public func send(_ message: OutgoingMessage) async throws(SendError) -> SendReceipt {
        let operation = try message.operation(maxMessageBytes: self.configuration.maxMessageBytes)
        let node = try await self.nodeForSending()
        guard let tracer = node.tracer else { return try await node.append(operation).sendReceipt(for: operation) }
        return try await tracer.with(.send) { span throws(SendError) in
            span.set(.messages, count: 1)
            let receipt = try await node.append(operation).sendReceipt(for: operation)
            span.set(.clients, count: receipt.deliveries.count)
            return receipt
        }
    }

    /// Sends many messages, one after another in their order, with one wait for all of them.
    ///
    /// Each stands for itself: one that is refused does not keep the next from being stored.
    ///
    /// - Returns: one result a message, in their order, once all are durable or refused.
    public func send(_ messages: [OutgoingMessage]) async -> [Result<SendReceipt, SendError>] {
        let operations = messages.map { message in
            Result { () throws(SendError) in try message.operation(maxMessageBytes: self.configuration.maxMessageBytes) }
        }
        let node: Node
        do {
            node = try await self.nodeForSending()
        } catch {
            return messages.map { _ in .failure(error) }
        }
        guard let tracer = node.tracer else { return await node.append(operations) }
        return await tracer.with(.send) { span in
            span.set(.messages, count: operations.count)
            let results = await node.append(operations)
            span.set(.refused, count: results.count { if case .failure = $0 { true } else { false } })
            return results
        }
    }

    /// Sends many messages in their order, or up to the first one that is refused.
    ///
    /// So no later message is stored when an earlier one is not, and one idempotency key serves for all of them.
    ///
    /// - Parameters:
    ///   - messages: 1 through 10,000 messages without ids of their own.
    ///   - id: an idempotency key for the whole: a repetition with the same messages stores nothing and gives the first receipt.
    /// - Returns: the receipts of what was stored, and why it ended.
    /// - Throws: `SendError` when nothing can be said of any message.
    public func send(inOrder messages: [OutgoingMessage], id: String? = nil) async throws(SendError) -> SequenceReceipt {
        let operation = try AppendSequenceOperation(messages, id: id, maxMessageBytes: self.configuration.maxMessageBytes)
        let node = try await self.nodeForSending()
        guard let tracer = node.tracer else { return try await node.append(operation).sequenceReceipt(for: operation) }
        return try await tracer.with(.send) { span throws(SendError) in
            span.set(.messages, count: messages.count)
            let receipt = try await node.append(operation).sequenceReceipt(for: operation)
            span.set(.refused, count: messages.count - receipt.stored.count)
            return receipt
        }
    }
}

/// What became of messages that were sent in order.
public struct SequenceReceipt: Hashable, Sendable {
    /// The receipts of the messages that were stored: the first ones, in their order.
    public let stored: [SendReceipt]

    /// Why the message after them was refused; nil when all were stored. Those behind it were not looked at.
    public let refusal: SendError?

    /// Whether this is the receipt of an earlier send with the same idempotency key; nothing was stored now.
    public let isRepeat: Bool

    package init(stored: [SendReceipt], refusal: SendError?, isRepeat: Bool) {
        self.stored = stored
        self.refusal = refusal
        self.isRepeat = isRepeat
    }
}
