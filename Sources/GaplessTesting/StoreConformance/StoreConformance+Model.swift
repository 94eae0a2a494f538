import GaplessCore

extension StoreConformance {
    static let model = (1...12).map { seed in
        StoreCheck(
            "model",
            "whatever is done, store and model agree (seed \(seed))",
            policy: StorePolicy(
                retention: RetentionPolicy(
                    maxMessages: 6,
                    maxBytes: 40,
                    maxAge: .seconds(30),
                    onOverflow: seed.isMultiple(of: 3) ? .rejectNew : .discardOldest
                ),
                emptyKeep: .seconds(86_400)
            )
        ) { bench in
            var comparison = ModelComparison(bench, seed: UInt64(seed))
            for step in 1...400 {
                do {
                    try comparison.step()
                } catch let failure as StoreConformanceFailure {
                    let trace = comparison.trace.suffix(8).joined(separator: "; ")
                    throw StoreConformanceFailure("step \(step), \(trace): \(failure.sentence) (\(failure.place))")
                }
            }
        }
    }
}

/// Does random things to a store and to a model of it, and compares the answers.
private struct ModelComparison {
    private static let clients = [StoreBench.phone, StoreBench.tablet, StoreBench.bob]

    private let bench: StoreBench
    private var random: SplitMix
    private var queues: [ClientID: ModelQueue] = [:]
    /// Fences that were current at some time, of each client.
    private var fences: [ClientID: [Fence]] = [:]
    private var attempts: [InstanceID: UInt64] = [:]
    /// What was done, for people.
    var trace: [String] = []

    init(_ bench: StoreBench, seed: UInt64) {
        self.bench = bench
        self.random = SplitMix(state: seed)
    }

    mutating func step() throws {
        let client = Self.clients[self.random.below(Self.clients.count)]
        switch self.random.below(100) {
        case ..<35: try self.send(to: [client])
        case ..<40: try self.send(to: Self.clients)
        case ..<52: try self.acknowledge(client)
        case ..<66: try self.attach(client)
        case ..<70: try self.detach(client)
        case ..<78: try self.mark(client)
        case ..<88: try self.advance()
        case ..<92: try self.expire()
        case ..<94: try self.remove(client)
        case ..<96: try self.end(client)
        case ..<97: try self.reopen()
        default: break
        }
        for client in Self.clients {
            try self.look(client)
        }
    }

    // MARK: Steps

    private mutating func send(to clients: [ClientID]) throws {
        let text = String(repeating: "x", count: self.random.below(14))
        let timeToLive: Duration? = self.random.below(3) == 0 ? .seconds(Int64(1 + self.random.below(20))) : nil
        self.trace.append("send \(text.count) bytes to \(clients)")
        let receipt = try self.bench.append(StoreBench.message(text, to: clients, timeToLive: timeToLive))
        let expected = clients.map { client in self.queues[client, default: ModelQueue()].send(text, timeToLive, self.bench) }
        for ((client, delivery), expected) in zip(zip(clients, receipt.deliveries), expected) {
            switch (delivery.outcome, expected.outcome) {
            case (.stored(let sequence, let epoch), .stored(let number)):
                try expectEqual(sequence.rawValue, number, "the number of the message to \(client)")
                try self.learn(epoch, of: client)
            case (.queueFull, .full): break
            case (let got, let wanted): throw StoreConformanceFailure("the outcome for \(client): expected \(wanted), got \(got)")
            }
            let discarded = delivery.discarded.map { $0.first.rawValue...$0.last.rawValue }
            try expectEqual(discarded, expected.discarded, "what gave way at \(client)")
            try expectEqual(delivery.holder?.instance, self.queues[client]?.holder, "who holds \(client)")
        }
    }

    private mutating func acknowledge(_ client: ClientID) throws {
        guard let fence = self.fence(of: client) else { return }
        let head = self.queues[client]?.head ?? 3
        let number = UInt64(self.random.below(Int(head) + 2))
        self.trace.append("acknowledge \(number) of \(client)")
        let got = try self.bench.acknowledge(number, fence, client: client)
        if let refusal = self.refusal(of: fence, client) {
            try expectEqual(got, .refused(refusal), "an acknowledgement")
        } else if number > head {
            try expectEqual(got, .beyondHead(SequenceNumber(head)), "an acknowledgement")
        } else {
            self.queues[client]?.moveFloor(to: number, self.bench.now)
            let floor = SequenceNumber(self.queues[client]?.floor ?? 0)
            try expectEqual(got, .acknowledged(floor: floor, head: SequenceNumber(head)), "an acknowledgement")
        }
    }

