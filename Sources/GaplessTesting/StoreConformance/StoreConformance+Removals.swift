import GaplessCore
import GaplessStore

extension StoreConformance {
    static let removals =
        QueueEnd.allCases.map { end in
            StoreCheck(
                "removals",
                "a large queue that ends (\(end.rawValue)) is gone at once, and what it held never comes back",
                policy: policyOfRemovals
            ) { bench in
                let first = try bench.attach(bench.hello(keep: .seconds(100)))
                try sendMany(bench)
                try end.carryOut(on: bench, first.fence)
                try expect(try bench.snapshot() == nil, "nobody finds the queue")
                let others = try bench.store.snapshots(of: nil, after: nil, limit: 100, now: bench.now)
                try expect(!others.contains { $0.client == StoreBench.phone }, "no list holds it")
                try expectEqual(try bench.readReceipt(after: 0, first.fence), .refused(.gone), "a read under the old fence")
                try expectEqual(try bench.acknowledge(1, first.fence), .refused(.gone), "an acknowledgement under the old fence")
                try bench.send("new")
                let again = try bench.attach()
                try expect(again.fence.epoch != first.fence.epoch, "a queue that is created again has another epoch")
                try expectEqual(again.head, .first, "it counts from one")
                try lookWhileSweeping(bench) {
                    try expectEqual(try bench.read(again.fence).texts, ["new"], "it holds what it was sent")
                    try expectEqual(try bench.snapshot()?.bytes, 3, "and nothing else")
                }
                try expectEqual(try bench.send(String(repeating: "x", count: 9_000)).number, 2, "there is room for as much as before")
                try bench.reopen()
                try expectEqual(try bench.read(again.fence).numbers, [1, 2], "also after the store was opened again")
            }
        } + [
            StoreCheck("removals", "what was acknowledged is gone at once, however much it was", policy: policyOfRemovals) { bench in
                let fence = try bench.attach().fence
                try sendMany(bench)
                let receipt = try bench.acknowledge(500, fence)
                try expectEqual(receipt, .acknowledged(floor: SequenceNumber(500), head: SequenceNumber(600)), "the receipt")
                try lookWhileSweeping(bench) {
                    let slice = try bench.read(fence)
                    try expectEqual(slice.numbers.first, 501, "the first that is left")
                    try expectEqual(slice.messages.count, 100, "how many are left")
                    try expectEqual(try bench.snapshot()?.messages, 100, "how many are counted")
                    try expectEqual(try bench.snapshot()?.oldest, slice.messages.first?.time, "the oldest of them")
                }
                let again = try bench.attach(bench.hello(position: Position(epoch: fence.epoch.token, handled: SequenceNumber(3))))
                try expectEqual(again.resume, .partial, "an old position")
                try expectEqual(try bench.read(after: 3, again.fence).numbers.first, 501, "what it gets first")
                _ = try bench.acknowledge(600, again.fence)
                try lookWhileSweeping(bench) {
                    try expectEqual(try bench.read(again.fence).numbers, [], "after the rest was acknowledged too")
                    try expectEqual(try bench.snapshot()?.messages, 0, "nothing is counted")
                }
            },
            StoreCheck("removals", "what was acknowledged takes no room from what comes", policy: policyOfRemovals) { bench in
                let fence = try bench.attach().fence
                try sendMany(bench)
                try sendMany(bench, count: 400)
                _ = try bench.acknowledge(1_000, fence)
                let receipt = try bench.commit((1...1_000).map { StoreOperation.append(StoreBench.message("\($0)")) })
                for case .append(let append) in receipt.receipts {
                    try expect(append.number != nil && append.deliveries.first?.discarded == nil, "each is stored and none gives way")
                }
                let next = try bench.send("one too many").deliveries.first?.discarded
                try expectEqual(next, SequenceRange(SequenceNumber(1_001), through: SequenceNumber(1_001)), "what gives way to one more")
                try lookWhileSweeping(bench) {
                    try expectEqual(try bench.read(fence).numbers.first, 1_002, "the first that is left")
                    try expectEqual(try bench.snapshot()?.messages, 1_000, "how many are counted")
                }
            },
            StoreCheck("removals", "a queue that ends again and again leaves nothing behind", policy: policyOfRemovals) { bench in
                for round in 1...5 {
                    let fence = try bench.attach().fence
                    try sendMany(bench, count: 100)
                    _ = try bench.acknowledge(UInt64(10 * round), fence)
                    try expectEqual(try bench.read(fence).messages.count, 100 - 10 * round, "what round \(round) holds")
                    if round.isMultiple(of: 2) { _ = try bench.expire(maxRows: 7) }
                    _ = try bench.end(fence)
                }
                try expectEqual(try bench.send(String(repeating: "x", count: 9_500)).number, 1, "there is room")
                try bench.expireAll(maxRows: 10)
                try expectEqual(try bench.snapshot()?.messages, 1, "one message is left")
            },
        ]

    private static let policyOfRemovals = StorePolicy(
        retention: RetentionPolicy(maxMessages: 1_000, keep: .seconds(100)),
        maxClientsPerUser: 2,
        maxStoreBytes: 10_000
    )

    private static func sendMany(_ bench: StoreBench, count: Int = 600) throws {
        _ = try bench.commit((1...count).map { StoreOperation.append(StoreBench.message("\($0)")) })
    }

    /// Looks before a sweep, between its slices and after it.
    private static func lookWhileSweeping(_ bench: StoreBench, _ look: () throws -> Void) throws {
        try look()
        for _ in 0..<1_000 {
            let receipt = try bench.expire(maxRows: 90)
            try expectEqual(receipt.queues, [], "no queue ends by the sweep")
            try look()
            if !receipt.hasMore { return }
        }
        throw StoreConformanceFailure("the sweep ends")
    }
}

/// How a queue ends.
private enum QueueEnd: String, CaseIterable, Sendable {
    case bye = "BYE"
    case `operator` = "an operator"
    case lifetime = "its lifetime"
    case otherClients = "the limit of clients per user"

    /// Ends the queue of `alice/phone`, which is attached under the fence.
    func carryOut(on bench: StoreBench, _ fence: Fence) throws {
        switch self {
        case .bye:
            try expectEqual(try bench.end(fence), .ended, "the receipt")
        case .operator:
            guard case .removed = try bench.remove() else { throw StoreConformanceFailure("the queue is removed") }
        case .lifetime:
            _ = try bench.detach(fence)
            bench.advance(by: .seconds(100))
            try bench.heartbeat()
            for _ in 0..<100 {
                let receipt = try bench.expire(maxRows: 50)
                if receipt.queues == [StoreBench.phone] { return }
            }
            throw StoreConformanceFailure("the sweep ends the queue")
        case .otherClients:
            _ = try bench.detach(fence)
            try bench.attach(StoreBench.tablet)
            let attachment = try bench.attach(Name.client("alice/laptop"))
            try expectEqual(attachment.evicted, [StoreBench.phone], "who gives way")
        }
    }
}
