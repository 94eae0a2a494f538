import GaplessCore
import GaplessStore

extension StoreConformance {
    static let restores = [
        StoreCheck("restores", "a store that went back in time resets as rollback, with what it holds") { bench in  // [R5.2-6]
            let first = try bench.attach()
            try bench.send(1...3)
            _ = try bench.acknowledge(1, first.fence)
            let restore = try bench.saveCopy()
            bench.advance(by: .seconds(1))
            try bench.send(4...5)
            let handled = try bench.read(after: 1, first.fence).messages
            _ = try bench.acknowledge(5, first.fence)
            try restore()
            bench.advance(by: .seconds(1))
            let hello = bench.hello(position: first.position(5, last: handled.last), held: first.fence.generation)
            let again = try bench.attach(hello)
            try expectEqual(again.resume, .reset(.rollback), "the outcome")
            try expect(again.fence.epoch != first.fence.epoch, "the epoch is new")
            try expectEqual(try bench.read(after: again.after.rawValue, again.fence).texts, ["2", "3"], "what the copy holds")
        },
        StoreCheck("restores", "numbers that were used again are told apart by the time of the last message") { bench in  // [R5.2-9]
            let first = try bench.attach()
            try bench.send(1...3)
            let restore = try bench.saveCopy()
            bench.advance(by: .seconds(1))
            try bench.send(4...5)
            let handled = try bench.read(first.fence).messages
            try restore()
            bench.advance(by: .seconds(1))
            for text in ["4 again", "5 again", "6"] { try bench.send(text) }
            let hello = bench.hello(position: first.position(5, last: handled.last), held: first.fence.generation)
            let again = try bench.attach(hello)
            try expectEqual(again.resume, .reset(.rollback), "the outcome")
            try expectEqual(
                try bench.read(after: again.after.rawValue, again.fence).texts,
                ["1", "2", "3", "4 again", "5 again", "6"],
                "everything that is stored"
            )
        },
        StoreCheck("restores", "numbers that were used again are told apart by what the client had taken") { bench in  // [R5.2-18]
            let first = try bench.attach()
            try bench.send(1...3)
            let restore = try bench.saveCopy()
            bench.advance(by: .seconds(1))
            try bench.send(4...5)
            let taken = try bench.read(first.fence).messages
            try restore()
            bench.advance(by: .seconds(1))
            for text in ["4 again", "5 again"] { try bench.send(text) }
            let hello = bench.hello(position: first.position(3, last: taken[2]), taken: taken[4], held: first.fence.generation)
            let again = try bench.attach(hello)
            try expectEqual(again.resume, .reset(.rollback), "the outcome")
            try expectEqual(
                try bench.read(after: again.after.rawValue, again.fence).texts,
                ["1", "2", "3", "4 again", "5 again"],
                "all that is stored"
            )
        },
        StoreCheck("restores", "a fence from after the copy is void") { bench in  // [R5.3-14]
            let first = try bench.attach()
            let restore = try bench.saveCopy()
            let second = try bench.attach()
            try bench.send("1")
            try restore()
            guard case .refused(let refusal) = try bench.detach(second.fence), case .otherEpoch = refusal else {
                throw StoreConformanceFailure("the fence is refused as another epoch")
            }
            let held = second.fence.generation
            let again = try bench.attach(bench.hello(position: first.position(0), held: held))
            try expectEqual(again.resume, .reset(.rollback), "held above the generation")
        },
    ]