    private mutating func attach(_ client: ClientID) throws {
        let instance = self.random.below(2) == 0 ? StoreBench.first : StoreBench.second
        let isLate = self.random.below(6) == 0
        if !isLate { self.attempts[instance, default: 0] += 1 }
        let attempt = max(1, self.attempts[instance] ?? 1)
        let fence = self.random.below(4) == 0 ? nil : self.fence(of: client)
        let handled = UInt64(self.random.below(Int(self.queues[client]?.head ?? 3) + 2))
        let last = self.message(of: client, through: handled)
        let position = fence.map { fence in
            Position(
                epoch: fence.epoch.token,
                handled: SequenceNumber(handled),
                last: last.map { LastMessage(sequence: SequenceNumber($0.number), time: $0.time) }
            )
        }
        let reached = handled + 1 + UInt64(self.random.below(3))
        let newest = self.message(of: client, through: reached)?.time ?? Timestamp(milliseconds: 0)
        let taken = Taken(through: SequenceNumber(reached), newest: newest)
        var hello = self.bench.hello(
            client,
            as: instance,
            attempt: attempt,
            position: position,
            held: self.random.below(2) == 0 ? fence?.generation : nil,
            force: self.random.below(4) == 0
        )
        if position != nil, self.random.below(3) == 0 { hello.taken = taken }
        self.trace.append("attach \(hello)")
        let got = try self.bench.attachReceipt(hello)
        let isKnown = self.queues[client] != nil
        let expected = self.queues[client, default: ModelQueue()].attach(
            hello,
            isKnown: isKnown,
            self.bench
        )
        switch (got, expected) {
        case (.late, .late), (.rival, .rival): break
        case (.attached(let attachment), .attached(let resume, let after)):
            try expectEqual(attachment.resume, resume, "the outcome")
            try expectEqual(attachment.after.rawValue, after, "where the stream goes on")
            if resume == .reset(.rollback) {
                try expect(attachment.fence.epoch != self.queues[client]?.epoch, "a rollback gives a new epoch")
                self.queues[client]?.epoch = nil
            }
            try self.learn(attachment.fence.epoch, of: client)
            try expectEqual(attachment.fence.generation.rawValue, self.queues[client]?.generation, "the generation")
            self.fences[client, default: []].append(attachment.fence)
        case (let got, let wanted): throw StoreConformanceFailure("a hello: expected \(wanted), got \(got)")
        }
    }

    /// A message that can be delivered at or below a number: the newest most often; now and then an older one, or one with another time.
    private mutating func message(of client: ClientID, through number: UInt64) -> (number: UInt64, time: Timestamp)? {
        let now = self.bench.now
        let messages = self.queues[client]?.messages.filter { $0.number <= number && !$0.isExpired(now) } ?? []
        guard let message = self.random.below(6) == 0 ? messages.first : messages.last else { return nil }
        return (message.number, self.random.below(5) == 0 ? message.time + .milliseconds(1) : message.time)
    }

    private mutating func detach(_ client: ClientID) throws {
        guard let fence = self.fence(of: client) else { return }
        self.trace.append("detach \(client)")
        let refusal = self.refusal(of: fence, client)
        try expectEqual(try self.bench.detach(fence, client: client), refusal.map { .refused($0) } ?? .detached, "a detach")
        if refusal == nil { self.queues[client]?.holder = nil }
    }

    private mutating func mark(_ client: ClientID) throws {
        guard let fence = self.fence(of: client) else { return }
        let mark = self.queues[client]?.mark ?? 0
        let number = mark + UInt64(self.random.below(3))
        self.trace.append("mark \(number) of \(client)")
        let operation = MarkOperation(client: client, fence: fence, outbox: Name.outbox("o1"), number: SequenceNumber(number))
        let expected: MarkReceipt
        if let refusal = self.refusal(of: fence, client) {
            expected = .refused(refusal)
        } else if number == mark + 1 {
            expected = .advanced(sends: [])
            self.queues[client]?.mark = number
        } else {
            expected = number == mark && mark > 0 ? .repeated : .notNext(mark: SequenceNumber(mark))
        }
        try expectEqual(try self.bench.commit(.advanceMark(operation)), .advanceMark(expected), "a mark")
    }

