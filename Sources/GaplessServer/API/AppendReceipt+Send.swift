import GaplessCore
import GaplessStore

extension AppendReceipt {
    /// The receipt as a sender gets it; throws when the send as a whole, or its only named recipient, was refused.
    func sendReceipt(for operation: AppendOperation) throws(SendError) -> SendReceipt {
        if let refusal = self.refusal { throw SendError(refusal) }
        if case .clients(let clients, _) = operation.recipients, clients.count == 1, let delivery = self.deliveries.first,
            let error = SendError(delivery.outcome, client: delivery.client)
        {
            throw error
        }
        return self.receiptOfDeliveries
    }

    /// The receipt of a send that was not refused as a whole.
    private var receiptOfDeliveries: SendReceipt {
        let deliveries = self.deliveries.map { delivery in
            switch delivery.outcome {
            case .stored(let sequence, let epoch): SendReceipt.Delivery(client: delivery.client, sequence: sequence, epoch: epoch)
            case .queueFull: SendReceipt.Delivery(client: delivery.client, refusal: .queueFull)
            case .tooLarge: SendReceipt.Delivery(client: delivery.client, refusal: .tooLarge)
            case .noSuchClient: SendReceipt.Delivery(client: delivery.client, refusal: .noSuchClient)
            case .tooManyQueues: SendReceipt.Delivery(client: delivery.client, refusal: .full)
            }
        }
        return SendReceipt(time: self.time, deliveries: deliveries, isRepeat: self.isRepeat)
    }

    /// Why the store refused it.
    var error: SendError {
        self.firstError ?? SendError(.unavailable, "The store refused the message.")
    }

    /// Why nothing was stored; nil when something was.
    private var firstError: SendError? {
        if let refusal = self.refusal { return SendError(refusal) }
        // A recipient that is not there keeps none of the others from its message.
        let refused = self.deliveries.filter { !$0.isStored && $0.outcome != .noSuchClient }
        for delivery in refused.isEmpty ? self.deliveries : refused {
            if let error = SendError(delivery.outcome, client: delivery.client) { return error }
        }
        return nil
    }

    fileprivate var storedReceipt: SendReceipt { self.receiptOfDeliveries }
}

extension AppendSequenceReceipt {
    /// The receipt as a sender gets it; throws when the idempotency key itself was refused.
    func sequenceReceipt(for operation: AppendSequenceOperation) throws(SendError) -> SequenceReceipt {
        if self.stored.isEmpty, let refusal = self.refused?.refusal, refusal == .conflict || refusal == .tooManyKeys {
            throw SendError(refusal)
        }
        let refusal = self.refused?.error
        return SequenceReceipt(stored: self.stored.map(\.storedReceipt), refusal: refusal, isRepeat: self.isRepeat)
    }
}

extension SendError {
    /// Why a send as a whole was refused.
    init(_ refusal: AppendRefusal) {
        switch refusal {
        case .conflict: self.init(.conflict, "The idempotency key was used for another message.")
        case .tooManyKeys: self.init(.full, "The table of idempotency keys is full.")
        case .storeFull: self.init(.full, "The store holds as many bytes as it may.")
        }
    }

    /// Why a recipient's queue did not take the message; nil when it did.
    init?(_ outcome: Delivery.Outcome, client: ClientID) {
        switch outcome {
        case .stored: return nil
        case .queueFull: self.init(.queueFull, "The queue of \(client) is full.")
        case .tooLarge: self.init(.tooLarge, "The message is larger than the queue of \(client) may be.")
        case .noSuchClient: self.init(.noSuchClient, "There is no client \(client).")
        case .tooManyQueues: self.init(.full, "The store holds as many queues as it may.")
        }
    }

    /// Why the store did nothing, or may have.
    init(_ error: QueueStoreError) {
        switch error.code {
        case .unknown: self.init(.unknown, "Whether the message was stored cannot be known: \(error.message)")
        case .full: self.init(.full, error.message)
        case .overloaded: self.init(.overloaded, error.message)
        default: self.init(.unavailable, error.message)
        }
    }
}
