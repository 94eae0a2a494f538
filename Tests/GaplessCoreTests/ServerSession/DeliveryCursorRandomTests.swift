import GaplessCore
import Testing

/// A queue with every misfortune, and a client that checks what it is told.
private struct RandomQueue {
    var luck: SeededLuck
    var cursor: DeliveryCursor
    let window: Window
    var kept: [UInt64] = []
    var sizes: [UInt64: Int] = [:]
    var gone: Set<UInt64> = []
    var head: UInt64 = 0
    var floor: UInt64 = 0
    var overflowedThrough: UInt64 = 0
    /// The read under way, as the store saw it when it was asked or later.
    var reading: DeliveryCursor.Read?
    /// What the client took and what it acknowledged.
    var taken: UInt64 = 0
    var acknowledged: UInt64 = 0
    var inFlight: [(number: UInt64, size: Int)] = []
    var problems: [String] = []

    init(seed: UInt64) {
        var luck = SeededLuck(seed)
        self.window = Window(messages: UInt64.random(in: 1...4, using: &luck), bytes: UInt64.random(in: 1...40, using: &luck))
        self.cursor = DeliveryCursor(window: self.window, after: .zero, head: .zero, maxReadMessages: 3, maxReadBytes: 30)
        self.luck = luck
    }

    mutating func step() {
        switch Int.random(in: 0..<8, using: &self.luck) {
        case 0, 1: self.append()
        case 2: self.lose()
        case 3: self.acknowledge()
        case 4, 5: self.ask()
        default: self.answer()
        }
    }

    mutating func append() {
        self.head += 1
        let size = Int.random(in: 0...20, using: &self.luck)
        self.sizes[self.head] = size
        self.kept.append(self.head)
        var discarded: UInt64?
        if self.kept.count > 6 {
            let last = self.kept.removeFirst()
            self.gone.insert(last)
            self.overflowedThrough = last
            discarded = last
        }
        let isSent = self.cursor.committed(
            .test(self.head, size: size),
            discardedThrough: discarded.map { SequenceNumber($0) },
            isWritable: Bool.random(using: &self.luck)
        )
        if isSent { self.take([.message(.test(self.head, size: size))]) }
    }

    mutating func lose() {
        guard let index = self.kept.indices.randomElement(using: &self.luck) else { return }
        self.gone.insert(self.kept.remove(at: index))
        self.cursor.news()
    }

    mutating func acknowledge() {
        // Sometimes more than was taken here: the client handled it on the connection before.
        let ahead = UInt64.random(in: 0..<10, using: &self.luck) == 0
        let bound = ahead ? self.head : self.taken
        guard bound > self.acknowledged else { return }
        let number = UInt64.random(in: (self.acknowledged + 1)...bound, using: &self.luck)
        guard self.cursor.acknowledge(through: SequenceNumber(number)) == .commit else {
            self.problems.append("ACK \(number) ignored")
            return
        }
        self.acknowledged = number
        self.taken = max(self.taken, number)
        self.floor = number
        self.kept.removeAll { $0 <= number }
        self.inFlight.removeAll { $0.number <= number }
        _ = self.cursor.acknowledged(through: SequenceNumber(number), head: SequenceNumber(self.head))
    }

    mutating func ask() {
        if let read = self.cursor.nextRead(isWritable: true) {
            if self.reading != nil { self.problems.append("two reads") }
            self.reading = read
        }
    }

    mutating func answer() {
        guard let read = self.reading else { return }
        self.reading = nil
        var messages: [StoredMessage] = []
        var bytes = 0
        var through = self.head
        for number in self.kept where number > read.after.rawValue {
            let size = self.sizes[number] ?? 0
            guard messages.count < read.maxMessages, messages.isEmpty || bytes + size <= read.maxBytes else {
                through = number - 1
                break
            }
            messages.append(.test(number, size: size))
            bytes += size
        }
        var frames: [ServerFrame] = []
        let slice = QueueSlice.test(
            messages,
            through: max(through, read.after.rawValue),
            head: self.head,
            floor: self.floor,
            overflowedThrough: self.overflowedThrough
        )
        if self.cursor.loaded(slice, into: &frames) != .goesOn { self.problems.append("the store did not go back") }
        self.take(frames)
    }

    mutating func take(_ frames: [ServerFrame]) {
        for frame in frames {
            switch frame {
            case .message(let message):
                let number = message.sequence.rawValue
                if number != self.taken + 1 { self.problems.append("MSG \(number) after \(self.taken)") }
                self.taken = number
                self.inFlight.append((number, message.payload.count))
            case .gap(let gap):
                let (first, last) = (gap.range.first.rawValue, gap.range.last.rawValue)
                if first != self.taken + 1 { self.problems.append("GAP \(first) after \(self.taken)") }
                if !(first...last).allSatisfy({ self.gone.contains($0) }) { self.problems.append("GAP over what is there") }
                self.taken = last
            default:
                self.problems.append("another frame")
            }
        }
        let bytes = self.inFlight.reduce(0) { $0 + $1.size }
        if UInt64(self.inFlight.count) > self.window.messages { self.problems.append("too many in flight") }
        if self.inFlight.count > 1, UInt64(bytes) > self.window.bytes { self.problems.append("too much in flight") }
        if self.cursor.messagesInFlight != self.inFlight.count { self.problems.append("another count in flight") }
    }

    /// No more misfortune: everything must arrive.
    mutating func settle() {
        for _ in 0..<10_000 where self.taken < self.head || self.reading != nil {
            self.answer()
            self.ask()
            if self.reading == nil, self.taken > self.acknowledged {
                let number = self.taken
                _ = self.cursor.acknowledge(through: SequenceNumber(number))
                self.acknowledged = number
                self.floor = number
                self.kept.removeAll { $0 <= number }
                self.inFlight.removeAll()
            }
        }
        if self.taken != self.head { self.problems.append("stuck at \(self.taken) of \(self.head)") }
    }
}

@Suite("Delivery cursor: any order of events")
struct DeliveryCursorRandomTests {
    @Test(
        "no hole, no overlap, no false gap, never over the window, and everything arrives [R6.1-1, R6.2-1, R6.2-2, R6.2-5, R6.4-1, R6.4-2]"
    )
    func anyOrder() {
        for seed in UInt64(1)...2_000 {
            var queue = RandomQueue(seed: seed)
            for _ in 0..<120 where queue.problems.isEmpty { queue.step() }
            queue.settle()
            #expect(queue.problems.isEmpty, "seed \(seed)")
        }
    }
}
