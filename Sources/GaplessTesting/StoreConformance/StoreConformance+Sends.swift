import GaplessCore
import GaplessStore

extension StoreConformance {
    static let marks = [
        StoreCheck("marks", "a mark moves by one, and a repetition changes nothing") { bench in  // [R7.2-4]
            let fence = try bench.attach().fence
            try expectEqual(try bench.mark(2, fence), .notNext(mark: .zero), "two before one")
            try expectEqual(try bench.mark(1, fence), .advanced(sends: []), "one")
            let reply = StoreBench.message("reply")
            try expectEqual(try bench.mark(1, fence, sends: [reply]), .repeated, "one again")
            try expectEqual(try bench.read(fence).numbers, [], "its sends are not stored again")
            try expectEqual(try bench.mark(3, fence), .notNext(mark: .first), "three before two")
            try expectEqual(try bench.attach(bench.hello(outbox: "o1")).mark, .first, "what a hello is told")
        },
        StoreCheck("marks", "a mark and the sends of its handler are both or neither") { bench in  // [R7.2-3]
            let fence = try bench.attach().fence
            let sends = [StoreBench.message("to phone"), StoreBench.message("to both", to: [StoreBench.phone, StoreBench.bob])]
            guard case .advanced(let receipts) = try bench.mark(1, fence, sends: sends) else {
                throw StoreConformanceFailure("the mark moves")
            }
            try expectEqual(receipts.map { $0.deliveries.count }, [1, 2], "a receipt for each send")
            try expectEqual(try bench.read(fence).texts, ["to phone", "to both"], "the sends are there")
            try expectEqual(try bench.snapshot(StoreBench.bob)?.head, .first, "for everybody")
        },
        StoreCheck(
            "marks",
            "a send that is refused leaves the mark and the other sends undone",
            policy: StorePolicy(retention: RetentionPolicy(maxMessages: 2, onOverflow: .rejectNew))
        ) { bench in  // [R7.2-3]
            let fence = try bench.attach().fence
            try bench.send("1")
            let before = try bench.snapshot()
            let sends = [
                StoreBench.message("new", to: [StoreBench.bob], key: "k1"), StoreBench.message("2"),
                StoreBench.message("3", to: [StoreBench.tablet, StoreBench.phone]),
            ]
            guard case .sendRefused(let index, let receipt) = try bench.mark(1, fence, sends: sends) else {
                throw StoreConformanceFailure("the third send is refused")
            }
            try expectEqual(index, 2, "which send was refused")
            try expectEqual(receipt.deliveries.last?.outcome, .queueFull, "why")
            try expectEqual(try bench.snapshot(), before, "the queue")
            try expect(try bench.snapshot(StoreBench.bob) == nil, "a queue that a send created is gone again")
            try expect(try bench.snapshot(StoreBench.tablet) == nil, "also that of the refused send")
            try expectEqual(try bench.read(fence).texts, ["1"], "the messages")
            try expectEqual(try bench.send("other", to: StoreBench.tablet, key: "k1").refusal, nil, "its key is free")
            try expectEqual(try bench.mark(1, fence), .advanced(sends: []), "the mark still moves from where it was")
        },
        StoreCheck(
            "marks",
            "what gave way to a refused handler's sends comes back",
            policy: StorePolicy(retention: RetentionPolicy(maxMessages: 2, maxBytes: 10))
        ) { bench in
            let fence = try bench.attach().fence
            try bench.send(1...2)
            let before = try bench.read(fence)
            let sends = [StoreBench.message("3"), StoreBench.message("far too large")]
            guard case .sendRefused(1, _) = try bench.mark(1, fence, sends: sends) else {
                throw StoreConformanceFailure("the second send is refused")
            }
            try expectEqual(try bench.read(fence), before, "the queue")
        },
        StoreCheck("marks", "a missing recipient of a send to existing ones is no refusal") { bench in
            let fence = try bench.attach().fence
            let send = StoreBench.message("x", to: [StoreBench.bob], existingOnly: true)
            guard case .advanced(let receipts) = try bench.mark(1, fence, sends: [send]) else {
                throw StoreConformanceFailure("the mark moves")
            }
            try expectEqual(receipts.first?.deliveries.first?.outcome, .noSuchClient, "the outcome")
        },
        StoreCheck("marks", "the four outboxes used last are remembered, and idle ones displace none") { bench in  // [R7.2-7]
            var fence = try bench.attach().fence
            for outbox in ["o1", "o2", "o3", "o4"] {
                try expectEqual(try bench.mark(1, of: outbox, fence), .advanced(sends: []), "\(outbox)")
            }
            for number in 1...5 {
                fence = try bench.attach(bench.hello(outbox: "idle\(number)")).fence
            }
            let first = try bench.attach(bench.hello(outbox: "o1"))
            try expectEqual(first.mark, .first, "a hello uses the first one")
            try expectEqual(try bench.mark(1, of: "o5", first.fence), .advanced(sends: []), "a fifth one")
            let marks = try ["o1", "o2", "o3", "o4", "o5"].map { try bench.attach(bench.hello(outbox: $0)).mark.rawValue }
            try expectEqual(marks, [1, 0, 1, 1, 1], "the one used longest ago is forgotten")
        },
        StoreCheck("marks", "marks outlive the epoch") { bench in  // [R7.2-6]
            let first = try bench.attach()
            _ = try bench.mark(1, first.fence)
            let again = try bench.attach(bench.hello(position: first.position(9), outbox: "o1"))
            try expectEqual(again.resume, .reset(.rollback), "the epoch is new")
            try expectEqual(again.mark, .first, "the mark is not")
        },
        StoreCheck("marks", "a handler that outlives its connection still commits") { bench in  // [R7.2-8]
            let fence = try bench.attach().fence
            _ = try bench.detach(fence)
            guard case .advanced = try bench.mark(1, fence, sends: [StoreBench.message("late")]) else {
                throw StoreConformanceFailure("the mark moves after the detach")
            }
        },
    ]

