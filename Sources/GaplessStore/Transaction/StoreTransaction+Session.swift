package import GaplessCore

extension StoreTransaction {
    /// A connection becomes the queue's one voice, or is told why not. That the client was sent away goes before everything else.
    package func attach(_ operation: AttachOperation) throws(Failure) -> AttachReceipt {
        let client = operation.client
        if let away = try self.awayNow(client) { return .sentAway(away.code) }  // [R5.1-7]
        guard var record = try self.record(of: client) else { return try self.attachFirst(operation) }
        let floor = record.floor
        let decision = try record.attach(
            operation,
            policy: self.policy,
            now: self.clock,
            isHolderAlive: try self.isHolderAlive(record),
            freshEpoch: self.freshEpoch(),
            times: { (number) throws(Failure) in try self.times(of: number, of: client) },
            newest: { (range, moment) throws(Failure) in try self.newest(in: range, unexpiredAt: moment, of: client) }
        )
        switch decision {
        case .refused(let receipt): return receipt
        case .attached(let attachment):
            try self.putBack(&record, movedFrom: floor)
            if let displaced = attachment.displaced {
                try self.raise(.displaced, for: client, at: displaced.node)
            }
            #if MUTANTS
            if Mutant.resumeAtHead.isPlanted { return .attached(attachment.atHead) }
            if Mutant.resetAtHead.isPlanted, case .reset = attachment.resume { return .attached(attachment.atHead) }
            #endif
            return .attached(attachment)
        }
    }

    /// The hello of a client without a queue: others may have to give way first.
    private func attachFirst(_ operation: AttachOperation) throws(Failure) -> AttachReceipt {
        guard operation.mayCreate else { return .tooManyNewQueues }
        guard let evicted = try self.evictable(for: operation.client.user) else { return .tooManyClients }
        guard self.queueCount - evicted.count < self.policy.maxQueues else { return .tooManyQueues }
        for record in evicted {
            if let holder = record.holder { try self.raise(.displaced, for: record.client, at: holder.node) }
            try self.removeQueue(record.client)
        }
        var record = try self.createQueue(operation.client)
        let attachment = record.attachFirst(operation, policy: self.policy, now: self.clock, evicted: evicted.map(\.client))
        try self.setRecord(record)
        return .attached(attachment)
    }

    /// The queues of a user that give way to one more; nil when too few can.
    private func evictable(for user: UserID) throws(Failure) -> [QueueRecord]? {
        let clients = try self.clients(of: user)
        let excess = clients.count + 1 - self.policy.maxClientsPerUser
        guard excess > 0 else { return [] }
        var candidates: [(rank: EvictionRank, record: QueueRecord)] = []
        for client in clients {
            guard let record = try self.record(of: client) else { continue }
            let isEmpty = try !self.hasUnexpired(client)
            if let rank = record.evictionRank(try self.liveness(of: record), isEmpty: isEmpty) {
                candidates.append((rank, record))
            }
        }
        guard candidates.count >= excess else { return nil }
        return candidates.sorted { $0.rank < $1.rank }.prefix(excess).map(\.record)
    }

    /// `ACK`.
    package func acknowledge(_ operation: AcknowledgeOperation) throws(Failure) -> AcknowledgeReceipt {
        let client = operation.client
        guard var record = try self.record(of: client) else { return .refused(.gone) }
        let floor = record.floor
        let receipt = try record.acknowledge(operation) { (number) throws(Failure) in
            try self.times(of: number, of: client)
        }
        if record.floor != floor { try self.putBack(&record, movedFrom: floor) }
        return receipt
    }

    /// The end of a connection.
    package func detach(_ operation: DetachOperation) throws(Failure) -> DetachReceipt {
        guard var record = try self.record(of: operation.client) else { return .refused(.gone) }
        let receipt = record.detach(operation, now: self.clock)
        if case .detached = receipt { try self.setRecord(record) }
        return receipt
    }

    /// A mark together with the sends of its handler: both or neither.
    package func advanceMark(_ operation: MarkOperation) throws(Failure) -> MarkReceipt {
        guard var record = try self.record(of: operation.client) else { return .refused(.gone) }
        #if MUTANTS
        if Mutant.replyWithoutMark.isPlanted, record.refusesMark(operation) {
            for send in operation.sends { _ = try self.append(send) }
        }
        #endif
        if let refusal = record.advanceMark(operation) { return refusal }
        guard !operation.sends.isEmpty else {
            try self.setRecord(record)
            return .advanced(sends: [])
        }
        return try self.attempt { () throws(Failure) in
            try self.setRecord(record)
            var receipts: [AppendReceipt] = []
            for (index, send) in operation.sends.enumerated() {
                let receipt = try self.append(send)
                if receipt.isRefused { return (.sendRefused(index: index, receipt: receipt), isKept: false) }
                receipts.append(receipt)
            }
            return (.advanced(sends: receipts), isKept: true)
        }
    }

