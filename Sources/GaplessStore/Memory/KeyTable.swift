import GaplessCore

/// The idempotency keys in memory with what was sent under them; none is forgotten before its time.
struct KeyTable {
    /// What a key stands for, and until when.
    struct Entry {
        var answer: KeyedAnswer
        var expires: Timestamp
    }

    private var entries: [IdempotencyKey: Entry] = [:]
    /// The keys in the order in which they expire, from `start` on; a key that came again has a second place.
    private var order: [(key: IdempotencyKey, expires: Timestamp)] = []
    private var start = 0

    /// How many keys there are, expired ones that were not swept included.
    var count: Int { self.entries.count }

    /// What a key stands for; nil when it is unknown or forgotten.
    func answer(to key: IdempotencyKey, now: Timestamp) -> KeyedAnswer? {
        self.entries[key].flatMap { now < $0.expires ? $0.answer : nil }
    }

    mutating func insert(_ key: IdempotencyKey, _ entry: Entry) {
        self.entries[key] = entry
        self.order.append((key, entry.expires))
    }

    /// Undoes the newest insertion.
    mutating func undoInsert(_ key: IdempotencyKey) {
        precondition(self.order.last?.key == key, "insertions are undone in reverse")
        self.order.removeLast()
        self.entries.removeValue(forKey: key)
    }

    /// Forgets keys whose time is over, at most `limit`; gives how many.
    mutating func removeExpired(at now: Timestamp, limit: Int) -> Int {
        var removed = 0
        while removed < limit, self.start < self.order.count, now >= self.order[self.start].expires {
            let (key, expires) = self.order[self.start]
            if self.entries[key]?.expires == expires {
                self.entries.removeValue(forKey: key)
            }
            self.start += 1
            removed += 1
        }
        if self.start * 2 > self.order.count {
            self.order.removeFirst(self.start)
            self.start = 0
        }
        return removed
    }

    /// Whether keys wait to be forgotten.
    func hasExpired(at now: Timestamp) -> Bool {
        self.start < self.order.count && now >= self.order[self.start].expires
    }
}
