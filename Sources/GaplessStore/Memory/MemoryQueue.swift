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

    /// Keeps a message under the number.
    mutating func keep(_ payload: Payload, as number: SequenceNumber, times: KeptTimes) {
        self.messages.append(KeptMessage(sequence: number, times: times, payload: payload))
        self.earliestExpiry = min(self.earliestExpiry ?? times.expires, times.expires)
    }

    /// Removes expired messages, the oldest first, at most `limit`; nil when that is nothing.
    mutating func removeExpired(at now: Timestamp, limit: Int) -> RemovedMessages? {
        guard let earliest = self.earliestExpiry, now >= earliest else { return nil }
        defer { self.earliestExpiry = self.messages.all.lazy.map(\.times.expires).min() }
        return self.messages.removeExpired(at: now, limit: limit)
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

    /// The messages in a range.
    func all(in range: SequenceRange) -> ArraySlice<KeptMessage> {
        self.storage[self.index(above: range.first.previous)..<self.index(above: range.last)]
    }

    mutating func removeFirst(through number: SequenceNumber) -> RemovedMessages? {
        self.removeFirst(before: self.index(above: number))
    }

    mutating func removeFirst(covering shortage: KeptSum) -> RemovedMessages? {
        var sum = KeptSum.zero
        var end = self.start
        while end < self.storage.endIndex, sum.messages < shortage.messages || sum.bytes < shortage.bytes {
            sum += KeptSum(messages: 1, bytes: self.storage[end].payload.count)
            end += 1
        }
        return self.removeFirst(before: end)
    }

    mutating func removeExpired(at now: Timestamp, limit: Int) -> RemovedMessages? {
        var removed: RemovedMessages?
        var rest: [KeptMessage] = []
        for message in self.all {
            if removed?.sum.messages ?? 0 < limit, message.times.isExpired(at: now) {
                removed.add(message)
            } else {
                rest.append(message)
            }
        }
        self.storage = rest
        self.start = 0
        return removed
    }

    private mutating func removeFirst(before end: Int) -> RemovedMessages? {
        var removed: RemovedMessages?
        for message in self.storage[self.start..<end] {
            removed.add(message)
        }
        self.start = end
        if self.start * 2 >= self.storage.count {
            self.storage.removeFirst(self.start)
            self.start = 0
        } else {
            self.releasePayloads(before: end, count: removed?.sum.messages ?? 0)
        }
        return removed
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

extension RemovedMessages? {
    fileprivate mutating func add(_ message: KeptMessage) {
        let one = KeptSum(messages: 1, bytes: message.payload.count)
        let first = self?.range.first ?? message.sequence
        var sum = self?.sum ?? .zero
        sum += one
        self = RemovedMessages(sum: sum, range: SequenceRange(first, through: message.sequence))
    }
}
