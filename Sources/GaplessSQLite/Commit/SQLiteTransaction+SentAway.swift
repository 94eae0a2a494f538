import GaplessCore
import GaplessStore

extension SQLiteTransaction {
    /// Whether the table is there in which it is kept who is sent away.
    var keepsSentAway: Bool { self.schemaInUse >= StoreSchema.reporting }

    func sentAway(_ client: ClientID) throws -> SentAway? {
        guard self.keepsSentAway else { return nil }
        return try SentAwayRows.find(client, now: self.clock, in: self.tables.database)
    }

    func setSentAway(_ client: ClientID, to away: SentAway?) throws {
        if let away {
            try SentAwayRows.put(away, for: client, in: self.tables.database)
        } else {
            try SentAwayRows.delete(client, in: self.tables.database)
        }
    }

    func hasRoomForSentAway() throws -> Bool {
        if try SentAwayRows.count(in: self.tables.database) < self.policy.maxSentAway { return true }
        _ = try self.removeSentAway(limit: 1_000)
        return try SentAwayRows.count(in: self.tables.database) < self.policy.maxSentAway
    }

    /// Forgets those who may come by now, at most `limit`; gives how many that were.
    func removeSentAway(limit: Int) throws -> Int {
        guard self.keepsSentAway else { return 0 }
        return try SentAwayRows.removeEnded(at: self.clock, limit: limit, in: self.tables.database)
    }
}