    static let sequences = [
        StoreCheck("sequences", "messages in order under one key are stored once") { bench in
            let operation = sequence(["1", "2", "3"], key: "k")
            let first = try bench.appendSequence(operation)
            try expectEqual(first.stored.map(\.number), [1, 2, 3], "the numbers")
            try expect(first.refused == nil && !first.isRepeat, "all were stored")
            let again = try bench.appendSequence(operation)
            try expectEqual(again.stored.map(\.number), [1, 2, 3], "the numbers of the repetition")
            try expect(again.isRepeat, "it is told to be one")
            try expectEqual(try bench.snapshot()?.head, SequenceNumber(3), "nothing was stored again")
            let other = try bench.appendSequence(sequence(["1", "2", "4"], key: "k"))
            try expectEqual(other.refused?.refusal, .conflict, "another content under the key")
            try expectEqual(try bench.send("1", key: "k").refusal, .conflict, "a single send under the key")
        },
        StoreCheck(
            "sequences",
            "the first refusal ends a sequence, and what was stored before stays",
            policy: StorePolicy(retention: RetentionPolicy(maxMessages: 2, onOverflow: .rejectNew))
        ) { bench in
            let operation = sequence(["1", "2", "3", "4"], key: "k")
            let receipt = try bench.appendSequence(operation)
            try expectEqual(receipt.stored.map(\.number), [1, 2], "what was stored")
            try expectEqual(receipt.refused?.deliveries.first?.outcome, .queueFull, "what ended it")
            let fence = try bench.attach().fence
            _ = try bench.acknowledge(2, fence)
            let again = try bench.appendSequence(operation)
            try expect(again.isRepeat, "the repetition gives the first receipt")
            try expectEqual(again.stored.count, 2, "though there would be room now")
        },
        StoreCheck(
            "sequences",
            "a sequence of which nothing was stored leaves no key behind",
            policy: StorePolicy(retention: RetentionPolicy(maxMessages: 1, onOverflow: .rejectNew))
        ) { bench in
            let fence = try bench.attach().fence
            try bench.send("0")
            let operation = sequence(["1"], key: "k")
            try expectEqual(try bench.appendSequence(operation).stored.count, 0, "what was stored")
            _ = try bench.acknowledge(1, fence)
            let again = try bench.appendSequence(operation)
            try expectEqual(again.stored.map(\.number), [2], "the same key later")
            try expect(!again.isRepeat, "it is no repetition")
        },
        StoreCheck(
            "sequences",
            "a message that one recipient refuses is stored for none",
            policy: StorePolicy(retention: RetentionPolicy(maxMessages: 1, onOverflow: .rejectNew))
        ) { bench in
            try bench.send("0", to: StoreBench.bob)
            let both = StoreBench.message("1", to: [StoreBench.phone, StoreBench.bob])
            let receipt = try bench.appendSequence(AppendSequenceOperation(appends: [both]))
            try expectEqual(receipt.stored, [], "what was stored")
            try expect(try bench.snapshot() == nil, "the first recipient has no queue")
        },
    ]

