package import GaplessCore

extension StoreTransaction {
    /// Stores a message for its recipients, or gives the receipt of the first send under its key.
    package func append(_ operation: AppendOperation) throws(Failure) -> AppendReceipt {
        guard let key = operation.idempotencyKey else { return try self.store(operation) }
        let digest = ContentDigest(of: operation)
        if let answer = try self.answer(to: key) {
            guard answer.digest == digest, case .append(var receipt) = answer.receipt else { return self.refused(.conflict) }
            receipt.isRepeat = true
            return receipt
        }
        guard try self.hasRoomForKey() else { return self.refused(.tooManyKeys) }
        let receipt = try self.store(operation)
        #if MUTANTS
        if Mutant.keyForgotten.isPlanted { return receipt }
        #endif
        if receipt.deliveries.contains(where: \.isStored) {
            try self.remember(key, KeyedAnswer(digest: digest, receipt: .append(receipt.forRepeats)), until: self.keyExpiry)
        }
        return receipt
    }

    /// Stores messages up to the first that is refused, or gives the receipt of the first sequence under its key.
    package func appendSequence(_ operation: AppendSequenceOperation) throws(Failure) -> AppendSequenceReceipt {
        guard let key = operation.idempotencyKey else { return try self.store(operation) }
        let digest = ContentDigest(of: operation)
        if let answer = try self.answer(to: key) {
            guard answer.digest == digest, case .sequence(var receipt) = answer.receipt else {
                return AppendSequenceReceipt(stored: [], refused: self.refused(.conflict))
            }
            receipt.isRepeat = true
            return receipt
        }
        guard try self.hasRoomForKey() else { return AppendSequenceReceipt(stored: [], refused: self.refused(.tooManyKeys)) }
        let receipt = try self.store(operation)
        if receipt.stored.contains(where: { $0.deliveries.contains(where: \.isStored) }) {
            try self.remember(key, KeyedAnswer(digest: digest, receipt: .sequence(receipt.forRepeats)), until: self.keyExpiry)
        }
        return receipt
    }

    private func store(_ operation: AppendSequenceOperation) throws(Failure) -> AppendSequenceReceipt {
        var receipt = AppendSequenceReceipt(stored: [])
        for append in operation.appends {
            let one = try self.storeForAllOrNone(append)
            guard one.isStoredForAll else {
                receipt.refused = one
                return receipt
            }
            receipt.stored.append(one)
        }
        return receipt
    }

    private func storeForAllOrNone(_ operation: AppendOperation) throws(Failure) -> AppendReceipt {
        // What one recipient refuses leaves nothing behind that had to be undone.
        if case .clients(let clients, _) = operation.recipients, clients.count == 1 { return try self.store(operation) }
        return try self.attempt { () throws(Failure) in
            let receipt = try self.store(operation)
            return (receipt, isKept: receipt.isStoredForAll)
        }
    }

    private func store(_ operation: AppendOperation) throws(Failure) -> AppendReceipt {
        let clients: [ClientID]
        let isExistingOnly: Bool
        switch operation.recipients {
        case .clients(let named, let existingOnly): (clients, isExistingOnly) = (named, existingOnly)
        case .user(let user): (clients, isExistingOnly) = (try self.clients(of: user), true)
        }
        guard try self.hasRoom(for: operation.payload.count * clients.count) else { return self.refused(.storeFull) }
        let times = KeptTimes(
            time: self.clock,
            expires: QueueRecord.expiry(timeToLive: operation.timeToLive, under: self.policy.retention, now: self.clock)
        )
        var deliveries: [Delivery] = []
        deliveries.reserveCapacity(clients.count)
        for client in clients {
            deliveries.append(try self.deliver(operation.payload, to: client, isExistingOnly: isExistingOnly, times: times))
        }
        return AppendReceipt(time: self.clock, deliveries: deliveries)
    }

    private func deliver(_ payload: Payload, to client: ClientID, isExistingOnly: Bool, times: KeptTimes) throws(Failure) -> Delivery {
        let retention = self.policy.retention
        guard var record = try self.record(of: client) else {
            if isExistingOnly { return Delivery(client: client, outcome: .noSuchClient) }
            if payload.count > retention.maxBytes { return Delivery(client: client, outcome: .tooLarge) }
            if self.queueCount >= self.policy.maxQueues { return Delivery(client: client, outcome: .tooManyQueues) }
            var record = try self.createQueue(client)
            return try self.keep(payload, in: &record, times: times)
        }
        var room = record.room(for: payload.count, under: retention)
        // No more than is needed, so that a queue in which all is old does not go in one commit.
        while case .short = room, let removed = try self.removeExpired(client, limit: 1_000) {
            record.expired(removed.sum, through: removed.range.last)
            try self.setRecord(record)
            room = record.room(for: payload.count, under: retention)
        }
        var discarded: SequenceRange?
        switch room {
        case .enough: break
        case .refused(let outcome): return Delivery(client: client, outcome: outcome, holder: record.holder)
        case .short where retention.onOverflow == .rejectNew:
            return Delivery(client: client, outcome: .queueFull, holder: record.holder)
        case .short(let shortage):
            if let removed = try self.removeOldest(shortage, of: client) {
                record.overflowed(removed.sum, through: removed.range.last)
                discarded = removed.range
            }
        }
        return try self.keep(payload, in: &record, times: times, discarded: discarded)
    }

    /// Gives the next number to a message for which there is room.
    private func keep(
        _ payload: Payload,
        in record: inout QueueRecord,
        times: KeptTimes,
        discarded: SequenceRange? = nil
    ) throws(Failure) -> Delivery {
        #if MUTANTS
        if Mutant.numberFromRows.isPlanted, record.kept.messages == 0 { record.head = record.floor }
        #endif
        let number = record.append(bytes: payload.count)
        try self.keep(payload, as: number, times: times, of: record.client)
        try self.setRecord(record)
        let holder = record.holder
        if let holder { try self.raise(.news, for: record.client, at: holder.node) }
        return Delivery(client: record.client, outcome: .stored(number, record.epoch), holder: holder, discarded: discarded)
    }

    private func refused(_ refusal: AppendRefusal) -> AppendReceipt {
        AppendReceipt(time: self.clock, deliveries: [], refusal: refusal)
    }

    private var keyExpiry: Timestamp {
        self.clock + min(self.policy.keyLifetime, .seconds(86_400))
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
