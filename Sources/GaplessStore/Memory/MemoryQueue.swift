import GaplessCore

/// One queue in memory: its record and its messages.
struct MemoryQueue {
    var record: QueueRecord
    var messages = MessageLog()
    /// No kept message expires before; nil when nothing is kept. It may lie too early, after messages left.
    var earliestExpiry: Timestamp?

    init(record: QueueRecord) {
        self.record = record
    }

    /// Whether nothing can be delivered any more.
    func isEmpty(at now: Timestamp) -> Bool {
        self.messages.all.allSatisfy { $0.times.isExpired(at: now) }
    }

    /// Gives the message the next number and keeps it.
    mutating func append(_ payload: Payload, time: Timestamp, expires: Timestamp) -> SequenceNumber {
        let sequence = self.record.append(bytes: payload.count)
        let times = KeptTimes(time: time, expires: expires)
        self.messages.append(KeptMessage(sequence: sequence, times: times, payload: payload))
        self.earliestExpiry = min(self.earliestExpiry ?? expires, expires)
        return sequence
    }

    /// Removes what the floor has passed.
    mutating func removeAcknowledged() {
        self.record.removed(self.messages.removeFirst(through: self.record.floor).sum)
    }

    /// Removes expired messages, the oldest first, at most `limit`; gives how many.
    mutating func removeExpired(at now: Timestamp, limit: Int = .max) -> Int {
        guard let earliest = self.earliestExpiry, now >= earliest else { return 0 }
        let removal = self.messages.removeExpired(at: now, limit: limit)
        if let last = removal.last {
            self.record.expired(removal.sum, through: last)
        }
        self.earliestExpiry = self.messages.all.lazy.map(\.times.expires).min()
        return removal.sum.messages
    }

    /// Removes the oldest messages until so much has gone; gives the range that they span.
    mutating func overflow(_ shortage: KeptSum) -> SequenceRange? {
        let first = self.messages.all.first?.sequence
        let removal = self.messages.removeFirst(covering: shortage)
        guard let first, let last = removal.last else { return nil }
        self.record.overflowed(removal.sum, through: last)
        return SequenceRange(first, through: last)
    }
}

/// A message with all that the store knows of it.
struct KeptMessage {
    let sequence: SequenceNumber
    let times: KeptTimes
    var payload: Payload
}

/// The messages of one queue in order of their numbers; leaving at the front costs no move of the rest.
struct MessageLog {
    /// What left, and the highest number among it.
    struct Removal {
        var sum = KeptSum.zero
        var last: SequenceNumber?
    }

    private static let nothing = Payload(text: "")

    private var storage: [KeptMessage] = []
    private var start = 0

    /// The messages that are kept.
    var all: ArraySlice<KeptMessage> { self.storage[self.start...] }

    mutating func append(_ message: KeptMessage) {
        self.storage.append(message)
    }

    /// The messages above a number.
    func all(above number: SequenceNumber) -> ArraySlice<KeptMessage> {
        self.storage[self.index(above: number)...]
    }

    /// The message with a number; nil when it is not kept.
    subscript(sequence: SequenceNumber) -> KeptMessage? {
        guard sequence > .zero else { return nil }
        let index = self.index(above: sequence.previous)
        guard index < self.storage.endIndex, self.storage[index].sequence == sequence else { return nil }
        return self.storage[index]
    }

    mutating func removeFirst(through number: SequenceNumber) -> Removal {
        self.removeFirst(before: self.index(above: number))
    }

    mutating func removeFirst(covering shortage: KeptSum) -> Removal {
        var sum = KeptSum.zero
        var end = self.start
        while end < self.storage.endIndex, sum.messages < shortage.messages || sum.bytes < shortage.bytes {
            sum += KeptSum(messages: 1, bytes: self.storage[end].payload.count)
            end += 1
        }
        return self.removeFirst(before: end)
    }

    mutating func removeExpired(at now: Timestamp, limit: Int) -> Removal {
        var removal = Removal()
        var rest: [KeptMessage] = []
        for message in self.all {
            if removal.sum.messages < limit, message.times.isExpired(at: now) {
                removal.sum += KeptSum(messages: 1, bytes: message.payload.count)
                removal.last = message.sequence
            } else {
                rest.append(message)
            }
        }
        self.storage = rest
        self.start = 0
        return removal
    }

    private mutating func removeFirst(before end: Int) -> Removal {
        var removal = Removal()
        for message in self.storage[self.start..<end] {
            removal.sum += KeptSum(messages: 1, bytes: message.payload.count)
            removal.last = message.sequence
        }
        self.start = end
        if self.start * 2 >= self.storage.count {
            self.storage.removeFirst(self.start)
            self.start = 0
        } else {
            self.releasePayloads(before: end, count: removal.sum.messages)
        }
        return removal
    }

    /// What left is no longer held, though its place is.
    private mutating func releasePayloads(before end: Int, count: Int) {
        for index in (end - count)..<end {
            self.storage[index].payload = Self.nothing
        }
    }

    /// The place of the first message above the number.
    private func index(above number: SequenceNumber) -> Int {
        var low = self.start
        var high = self.storage.endIndex
        while low < high {
            let middle = (low + high) / 2
            if self.storage[middle].sequence > number { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