    private mutating func advance() throws {
        let seconds = Int64(1 + self.random.below(10))
        self.trace.append("\(seconds) s pass")
        self.bench.advance(by: .seconds(seconds))
        try self.bench.heartbeat()
    }

    private mutating func expire() throws {
        self.trace.append("sweep")
        try expectEqual(try self.bench.expireAll(maxRows: 1 + self.random.below(5)).queues, [], "no queue's lifetime ends")
    }

    private mutating func remove(_ client: ClientID) throws {
        self.trace.append("remove \(client)")
        let isThere = self.queues.removeValue(forKey: client) != nil
        try expectEqual(try self.bench.remove(client) != .noSuchClient, isThere, "a removal")
    }

    private mutating func end(_ client: ClientID) throws {
        guard let fence = self.fence(of: client) else { return }
        self.trace.append("end \(client)")
        let refusal = self.refusal(of: fence, client)
        try expectEqual(try self.bench.end(fence, client: client), refusal.map { .refused($0) } ?? .ended, "a BYE")
        if refusal == nil { self.queues[client] = nil }
    }

    private mutating func reopen() throws {
        self.trace.append("open again")
        try self.bench.reopen()
    }

    // MARK: Comparing

    private func look(_ client: ClientID) throws {
        let snapshot = try self.bench.snapshot(client)
        guard let queue = self.queues[client] else {
            try expect(snapshot == nil, "\(client) has no queue")
            return
        }
        let live = queue.messages.filter { !$0.isExpired(self.bench.now) }
        try expectEqual(snapshot?.head.rawValue, queue.head, "the head of \(client)")
        try expectEqual(snapshot?.floor.rawValue, queue.floor, "the floor of \(client)")
        try expectEqual(snapshot?.messages, live.count, "the messages of \(client)")
        try expectEqual(snapshot?.bytes, live.reduce(0) { $0 + $1.text.utf8.count }, "the bytes of \(client)")
        try expectEqual(snapshot?.oldest, live.first?.time, "the oldest of \(client)")
        try expectEqual(snapshot?.overflowedThrough.rawValue, queue.overflowedThrough, "what overflowed at \(client)")
        guard let epoch = queue.epoch, queue.generation > 0 else { return }
        let fence = Fence(epoch: epoch, generation: Generation(queue.generation))
        let slice = try self.bench.read(after: queue.floor, fence, client: client)
        try expectEqual(slice.numbers, live.map(\.number), "what \(client) reads")
        try expectEqual(slice.texts, live.map(\.text), "the payloads that \(client) reads")
        try expectEqual(slice.through.rawValue, queue.head, "how far the read of \(client) tells")
    }

    private func fence(of client: ClientID) -> Fence? {
        guard let fences = self.fences[client], let newest = fences.last else { return nil }
        var random = self.random
        return random.below(4) == 0 ? fences[random.below(fences.count)] : newest
    }

    private func refusal(of fence: Fence, _ client: ClientID) -> FenceRefusal? {
        guard let queue = self.queues[client], let epoch = queue.epoch else { return .gone }
        guard fence.epoch == epoch else { return .otherEpoch(epoch) }
        guard fence.generation.rawValue < queue.generation else { return nil }
        return .newer(Generation(queue.generation), instance: queue.holder)
    }

    /// The model cannot draw epochs: it learns the first one that a queue shows, and holds it against later ones.
    private mutating func learn(_ epoch: Epoch, of client: ClientID) throws {
        if let known = self.queues[client]?.epoch {
            try expectEqual(epoch, known, "the epoch of \(client)")
        } else {
            try expect(!(self.fences[client] ?? []).contains { $0.epoch == epoch }, "a new epoch was never used before")
            self.queues[client]?.epoch = epoch
        }
    }
}

/// A queue as simple as it can be said.
private struct ModelQueue {
    struct Message {
        var number: UInt64
        var text: String
        var time: Timestamp
        var expires: Timestamp

