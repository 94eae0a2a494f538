import GaplessCore
import GaplessStore

extension StoreConformance {
    static let takeover = [
        StoreCheck("takeover", "each attach raises the generation by one and displaces the holder") { bench in  // [R5.3-1]
            let first = try bench.attach()
            let second = try bench.attach(bench.hello(as: StoreBench.second, at: StoreBench.nodeB))
            try expectEqual(second.fence.generation, first.fence.generation.next, "the generation")
            let displaced = Holder(fence: first.fence, instance: StoreBench.first, node: StoreBench.nodeA)
            try expectEqual(second.displaced, displaced, "who is displaced")
            let holder = Holder(fence: second.fence, instance: StoreBench.second, node: StoreBench.nodeB)
            try expectEqual(try bench.snapshot()?.holder, holder, "who holds the queue")
            _ = try bench.detach(second.fence)
            try expectEqual(try bench.attach().displaced, nil, "after a detach nobody is displaced")
        },
        StoreCheck("takeover", "an attempt that is not higher is late and changes nothing") { bench in  // [R5.3-2]
            let first = try bench.attach(bench.hello(attempt: 5))
            let before = try bench.snapshot()
            for attempt in [4, 5] as [UInt64] {
                let hello = bench.hello(attempt: attempt, position: first.position(9), force: true)
                try expectEqual(try bench.attachReceipt(hello), .late, "attempt \(attempt)")
            }
            try expectEqual(try bench.snapshot(), before, "the queue")
            _ = try bench.detach(first.fence)
            try expectEqual(try bench.attachReceipt(bench.hello(attempt: 5)), .late, "after a detach too")
            try expectEqual(try bench.attach(bench.hello(attempt: 6)).fence.generation, Generation(2), "a higher attempt attaches")
        },
        StoreCheck("takeover", "attempts of different instances are not compared") { bench in
            try bench.attach(bench.hello(attempt: 50))
            try bench.attach(bench.hello(as: StoreBench.second, attempt: 1))
            try expectEqual(
                try bench.attach(bench.hello(attempt: 2)).fence.generation,
                Generation(3),
                "only the newest instance is remembered"
            )
        },
        StoreCheck("takeover", "an old hello of another instance is a rival of a live holder") { bench in  // [R5.3-3]
            let first = try bench.attach()
            try bench.attach(bench.hello(as: StoreBench.second))
            let before = try bench.snapshot()
            let hello = bench.hello(position: first.position(0), held: first.fence.generation)
            try expectEqual(try bench.attachReceipt(hello), .rival, "the old hello")
            try expectEqual(try bench.snapshot(), before, "the queue")
            let forced = bench.hello(position: first.position(0), held: first.fence.generation, force: true)
            try expectEqual(try bench.attach(forced).fence.generation, Generation(3), "with force it attaches")
        },
        StoreCheck("takeover", "only held, in the same epoch, makes a rival") { bench in  // [R5.3-4]
            let first = try bench.attach()
            let other = Epoch(incarnation: first.fence.epoch.incarnation, queue: ~first.fence.epoch.queue)
            for hello in [
                bench.hello(as: StoreBench.second, position: first.position(0)),
                bench.hello(as: StoreBench.first),
                bench.hello(
                    as: StoreBench.second,
                    position: Position(epoch: other.token, handled: .zero),
                    held: Generation(1)
                ),
            ] {
                try bench.attach(hello)
            }
            let holder = try bench.snapshot()?.generation ?? .zero
            try bench.attach(bench.hello(as: StoreBench.first, position: first.position(0), held: holder))
        },
        StoreCheck("takeover", "an attach in doubt is taken back by its attempt, and then no ghost has rivals") { bench in
            let first = try bench.attach(bench.hello(attempt: 1))
            let hello = bench.hello(as: StoreBench.second, attempt: 1, at: StoreBench.nodeB)
            let doubted = StoreOperation.detach(DetachOperation(doubting: hello))
            guard case .detach(.refused(.newer)) = try bench.commit(doubted) else { throw StoreConformanceFailure("it was not committed") }
            try expectEqual(try bench.snapshot()?.holder?.instance, StoreBench.first, "who holds the queue still")
            let ghost = try bench.attach(hello)
            try expectEqual(try bench.commit(doubted), .detach(.detached), "it was committed")
            try expectEqual(try bench.commit(doubted), .detach(.detached), "again")
            try expectEqual(try bench.snapshot()?.holder, nil, "who holds the queue")
            let again = try bench.attach(bench.hello(attempt: 2, position: first.position(0), held: first.fence.generation))
            try expectEqual(again.fence.generation, ghost.fence.generation.next, "the generation did not go back")
            guard case .detach(.refused(.newer)) = try bench.commit(doubted) else { throw StoreConformanceFailure("another one attached") }
            let bob = StoreOperation.detach(DetachOperation(doubting: bench.hello(StoreBench.bob)))
            try expectEqual(try bench.commit(bob), .detach(.refused(.gone)), "where there is no queue")
        },
        StoreCheck("takeover", "the same instance is no rival of its own") { bench in  // [R5.3-4]
            let first = try bench.attach()
            try bench.attach()
            let again = try bench.attach(bench.hello(position: first.position(0), held: first.fence.generation))
            try expectEqual(again.fence.generation, Generation(3), "the generation")
        },
        StoreCheck("takeover", "a detached or dead holder has no rivals") { bench in  // [R5.3-4]
            let first = try bench.attach()
            let second = try bench.attach(bench.hello(as: StoreBench.second))
            _ = try bench.detach(second.fence)
            let third = try bench.attach(bench.hello(position: first.position(0), held: first.fence.generation))
            let hello = bench.hello(as: StoreBench.second, position: first.position(0), held: second.fence.generation)
            try expectEqual(try bench.attachReceipt(hello), .rival, "while the holder's node is alive")
            bench.advance(by: bench.policy.nodeLifetime)
            let late = try bench.attach(hello)
            try expectEqual(late.fence.generation, third.fence.generation.next, "when its heartbeat is too old")
            try expectEqual(late.displaced?.instance, StoreBench.first, "the dead holder is displaced all the same")
        },
        StoreCheck("takeover", "the attachments of a node that stopped count as dead at once") { bench in
            let first = try bench.attach()
            try bench.attach(bench.hello(as: StoreBench.second, at: StoreBench.nodeB))
            let hello = bench.hello(position: first.position(0), held: first.fence.generation)
            try expectEqual(try bench.attachReceipt(hello), .rival, "while node B runs")
            let stop = StoreBench.heartbeat(of: StoreBench.nodeB, isStopping: true)
            try expectEqual(try bench.heartbeatReceipt(stop, in: bench.storeB).alive, [StoreBench.nodeA], "who is alive")
            try expectEqual(
                try bench.attach(bench.hello(position: first.position(0), held: first.fence.generation)).resume,
                .resumed,
                "then"
            )
        },
        StoreCheck("takeover", "heartbeats tell who is alive") { bench in
            let beat = StoreBench.heartbeat(of: StoreBench.nodeA)
            let both = try bench.heartbeatReceipt(beat, in: bench.storeA)
            try expectEqual(both.alive, [StoreBench.nodeA, StoreBench.nodeB], "both")
            try expectEqual(both.wasAlive, true, "known before")
            bench.advance(by: bench.policy.nodeLifetime)
            let alone = try bench.heartbeatReceipt(beat, in: bench.storeA)
            try expectEqual(alone.alive, [StoreBench.nodeA], "one is silent")
            try expectEqual(alone.wasAlive, false, "the other was")
        },
        StoreCheck("takeover", "an end that comes late ends nothing newer") { bench in  // [R5.3-6]
            let first = try bench.attach()
            let second = try bench.attach()
            try expectEqual(
                try bench.detach(first.fence),
                .refused(.newer(second.fence.generation, instance: StoreBench.first)),
                "the late detach"
            )
            try expectEqual(try bench.snapshot()?.holder?.fence, second.fence, "the newer connection still holds the queue")
        },
        StoreCheck("takeover", "the wished lifetime is granted up to the cap, and told") { bench in
            let wished = try bench.attach(bench.hello(keep: .seconds(5)))
            try expectEqual(wished.retention.keep, .seconds(5), "a wish below the cap")
            let capped = try bench.attach(bench.hello(keep: bench.policy.maxKeep + .seconds(1)))
            try expectEqual(capped.retention.keep, bench.policy.maxKeep, "a wish above the cap")
            try expectEqual(try bench.attach().retention.keep, bench.policy.retention.keep, "no wish")
        },
    ]

