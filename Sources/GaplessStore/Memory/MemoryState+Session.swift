import GaplessCore

extension MemoryState {
    /// A connection becomes the queue's one voice, or is told why not.
    mutating func attach(_ operation: AttachOperation) -> AttachReceipt {
        guard let record = self.queues[operation.client]?.record else { return self.attachFirst(operation) }
        let policy = self.policy
        let now = self.clock
        let isHolderAlive = self.liveness(of: record) == .alive
        let freshEpoch = self.freshEpoch()
        let decision = self.changeQueue(operation.client) { queue in
            let decision: AttachDecision
            do {
                let messages = queue.messages
                decision = queue.record.attach(
                    operation,
                    policy: policy,
                    now: now,
                    isHolderAlive: isHolderAlive,
                    freshEpoch: freshEpoch
                ) { messages[$0]?.times }
            }
            queue.removeAcknowledged()
            return decision
        }
        switch decision {
        case .refused(let receipt): return receipt
        case .attached(let attachment):
            if let displaced = attachment.displaced {
                self.raise(.displaced, for: operation.client, at: displaced.node)
            }
            return .attached(attachment)
        case nil: preconditionFailure("a queue that was just found is there")
        }
    }

    /// The hello of a client without a queue: others may have to give way first.
    private mutating func attachFirst(_ operation: AttachOperation) -> AttachReceipt {
        let clients = self.clients(of: operation.client.user)
        let excess = clients.count + 1 - self.policy.maxClientsPerUser
        var evicted: [ClientID] = []
        if excess > 0 {
            let ranks = clients.compactMap { client in
                self.queues[client].flatMap { queue in
                    queue.record.evictionRank(self.liveness(of: queue.record), isEmpty: queue.isEmpty(at: self.clock))
                }
            }
            guard ranks.count >= excess else { return .tooManyClients }
            evicted = ranks.sorted().prefix(excess).map(\.client)
        }
        guard self.queues.count - evicted.count < self.policy.maxQueues else { return .tooManyQueues }
        for client in evicted {
            if let holder = self.queues[client]?.record.holder {
                self.raise(.displaced, for: client, at: holder.node)
            }
            self.removeQueue(client)
        }
        self.createQueue(operation.client)
        let policy = self.policy
        let now = self.clock
        let attachment = self.changeQueue(operation.client) { queue in
            queue.record.attachFirst(operation, policy: policy, now: now, evicted: evicted)
        }
        guard let attachment else { preconditionFailure("a queue that was just created is there") }
        return .attached(attachment)
    }

    /// `ACK`.
    mutating func acknowledge(_ operation: AcknowledgeOperation) -> AcknowledgeReceipt {
        let receipt = self.changeQueue(operation.client) { queue in
            let receipt: AcknowledgeReceipt
            do {
                let messages = queue.messages
                receipt = queue.record.acknowledge(operation) { messages[$0]?.times }
            }
            queue.removeAcknowledged()
            return receipt
        }
        return receipt ?? .refused(.gone)
    }

    /// The end of a connection.
    mutating func detach(_ operation: DetachOperation) -> DetachReceipt {
        let now = self.clock
        return self.changeQueue(operation.client) { $0.record.detach(operation, now: now) } ?? .refused(.gone)
    }

    /// A mark together with the sends of its handler: both or neither.
    mutating func advanceMark(_ operation: MarkOperation) -> MarkReceipt {
        self.attempt { state in
            guard let refusal = state.changeQueue(operation.client, { $0.record.advanceMark(operation) }) else {
                return (.refused(.gone), isKept: false)
            }
            if let refusal { return (refusal, isKept: false) }
            var receipts: [AppendReceipt] = []
            for (index, send) in operation.sends.enumerated() {
                let receipt = state.append(send)
                if receipt.isRefused { return (.sendRefused(index: index, receipt: receipt), isKept: false) }
                receipts.append(receipt)
            }
            return (.advanced(sends: receipts), isKept: true)
        }
    }

    /// `BYE`.
    mutating func end(_ operation: EndOperation) -> EndReceipt {
        guard let record = self.queues[operation.client]?.record else { return .refused(.gone) }
        if let refusal = record.refusal(of: operation.fence) { return .refused(refusal) }
        self.removeQueue(operation.client)
        return .ended
    }

    /// An operator's removal.
    mutating func remove(_ operation: RemoveOperation) -> RemoveReceipt {
        guard let record = self.queues[operation.client]?.record else { return .noSuchClient }
        if let holder = record.holder {
            self.raise(.removed(operation.code), for: operation.client, at: holder.node)
        }
        self.removeQueue(operation.client)
        return .removed(holder: record.holder, code: operation.code)
    }
}
