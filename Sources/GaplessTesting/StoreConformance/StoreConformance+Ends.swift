import GaplessCore
import GaplessStore

extension StoreConformance {
    static let ends = [
        StoreCheck("ends", "BYE removes the queue, its messages and its marks") { bench in  // [R10.3-1]
            let first = try bench.attach()
            try bench.send(1...3)
            _ = try bench.mark(1, first.fence)
            try expectEqual(try bench.end(first.fence), .ended, "the receipt")
            try expect(try bench.snapshot() == nil, "the queue is gone")
            try expectEqual(try bench.end(first.fence), .refused(.gone), "a second BYE")
            let again = try bench.attach(bench.hello(outbox: "o1"))
            try expectEqual(again.resume, .new, "the queue that is created again")
            try expectEqual(again.mark, .zero, "its marks")
            try expectEqual(again.head, .zero, "its head")
            try expect(again.fence.epoch != first.fence.epoch, "its epoch was never used before")
        },
        StoreCheck("ends", "an operator's removal ends a queue and names who is attached") { bench in
            try expectEqual(try bench.remove(), .noSuchClient, "before there is one")
            let fence = try bench.attach().fence
            try bench.send(1...3)
            let holder = Holder(fence: fence, instance: StoreBench.first, node: StoreBench.nodeA)
            try expectEqual(try bench.remove(code: .forbidden), .removed(holder: holder, code: .forbidden), "the receipt")
            try expect(try bench.snapshot() == nil, "the queue is gone")
            try bench.send("4")
            try expectEqual(try bench.remove(), .removed(holder: nil, code: .removedByOperator), "with nobody attached")
            try expectEqual(try bench.send("5").number, 1, "a queue that is created again counts from 1")
        },
        StoreCheck("ends", "removed and created in one batch is another queue") { bench in  // [R5.3-9]
            try bench.send("1")
            let before = try bench.snapshot()
            _ = try bench.commit([
                .remove(RemoveOperation(client: StoreBench.phone)), .append(StoreBench.message("2")),
                .append(StoreBench.message("3")),
            ])
            let after = try bench.snapshot()
            try expect(before?.epoch != after?.epoch, "the epoch is new")
            try expectEqual(after?.head, SequenceNumber(2), "the head")
            let fence = try bench.attach().fence
            try expectEqual(try bench.read(fence).texts, ["2", "3"], "the messages")
        },
    ]

    static let lifetimes = [
        StoreCheck("lifetimes", "a queue is kept after detach for as long as was granted") { bench in
            let fence = try bench.attach(bench.hello(keep: .seconds(100))).fence
            try bench.send("1")
            _ = try bench.detach(fence)
            bench.advance(by: .milliseconds(99_999))
            try expectEqual(try bench.expireAll().queues, [], "a millisecond before its end")
            bench.advance(by: .milliseconds(1))
            try expectEqual(try bench.expireAll().queues, [StoreBench.phone], "at its end")
            try expect(try bench.snapshot() == nil, "the queue is gone")
        },
        StoreCheck("lifetimes", "an attach stops a lifetime, and a repeated detach does not prolong it") { bench in
            let fence = try bench.attach(bench.hello(keep: .seconds(100))).fence
            try bench.send("1")
            _ = try bench.detach(fence)
            bench.advance(by: .seconds(60))
            try bench.heartbeat()
            let again = try bench.attach(bench.hello(keep: .seconds(100))).fence
            bench.advance(by: .seconds(59))
            try bench.heartbeat()
            try expectEqual(try bench.expireAll().queues, [], "while it is attached")
            _ = try bench.detach(again)
            bench.advance(by: .seconds(50))
            _ = try bench.detach(again)
            bench.advance(by: .seconds(50))
            try expectEqual(try bench.expireAll().queues, [StoreBench.phone], "a hundred seconds after the first detach")
        },
        StoreCheck("lifetimes", "an attached queue lives as long as its node") { bench in
            try bench.attach(bench.hello(keep: .seconds(10)))
            try bench.send("1")
            for _ in 0..<10 {
                bench.advance(by: .seconds(50))
                try bench.heartbeat()
                try expectEqual(try bench.expireAll().queues, [], "the node is alive")
            }
            bench.advance(by: bench.policy.nodeLifetime)
            try expectEqual(try bench.expireAll().queues, [StoreBench.phone], "its lifetime ran from the last heartbeat")
        },
        StoreCheck("lifetimes", "the lifetime of a dead node's queue runs from its last heartbeat") { bench in
            try bench.attach(bench.hello(keep: .seconds(100)))
            try bench.send("1")
            bench.advance(by: .seconds(50))
            try bench.heartbeat()
            bench.advance(by: .milliseconds(99_999))
            try expectEqual(try bench.expireAll().queues, [], "a millisecond before its end")
            bench.advance(by: .milliseconds(1))
            try expectEqual(try bench.expireAll().queues, [StoreBench.phone], "at its end")
        },
        StoreCheck("lifetimes", "a queue that never had a message goes sooner") { bench in
            _ = try bench.detach(try bench.attach().fence)
            bench.advance(by: .milliseconds(59_999))
            try expectEqual(try bench.expireAll().queues, [], "a millisecond before its end")
            bench.advance(by: .milliseconds(1))
            try expectEqual(try bench.expireAll().queues, [StoreBench.phone], "at its end")
        },
        StoreCheck("lifetimes", "a queue that had a message once is kept though it is empty") { bench in
            let fence = try bench.attach().fence
            try bench.send("1")
            _ = try bench.acknowledge(1, fence)
            _ = try bench.detach(fence)
            bench.advance(by: .seconds(3_600))
            try expectEqual(try bench.expireAll().queues, [], "an hour later")
            try expectEqual(try bench.snapshot()?.floor, .first, "its position is known")
        },
        StoreCheck(
            "lifetimes",
            "a queue that was never attached lives from its creation",
            policy: StorePolicy(retention: RetentionPolicy(keep: .seconds(100)))
        ) { bench in
            try bench.send("1")
            bench.advance(by: .seconds(50))
            try bench.send("2")
            bench.advance(by: .milliseconds(49_999))
            try expectEqual(try bench.expireAll().queues, [], "a millisecond before its end")
            bench.advance(by: .milliseconds(1))
            try expectEqual(try bench.expireAll().queues, [StoreBench.phone], "at its end")
        },
        StoreCheck("lifetimes", "many queues end in slices, each once") { bench in
            for number in 0..<30 {
                _ = try bench.detach(
                    try bench.attach(Name.client("user\(number)")).fence,
                    client: Name.client("user\(number)")
                )
            }
            bench.advance(by: .seconds(60))
            try expectEqual(try bench.expireAll(maxRows: 7).queues.count, 30, "the queues that ended")
            try expectEqual(try bench.store.snapshots(of: nil, after: nil, limit: 100, now: bench.now).count, 0, "what is left")
        },
    ]

