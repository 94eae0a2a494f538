import GaplessCore

extension MemoryState {
    /// Stores a message for its recipients, or gives the receipt of the first send under its key.
    mutating func append(_ operation: AppendOperation) -> AppendReceipt {
        func refused(_ refusal: AppendRefusal) -> AppendReceipt {
            AppendReceipt(time: self.clock, deliveries: [], refusal: refusal)
        }
        guard let key = operation.idempotencyKey else { return self.store(operation) }
        let digest = ContentDigest(of: operation)
        if let entry = self.keys.entry(for: key, now: self.clock) {
            guard entry.digest == digest, case .append(var receipt) = entry.answer else { return refused(.conflict) }
            receipt.isRepeat = true
            return receipt
        }
        guard self.hasRoomForKey() else { return refused(.tooManyKeys) }
        let receipt = self.store(operation)
        if receipt.deliveries.contains(where: \.isStored) {
            self.remember(key, digest, .append(receipt.forRepeats))
        }
        return receipt
    }

    /// Stores messages up to the first that is refused, or gives the receipt of the first sequence under its key.
    mutating func appendSequence(_ operation: AppendSequenceOperation) -> AppendSequenceReceipt {
        func refused(_ refusal: AppendRefusal) -> AppendSequenceReceipt {
            AppendSequenceReceipt(stored: [], refused: AppendReceipt(time: self.clock, deliveries: [], refusal: refusal))
        }
        guard let key = operation.idempotencyKey else { return self.store(operation) }
        let digest = ContentDigest(of: operation)
        if let entry = self.keys.entry(for: key, now: self.clock) {
            guard entry.digest == digest, case .sequence(var receipt) = entry.answer else { return refused(.conflict) }
            receipt.isRepeat = true
            return receipt
        }
        guard self.hasRoomForKey() else { return refused(.tooManyKeys) }
        let receipt = self.store(operation)
        if receipt.stored.contains(where: { $0.deliveries.contains(where: \.isStored) }) {
            self.remember(key, digest, .sequence(receipt.forRepeats))
        }
        return receipt
    }

    private mutating func store(_ operation: AppendSequenceOperation) -> AppendSequenceReceipt {
        var receipt = AppendSequenceReceipt(stored: [])
        for append in operation.appends {
            let one = self.attempt { state in
                let receipt = state.store(append)
                return (receipt, isKept: receipt.isStoredForAll)
            }
            guard one.isStoredForAll else {
                receipt.refused = one
                return receipt
            }
            receipt.stored.append(one)
        }
        return receipt
    }

    private mutating func store(_ operation: AppendOperation) -> AppendReceipt {
        let clients: [ClientID]
        let isExistingOnly: Bool
        switch operation.recipients {
        case .clients(let named, let existingOnly): (clients, isExistingOnly) = (named, existingOnly)
        case .user(let user): (clients, isExistingOnly) = (self.clients(of: user), true)
        }
        guard self.storedBytes + operation.payload.count * clients.count <= self.policy.maxStoreBytes else {
            return AppendReceipt(time: self.clock, deliveries: [], refusal: .storeFull)
        }
        let expires = QueueRecord.expiry(timeToLive: operation.timeToLive, under: self.policy.retention, now: self.clock)
        let deliveries = clients.map { self.deliver(operation.payload, to: $0, isExistingOnly: isExistingOnly, expires: expires) }
        return AppendReceipt(time: self.clock, deliveries: deliveries)
    }

    private mutating func deliver(_ payload: Payload, to client: ClientID, isExistingOnly: Bool, expires: Timestamp) -> Delivery {
        if self.queues[client] == nil {
            if isExistingOnly { return Delivery(client: client, outcome: .noSuchClient) }
            if payload.count > self.policy.retention.maxBytes { return Delivery(client: client, outcome: .tooLarge) }
            if self.queues.count >= self.policy.maxQueues { return Delivery(client: client, outcome: .tooManyQueues) }
            self.createQueue(client)
        }
        let retention = self.policy.retention
        let now = self.clock
        let delivery = self.changeQueue(client) { $0.deliver(payload, under: retention, now: now, expires: expires) }
        guard let delivery else { preconditionFailure("a queue that was just found is there") }
        if let holder = delivery.holder, delivery.isStored {
            self.raise(.news, for: client, at: holder.node)
        }
        return delivery
    }

    private mutating func hasRoomForKey() -> Bool {
        if self.keys.count >= self.policy.maxKeys {
            _ = self.keys.removeExpired(at: self.clock, limit: 1_000)
        }
        return self.keys.count < self.policy.maxKeys
    }

    private mutating func remember(_ key: IdempotencyKey, _ digest: ContentDigest, _ answer: KeyTable.Answer) {
        let lifetime = min(self.policy.keyLifetime, .seconds(86_400))
        self.remember(key, KeyTable.Entry(digest: digest, answer: answer, expires: self.clock + lifetime))
    }
}

extension MemoryQueue {
    /// Takes a message, after making room for it.
    fileprivate mutating func deliver(_ payload: Payload, under retention: RetentionPolicy, now: Timestamp, expires: Timestamp) -> Delivery
    {
        let client = self.record.client
        func delivery(_ outcome: Delivery.Outcome, discarded: SequenceRange? = nil) -> Delivery {
            Delivery(client: client, outcome: outcome, holder: self.record.holder, discarded: discarded)
        }
        var room = self.record.room(for: payload.count, under: retention)
        if case .short = room, self.removeExpired(at: now) > 0 {
            room = self.record.room(for: payload.count, under: retention)
        }
        var discarded: SequenceRange?
        switch room {
        case .enough: break
        case .refused(let outcome): return delivery(outcome)
        case .short where retention.onOverflow == .rejectNew: return delivery(.queueFull)
        case .short(let shortage): discarded = self.overflow(shortage)
        }
        let sequence = self.append(payload, time: now, expires: expires)
        return delivery(.stored(sequence, self.record.epoch), discarded: discarded)
    }
}

extension AppendReceipt {
    /// The receipt as a repetition gives it: it hands nothing over and reports nothing anew.
    fileprivate var forRepeats: AppendReceipt {
        var receipt = self
        receipt.deliveries = self.deliveries.map { Delivery(client: $0.client, outcome: $0.outcome) }
        return receipt
    }
}

extension AppendSequenceReceipt {
    /// The receipt as a repetition gives it.
    fileprivate var forRepeats: AppendSequenceReceipt {
        AppendSequenceReceipt(stored: self.stored.map(\.forRepeats), refused: self.refused?.forRepeats)
    }
}