    static let faults = FaultInjectingQueueStore.Effect.allCases.flatMap { effect in
        [
            StoreCheck("faults", "whichever call fails once (\(effect.rawValue)), a retry finishes the work exactly once") { bench in
                var count = 1
                while true {
                    let store = FaultInjectingQueueStore(bench.store, failing: .nth(count), effect: effect)
                    let work = FaultWork(store: store, client: Name.client("user\(count)"), now: bench.now)
                    try work.finish(bench)
                    if store.calls < count { break }
                    count += 1
                }
                try expect(count > FaultWork.steps, "every step failed once")
            },
            StoreCheck("faults", "whichever call fails for ever (\(effect.rawValue)), what was receipted is there when it heals") { bench in
                for count in 1...FaultWork.steps {
                    let store = FaultInjectingQueueStore(bench.store, failing: .from(count), effect: effect)
                    let work = FaultWork(store: store, client: Name.client("user\(count)"), now: bench.now)
                    do {
                        try work.finish(bench)
                        throw StoreConformanceFailure("the work cannot be finished")
                    } catch is QueueStoreError {
                        store.heal()
                        try work.finish(bench)
                    }
                }
            },
        ]
    }
}

/// A little work whose steps can be repeated until they succeed: sends with keys, an attach, an acknowledgement, a mark with a reply.
private final class FaultWork {
    static let steps = 7

    private let store: any QueueStore
    private let client: ClientID
    private let now: Timestamp
    private var done = 0
    private var attempts: UInt64 = 0
    private var attachment: Attachment?

    init(store: any QueueStore, client: ClientID, now: Timestamp) {
        self.store = store
        self.client = client
        self.now = now
    }

    /// Does what is left, each step at most three times, and looks at the outcome.
    func finish(_ bench: StoreBench) throws {
        while self.done < Self.steps {
            for retry in 1...3 {
                do {
                    try self.step(bench)
                    break
                } catch let error as QueueStoreError where retry < 3 {
                    try expect([.unavailable, .unknown].contains(error.code), "an injected fault")
                }
            }
            self.done += 1
        }
        guard let attachment = self.attachment else { throw StoreConformanceFailure("the work attached") }
        let slice = try bench.read(after: 2, attachment.fence, client: self.client)
        try expectEqual(slice.texts, ["3", "4", "reply"], "each message is there exactly once, in order")
        try expectEqual(slice.numbers, [3, 4, 5], "under consecutive numbers")
        let mark = try bench.attach(bench.hello(self.client, as: StoreBench.second, outbox: "o1")).mark
        try expectEqual(mark, .first, "the mark")
    }

    private func step(_ bench: StoreBench) throws {
        switch self.done {
        case 0..<4:
            let text = "\(self.done + 1)"
            _ = try self.commit(.append(StoreBench.message(text, to: [self.client], key: "\(self.client) \(text)")))
        case 4:
            self.attempts += 1
            let hello = bench.hello(self.client, attempt: self.attempts)
            guard case .attach(.attached(let attachment)) = try self.commit(.attach(hello)) else { throw StoreBench.wrongKind() }
            self.attachment = attachment
        case 5:
            let fence = try self.fence()
            let receipt = try self.commit(.acknowledge(AcknowledgeOperation(client: self.client, fence: fence, through: SequenceNumber(2))))
            let expected = AcknowledgeReceipt.acknowledged(floor: SequenceNumber(2), head: SequenceNumber(4))
            try expectEqual(receipt, .acknowledge(expected), "the acknowledgement")
        default:
            let mark = MarkOperation(
                client: self.client,
                fence: try self.fence(),
                outbox: Name.outbox("o1"),
                number: .first,
                sends: [StoreBench.message("reply", to: [self.client])]
            )
            switch try self.commit(.advanceMark(mark)) {
            case .advanceMark(.advanced), .advanceMark(.repeated): break
            case let other: throw StoreConformanceFailure("the mark moves once, and got \(other)")
            }
        }
    }

    private func commit(_ operation: StoreOperation) throws -> StoreReceipt {
        guard let receipt = try self.store.commit([operation], now: self.now).receipts.first else { throw StoreBench.wrongKind() }
        return receipt
    }

    private func fence() throws -> Fence {
        guard let attachment = self.attachment else { throw StoreConformanceFailure("the work attached before") }
        return attachment.fence
    }
}