        func isExpired(_ now: Timestamp) -> Bool { now >= self.expires }
    }

    enum Outcome { case stored(UInt64), full }
    enum Answer { case late, rival, attached(Resume, after: UInt64) }

    var epoch: Epoch?
    var generation: UInt64 = 0
    var head: UInt64 = 0
    var floor: UInt64 = 0
    var overflowedThrough: UInt64 = 0
    var mark: UInt64 = 0
    var messages: [Message] = []
    var holder: InstanceID?
    var lastInstance: InstanceID?
    var lastAttempt: UInt64 = 0

    mutating func send(_ text: String, _ timeToLive: Duration?, _ bench: StoreBench) -> (outcome: Outcome, discarded: ClosedRange<UInt64>?)
    {
        let retention = bench.policy.retention
        var live = self.messages.filter { !$0.isExpired(bench.now) }
        var discarded: [UInt64] = []
        while live.count + 1 > retention.maxMessages || live.reduce(text.utf8.count, { $0 + $1.text.utf8.count }) > retention.maxBytes {
            if retention.onOverflow == .rejectNew { return (.full, nil) }
            discarded.append(live.removeFirst().number)
        }
        if let last = discarded.last { self.overflowedThrough = last }
        self.head += 1
        let expires = bench.now + min(timeToLive ?? retention.maxAge, retention.maxAge)
        self.messages = live + [Message(number: self.head, text: text, time: bench.now, expires: expires)]
        return (.stored(self.head), discarded.first.map { $0...(discarded.last ?? $0) })
    }

    mutating func moveFloor(to number: UInt64, _ now: Timestamp) {
        self.floor = max(self.floor, number)
        self.messages.removeAll { $0.number <= self.floor }
    }

    mutating func attach(_ hello: AttachOperation, isKnown: Bool, _ bench: StoreBench) -> Answer {
        if self.lastInstance == hello.instance, hello.attempt.rawValue <= self.lastAttempt { return .late }
        let isSameEpoch = hello.position.map { $0.epoch == self.epoch?.token } ?? false
        let held = hello.held?.rawValue
        if let holder = self.holder, holder != hello.instance, isSameEpoch, !hello.force, let held, held < self.generation {
            return .rival
        }
        let wasAttached = self.generation > 0
        self.generation += 1
        self.holder = hello.instance
        self.lastInstance = hello.instance
        self.lastAttempt = hello.attempt.rawValue
        guard let position = hello.position else { return .attached(wasAttached ? .resumed : .new, after: self.floor) }
        if !isKnown { return .attached(.reset(.unknown), after: 0) }
        if !isSameEpoch { return .attached(.reset(.epoch), after: self.floor) }
        let handled = position.handled.rawValue
        if handled > self.head || self.contradicts(hello, position, bench.now) || held.map({ $0 >= self.generation }) ?? false {
            return .attached(.reset(.rollback), after: self.floor)
        }
        if handled < self.floor { return .attached(.partial, after: handled) }
        self.moveFloor(to: handled, bench.now)
        let isNextGone = handled < self.head && !self.messages.contains { $0.number == handled + 1 && !$0.isExpired(bench.now) }
        return .attached(isNextGone ? .partial : .resumed, after: handled)
    }
}

extension ModelQueue {
    /// Whether a message that can be delivered is one that the client should have, and has not.
    private func contradicts(_ hello: AttachOperation, _ position: Position, _ now: Timestamp) -> Bool {
        if let taken = hello.taken {
            if taken.through.rawValue > self.head || self.isNewer(than: taken.newest, through: taken.through, now) { return true }
        }
        guard let last = position.last, last.sequence.rawValue > self.floor else { return false }
        let isOther = self.messages.contains { $0.number == last.sequence.rawValue && $0.time != last.time }
        return isOther || self.isNewer(than: last.time, through: position.handled, now)
    }

    private func isNewer(than time: Timestamp, through number: SequenceNumber, _ now: Timestamp) -> Bool {
        self.messages.contains { message in
            guard !message.isExpired(now), message.number <= number.rawValue else { return false }
            return time < message.time || (message.number == number.rawValue && message.time != time)
        }
    }
}

/// SplitMix64: small, seeded, the same everywhere.
private struct SplitMix {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((z ^ (z >> 31)) % UInt64(bound))
    }
}
