import GRDB
import GaplessCore
import GaplessStore

extension SQLiteTransaction {
    /// A slice of the sweep: what was not removed at once, the next queues in the order of their keys, then keys, nodes and the signals of
    /// the dead.
    ///
    /// All processes together go round and round; where they are is written in the store. A round takes as many slices as there are
    /// queues, divided by what a slice looks at: no index on time is worth its price for each message.
    func expire(_ operation: ExpireOperation) throws -> ExpireReceipt {
        var receipt = ExpireReceipt(news: [], messages: 0, queues: [], hasMore: false)
        var rowsLeft = operation.maxRows
        // One half for what is gone already, so that neither waits for the other.
        rowsLeft -= try self.removeLeftovers(limit: (operation.maxRows + 1) / 2)
        let page = try QueueRows.addresses(above: self.swept, limit: operation.maxRows, in: self.tables.database)
        var isPageDone = true
        for (id, client) in page {
            guard rowsLeft > 0 else {
                isPageDone = false
                break
            }
            rowsLeft -= 1
            if let record = try self.record(of: client) {
                let limit = max(1, rowsLeft)
                self.removable = min(self.removable, limit)
                let removed = try self.sweep(record, limit: limit, into: &receipt)
                rowsLeft -= removed
                // When the limit was reached there may be more in the same queue.
                if removed >= limit, try self.record(of: client) != nil {
                    isPageDone = false
                    break
                }
            }
            self.swept = id
        }
        let isRoundDone = isPageDone && page.count < operation.maxRows
        if isRoundDone { self.swept = 0 }
        receipt.hasMore = try !isRoundDone || self.tables.leftovers.next() != nil
        if rowsLeft > 0 {
            let keys = try self.removeExpiredKeys(limit: rowsLeft)
            rowsLeft -= keys.count
            if keys.hasMore { receipt.hasMore = true }
        }
        if rowsLeft > 0 {
            rowsLeft -= try self.removeSentAway(limit: rowsLeft)
            if try rowsLeft <= 0 || self.removeDead(limit: rowsLeft) { receipt.hasMore = true }
        }
        receipt.stored = StoredSum(queues: self.queueCount, bytes: self.storedBytes)
        return receipt
    }

    /// Forgets the signals of dead nodes, and dead nodes when no queue's lifetime can depend on them any more.
    ///
    /// - Returns: whether there is more to do.
    private func removeDead(limit: Int) throws -> Bool {
        let alive = Set(try self.aliveNodes().map { SignalRows.key(of: $0.node) })
        var rowsLeft = limit
        for key in try SignalRows.keys(in: self.tables.database) where !alive.contains(key) {
            rowsLeft -= try SignalRows.delete(forDead: key, limit: rowsLeft, in: self.tables.database)
            guard rowsLeft > 0 else { return true }
        }
        let oldest = self.policy.nodeLifetime + max(self.policy.maxKeep, self.policy.retention.keep)
        for record in try self.allNodes().values where self.clock >= record.lastSeen + oldest {
            try self.setNode(record.node, to: nil)
        }
        return false
    }
}
