import GaplessCore

extension MemoryState {
    /// A slice of the sweep: what is due first goes first, until the slice is full or nothing is due.
    mutating func expire(_ operation: ExpireOperation) -> ExpireReceipt {
        var receipt = ExpireReceipt(news: [], messages: 0, queues: [], hasMore: false)
        var rowsLeft = operation.maxRows
        while rowsLeft > 0, let (client, due) = self.due.first, due <= self.clock {
            rowsLeft -= 1 + self.sweep(client, limit: rowsLeft, into: &receipt)
        }
        if rowsLeft > 0 {
            rowsLeft -= self.keys.removeExpired(at: self.clock, limit: rowsLeft)
        }
        self.removeDeadNodes()
        receipt.hasMore = self.due.first.map { $0.due <= self.clock } ?? false || self.keys.hasExpired(at: self.clock)
        return receipt
    }

    /// Looks at one queue that is due; gives how many messages went. Afterwards it is gone, or due later, or the slice is full.
    private mutating func sweep(_ client: ClientID, limit: Int, into receipt: inout ExpireReceipt) -> Int {
        guard let record = self.queues[client]?.record else { preconditionFailure("a queue that is due is there") }
        if let end = record.lifetimeEnd(self.liveness(of: record), under: self.policy), end <= self.clock {
            self.removeQueue(client)
            receipt.queues.append(client)
            receipt.messages += record.kept.messages
            return record.kept.messages
        }
        let now = self.clock
        let removed = self.changeQueue(client) { $0.removeExpired(at: now, limit: limit) } ?? 0
        receipt.messages += removed
        if removed > 0, let holder = record.holder {
            receipt.news.append(Holder.OfClient(client: client, holder: holder))
            self.raise(.news, for: client, at: holder.node)
        }
        return removed
    }
}