    /// A kind of operation that carries a fence, and how to read its refusal.
    private static let fenced: [(name: String, refusal: @Sendable (StoreBench, Fence) throws -> FenceRefusal?)] = [
        ("acknowledge", { bench, fence in if case .refused(let refusal) = try bench.acknowledge(0, fence) { refusal } else { nil } }),
        (
            "mark",
            { bench, fence in
                let send = StoreBench.message("reply", to: [StoreBench.bob])
                return if case .refused(let refusal) = try bench.mark(1, fence, sends: [send]) { refusal } else { nil }
            }
        ),
        ("detach", { bench, fence in if case .refused(let refusal) = try bench.detach(fence) { refusal } else { nil } }),
        ("end", { bench, fence in if case .refused(let refusal) = try bench.end(fence) { refusal } else { nil } }),
        ("read", { bench, fence in if case .refused(let refusal) = try bench.readReceipt(after: 0, fence) { refusal } else { nil } }),
    ]

    static let fences = fenced.flatMap { name, refusal in
        [
            StoreCheck("fences", "\(name): refused when the queue is gone") { bench in  // [R5.3-5]
                let fence = try bench.attach().fence
                _ = try bench.remove()
                try expectEqual(try refusal(bench, fence), .gone, "the refusal")
                try expect(try bench.snapshot(StoreBench.bob) == nil, "nothing else happened")
            },
            StoreCheck("fences", "\(name): refused when the queue was removed and created again") { bench in  // [R5.3-9]
                let fence = try bench.attach().fence
                _ = try bench.remove()
                let again = try bench.attach()
                try expectEqual(again.fence.generation, fence.generation, "the generations are equal")
                try bench.send(1...2)
                let before = try bench.snapshot()
                try expectEqual(try refusal(bench, fence), .otherEpoch(again.fence.epoch), "the refusal")
                try expectEqual(try bench.snapshot(), before, "the queue")
            },
            StoreCheck("fences", "\(name): refused when the same instance attached again") { bench in  // [R5.3-5]
                let fence = try bench.attach().fence
                let again = try bench.attach()
                let before = try bench.snapshot()
                try expectEqual(try refusal(bench, fence), .newer(again.fence.generation, instance: StoreBench.first), "the refusal")
                try expectEqual(try bench.snapshot(), before, "the queue")
                try expect(try bench.snapshot(StoreBench.bob) == nil, "nothing else happened")
            },
            StoreCheck("fences", "\(name): refused when another instance took over") { bench in  // [R5.3-5]
                let fence = try bench.attach().fence
                let again = try bench.attach(bench.hello(as: StoreBench.second, at: StoreBench.nodeB))
                try expectEqual(try refusal(bench, fence), .newer(again.fence.generation, instance: StoreBench.second), "the refusal")
                _ = try bench.detach(again.fence)
                try expectEqual(try refusal(bench, fence), .newer(again.fence.generation, instance: nil), "when that one is gone too")
            },
        ]
    }
}
