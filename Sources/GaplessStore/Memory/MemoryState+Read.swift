import GaplessCore

extension MemoryState {
    /// What follows a connection's cursor.
    func read(_ request: ReadRequest) -> ReadReceipt {
        guard let queue = self.queues[request.client] else { return .refused(.gone) }
        #if MUTANTS
        if Mutant.deliverOnOldConnection.isPlanted, request.fence.epoch == queue.record.epoch, request.fence != queue.record.fence {
            var current = request
            current.fence = queue.record.fence
            return self.read(current)
        }
        #endif
        if let refusal = queue.record.refusal(of: request.fence) { return .refused(refusal) }
        var messages: [StoredMessage] = []
        var bytes = 0
        var through = queue.record.head
        for message in queue.messages.all(above: request.after) where self.isReadable(message) {
            let isFirst = messages.isEmpty
            guard messages.count < request.maxMessages, isFirst || bytes + message.payload.count <= request.maxBytes else {
                through = message.sequence.previous
                break
            }
            bytes += message.payload.count
            messages.append(StoredMessage(sequence: message.sequence, time: message.times.time, payload: message.payload))
        }
        return .slice(
            QueueSlice(
                messages: messages,
                through: through,
                head: queue.record.head,
                floor: queue.record.floor,
                overflowedThrough: queue.record.overflowedThrough
            )
        )
    }

    /// An expired message counts as gone, swept or not. [R6.2-3]
    private func isReadable(_ message: KeptMessage) -> Bool {
        #if MUTANTS
        if Mutant.expiredDelivered.isPlanted { return true }
        #endif
        return !message.times.isExpired(at: self.clock)
    }

    /// One queue as an operator sees it; nil when there is none.
    func snapshot(of client: ClientID) -> QueueSnapshot? {
        guard let queue = self.queues[client] else { return nil }
        let deliverable = queue.messages.all.filter { !$0.times.isExpired(at: self.clock) }
        let record = queue.record
        return QueueSnapshot(
            client: client,
            epoch: record.epoch,
            generation: record.generation,
            head: record.head,
            floor: record.floor,
            discardedThrough: record.discardedThrough,
            overflowedThrough: record.overflowedThrough,
            messages: deliverable.count,
            bytes: deliverable.reduce(0) { $0 + $1.payload.count },
            oldest: deliverable.first?.times.time,
            holder: record.holder,
            created: record.created,
            attached: record.lastAttachment?.attached,
            detached: record.lastAttachment?.detached
        )
    }

    /// The addresses above one, of a user or of all, in order; at most `limit`.
    func clients(of user: UserID?, after: ClientID?, limit: Int) -> [ClientID] {
        let candidates = user.map { self.clients(of: $0) } ?? Array(self.queues.keys)
        return Array(candidates.filter { client in after.map { client > $0 } ?? true }.sorted().prefix(max(0, limit)))
    }
}