    static let bounds = [
        StoreCheck(
            "bounds",
            "at the limit of clients the longest-detached empty queue gives way",
            policy: StorePolicy(maxClientsPerUser: 3)
        ) { bench in
            for (name, isEmpty) in [("alice/a", false), ("alice/b", true), ("alice/c", true)] {
                let fence = try bench.attach(Name.client(name)).fence
                try bench.send("1", to: Name.client(name))
                if isEmpty { _ = try bench.acknowledge(1, fence, client: Name.client(name)) }
                bench.advance(by: .seconds(1))
                _ = try bench.detach(fence, client: Name.client(name))
            }
            let attachment = try bench.attach(Name.client("alice/d"))
            try expectEqual(attachment.evicted, [Name.client("alice/b")], "who gives way")
            try expect(try bench.snapshot(Name.client("alice/b")) == nil, "its queue is gone")
            try expect(try bench.snapshot(Name.client("alice/a")) != nil, "an older one with a message stays")
        },
        StoreCheck("bounds", "then the longest-detached gives way, and never an attached one", policy: StorePolicy(maxClientsPerUser: 3)) {
            bench in
            for name in ["alice/a", "alice/b", "alice/c"] {
                let fence = try bench.attach(Name.client(name)).fence
                try bench.send("1", to: Name.client(name))
                bench.advance(by: .seconds(1))
                if name != "alice/a" { _ = try bench.detach(fence, client: Name.client(name)) }
            }
            try expectEqual(try bench.attach(Name.client("alice/d")).evicted, [Name.client("alice/b")], "who gives way")
            try expectEqual(try bench.attach(Name.client("alice/e")).evicted, [Name.client("alice/c")], "who is next")
            try expectEqual(try bench.attachReceipt(bench.hello(Name.client("alice/f"))), .tooManyClients, "all are attached")
            try expect(try bench.snapshot(Name.client("alice/f")) == nil, "nothing was created")
            try bench.attach(Name.client("alice/a"))
            try bench.attach(Name.client("bob/a"))
        },
        StoreCheck("bounds", "the queue of a dead node gives way", policy: StorePolicy(maxClientsPerUser: 1)) { bench in
            try bench.attach(Name.client("alice/a"))
            try expectEqual(try bench.attachReceipt(bench.hello(Name.client("alice/b"))), .tooManyClients, "while it is alive")
            bench.advance(by: bench.policy.nodeLifetime)
            try expectEqual(try bench.attach(Name.client("alice/b")).evicted, [Name.client("alice/a")], "when it is dead")
        },
        StoreCheck("bounds", "the number of queues is bounded", policy: StorePolicy(maxQueues: 2)) { bench in
            try bench.send("1", to: StoreBench.phone)
            try bench.attach(StoreBench.tablet)
            try expectEqual(try bench.send("1", to: StoreBench.bob).deliveries.first?.outcome, .tooManyQueues, "a send")
            try expectEqual(try bench.attachReceipt(bench.hello(StoreBench.bob)), .tooManyQueues, "a hello")
            try expectEqual(try bench.send("2", to: StoreBench.phone).number, 2, "queues that exist go on")
            _ = try bench.remove(StoreBench.tablet)
            try bench.attach(StoreBench.bob)
        },
        StoreCheck("bounds", "the bytes of a store are bounded", policy: StorePolicy(maxStoreBytes: 10)) { bench in
            let fence = try bench.attach().fence
            try bench.send("aaaaaa")
            try expectEqual(try bench.send("bbbbb").refusal, .storeFull, "eleven bytes")
            try expectEqual(
                try bench.append(StoreBench.message("bbb", to: [StoreBench.bob, StoreBench.tablet])).refusal,
                .storeFull,
                "three bytes for two clients"
            )
            try expectEqual(try bench.send("bbbb").number, 2, "ten bytes")
            _ = try bench.acknowledge(2, fence)
            try expectEqual(try bench.send("cccccccccc").number, 3, "what is acknowledged makes room")
            _ = try bench.remove()
            try expectEqual(try bench.send("cccccccccc").number, 1, "what is removed does too")
        },
    ]
}