    /// `BYE`.
    package func end(_ operation: EndOperation) throws(Failure) -> EndReceipt {
        guard let record = try self.record(of: operation.client) else { return .refused(.gone) }
        #if MUTANTS
        if Mutant.byeUnfenced.isPlanted {
            try self.removeQueue(operation.client)
            return .ended
        }
        #endif
        if let refusal = record.refusal(of: operation.fence) { return .refused(refusal) }
        try self.removeQueue(operation.client)
        return .ended
    }

    /// An operator's removal.
    package func remove(_ operation: RemoveOperation) throws(Failure) -> RemoveReceipt {
        guard let record = try self.record(of: operation.client) else { return .noSuchClient }
        let holder = record.holder
        if let holder { try self.raise(.removed(operation.code), for: operation.client, at: holder.node) }
        try self.removeQueue(operation.client)
        return .removed(holder: holder, code: operation.code)
    }

    /// An operator sends a client away for a while, or lets it come again. A queue need not be there, and one that is stays as it is: only an
    /// attach changes who holds it, and the connection that does gives it back when it is closed.
    package func sendAway(_ operation: SendAwayOperation) throws(Failure) -> SendAwayReceipt {
        let client = operation.client
        guard self.keepsSentAway else { return .schemaTooOld }
        let former = try self.sentAway(client)
        guard let code = operation.code else {
            try self.setSentAway(client, to: nil)
            return .letIn(wasAway: former != nil)
        }
        if former == nil {
            guard try self.hasRoomForSentAway() else { return .tooMany }
        }
        try self.setSentAway(client, to: SentAway(code: code, until: self.clock + operation.time))
        let holder = try self.record(of: client)?.holder
        if let holder { try self.raise(.sentAway(code, from: FenceDigest(holder.fence)), for: client, at: holder.node) }
        return .sentAway(holder: holder, code: code)
    }

    /// Whether a client is sent away, as its `HELLO` meets it.
    private func awayNow(_ client: ClientID) throws(Failure) -> SentAway? {
        #if MUTANTS
        if Mutant.sentAwayForgotten.isPlanted { return nil }
        #endif
        return try self.sentAway(client)
    }

    /// Looks at one queue for what is too old; afterwards it is gone, or holds nothing expired, or `limit` messages went.
    ///
    /// - Returns: how many messages went.
    package func sweep(_ record: QueueRecord, limit: Int, into receipt: inout ExpireReceipt) throws(Failure) -> Int {
        if let end = record.lifetimeEnd(try self.liveness(of: record), under: self.policy), end <= self.clock {
            try self.removeQueue(record.client)
            receipt.queues.append(record.client)
            receipt.messages += record.kept.messages
            return record.kept.messages
        }
        guard let removed = try self.removeExpired(record.client, limit: limit) else {
            try self.measure(record, into: &receipt)
            return 0
        }
        var record = record
        record.expired(removed.sum, through: removed.range.last)
        try self.setRecord(record)
        try self.measure(record, into: &receipt)
        receipt.messages += removed.sum.messages
        if let holder = record.holder {
            receipt.news.append(Holder.OfClient(client: record.client, holder: holder))
            try self.raise(.news, for: record.client, at: holder.node)
        }
        return removed.sum.messages
    }

    /// Notes how full a queue is that stays, and how old.
    private func measure(_ record: QueueRecord, into receipt: inout ExpireReceipt) throws(Failure) {
        receipt.depths.append(record.kept.messages)
        guard record.kept.messages > 0, let oldest = try self.oldestTime(of: record.client) else { return }
        receipt.ages.append(max(.zero, oldest.duration(to: self.clock)))
    }

    private func isHolderAlive(_ record: QueueRecord) throws(Failure) -> Bool {
        guard record.holder != nil else { return false }
        return try self.liveness(of: record) == .alive
    }

    /// Writes a record whose floor may have moved, and removes what the floor has passed.
    private func putBack(_ record: inout QueueRecord, movedFrom floor: SequenceNumber) throws(Failure) {
        if record.floor != floor {
            record.removed(try self.removeAcknowledged(record))
        }
        try self.setRecord(record)
    }
}