    static let keys = [
        StoreCheck("keys", "a send with the same key, recipients and payload is stored once") { bench in
            let first = try bench.send("pay", key: "order-17")
            try expect(!first.isRepeat, "the first is no repetition")
            let again = try bench.send("pay", key: "order-17")
            try expect(again.isRepeat, "the second is")
            try expectEqual(again.deliveries.map(\.outcome), first.deliveries.map(\.outcome), "both tell the same")
            try expectEqual(again.time, first.time, "at the same time")
            try bench.reopen()
            try expect(try bench.send("pay", key: "order-17").isRepeat, "also after the store was opened again")
            try expectEqual(try bench.snapshot()?.head, .first, "one message was stored")
        },
        StoreCheck("keys", "two sends in one batch under one key are one") { bench in
            let send = StoreOperation.append(StoreBench.message("pay", key: "order-17"))
            _ = try bench.commit([send, send])
            try expectEqual(try bench.snapshot()?.head, .first, "the head")
        },
        StoreCheck("keys", "other recipients or another payload under a key are a conflict") { bench in
            try bench.send("pay", key: "order-17")
            let others = [
                StoreBench.message("pay!", key: "order-17"),
                StoreBench.message("pay", to: [StoreBench.bob], key: "order-17"),
                StoreBench.message("pay", to: [StoreBench.phone, StoreBench.bob], key: "order-17"),
                AppendOperation(
                    recipients: .user(Name.user("alice")),
                    payload: Payload(text: "pay"),
                    idempotencyKey: IdempotencyKey("order-17")
                ),
                AppendOperation(
                    recipients: .clients([StoreBench.phone], existingOnly: false),
                    payload: Payload(binary: Payload(text: "pay").bytes),
                    idempotencyKey: IdempotencyKey("order-17")
                ),
            ]
            for other in others {
                let receipt = try bench.append(other)
                try expectEqual(receipt.refusal, .conflict, "\(other.recipients)")
                try expectEqual(receipt.deliveries, [], "nothing is delivered")
            }
            try expectEqual(try bench.snapshot()?.head, .first, "one message was stored")
        },
        StoreCheck("keys", "a key lives its time and no longer", policy: StorePolicy(keyLifetime: .seconds(10))) { bench in
            try bench.send("pay", key: "k")
            bench.advance(by: .milliseconds(9_999))
            try bench.expireAll()
            try expect(try bench.send("pay", key: "k").isRepeat, "shortly before its time")
            bench.advance(by: .milliseconds(1))
            try expect(!(try bench.send("pay", key: "k").isRepeat), "at its time")
            try expectEqual(try bench.snapshot()?.head, SequenceNumber(2), "it was stored again")
            try expect(try bench.send("pay", key: "k").isRepeat, "and is remembered anew")
        },
        StoreCheck("keys", "a full table refuses and forgets nothing early", policy: StorePolicy(keyLifetime: .seconds(10), maxKeys: 2)) {
            bench in
            try bench.send("1", key: "k1")
            try bench.send("2", key: "k2")
            try expectEqual(try bench.send("3", key: "k3").refusal, .tooManyKeys, "a third key")
            try expect(try bench.send("1", key: "k1").isRepeat, "a known key still counts")
            try expectEqual(try bench.send("3").number, 3, "a send without key goes on")
            bench.advance(by: .seconds(10))
            try expectEqual(try bench.send("4", key: "k3").number, 4, "when their time is over there is room")
        },
        StoreCheck(
            "keys",
            "a send of which nothing was stored leaves no key behind",
            policy: StorePolicy(retention: RetentionPolicy(maxMessages: 1, onOverflow: .rejectNew))
        ) { bench in
            let fence = try bench.attach().fence
            try bench.send("0")
            try expectEqual(try bench.send("1", key: "k").deliveries.first?.outcome, .queueFull, "the queue is full")
            _ = try bench.acknowledge(1, fence)
            let again = try bench.send("1", key: "k")
            try expectEqual(again.number, 2, "a retry with the same key")
            try expect(!again.isRepeat, "it is no repetition")
        },
    ]

    private static func sequence(_ texts: [String], key: String? = nil) -> AppendSequenceOperation {
        AppendSequenceOperation(appends: texts.map { StoreBench.message($0) }, idempotencyKey: key.flatMap { IdempotencyKey($0) })
    }
}

extension StoreBench {
    func appendSequence(_ operation: AppendSequenceOperation) throws -> AppendSequenceReceipt {
        guard case .appendSequence(let receipt) = try self.commit(.appendSequence(operation)) else { throw Self.wrongKind() }
        return receipt
    }
}
