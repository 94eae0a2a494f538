import GaplessCore
import GaplessStore

extension StoreConformance {
    static let signals = [
        StoreCheck("signals", "a message sent through another process is news for the holder's node") { bench in
            try bench.attach()
            var cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).cursor
            let receipt = try bench.storeB.commit([.append(StoreBench.message("1"))], now: bench.now)
            try expectEqual(receipt.wake, [StoreBench.nodeA], "who is to be woken")
            for _ in 0..<2 {
                let batch = try bench.storeA.signals(for: StoreBench.nodeA, after: cursor)
                try expectEqual(batch.signals, [Signal(client: StoreBench.phone, kind: .news)], "a signal stays until it is seen")
            }
            let other = try bench.storeB.signals(for: StoreBench.nodeB, after: .zero)
            try expectEqual(other.signals, [], "another node gets none")
            cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: cursor).cursor
            try expectEqual(try bench.storeA.signals(for: StoreBench.nodeA, after: cursor).signals, [], "above its cursor there is nothing")
        },
        StoreCheck("signals", "many messages for one client are one signal") { bench in
            try bench.attach()
            let cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).cursor
            for number in 1...50 {
                _ = try bench.storeB.commit([.append(StoreBench.message("\(number)"))], now: bench.now)
            }
            let batch = try bench.storeA.signals(for: StoreBench.nodeA, after: cursor)
            try expectEqual(batch.signals, [Signal(client: StoreBench.phone, kind: .news)], "the signals")
        },
        StoreCheck("signals", "news that come after a look are seen by the next one") { bench in
            try bench.attach()
            var cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).cursor
            for round in 1...5 {
                _ = try bench.storeB.commit([.append(StoreBench.message("\(round)"))], now: bench.now)
                let batch = try bench.storeA.signals(for: StoreBench.nodeA, after: cursor)
                try expectEqual(batch.signals.count, 1, "round \(round)")
                cursor = batch.cursor
                let seen = StoreBench.heartbeat(of: StoreBench.nodeA, seen: cursor)
                _ = try bench.storeA.commit([.heartbeat(seen)], now: bench.now)
            }
        },
        StoreCheck("signals", "a client's later news are seen though its earlier ones were") { bench in
            try bench.attach()
            _ = try bench.storeB.commit([.append(StoreBench.message("1"))], now: bench.now)
            let cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).cursor
            _ = try bench.storeB.commit([.append(StoreBench.message("2"))], now: bench.now)
            let batch = try bench.storeA.signals(for: StoreBench.nodeA, after: cursor)
            try expectEqual(batch.signals, [Signal(client: StoreBench.phone, kind: .news)], "the signals above the first look")
        },
        StoreCheck("signals", "a heartbeat takes away what was seen, and nothing that was not") { bench in
            for client in [StoreBench.phone, StoreBench.bob] {
                _ = try bench.storeA.commit([.attach(bench.hello(client))], now: bench.now)
            }
            _ = try bench.storeB.commit([.append(StoreBench.message("1"))], now: bench.now)
            let cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).cursor
            _ = try bench.storeB.commit([.append(StoreBench.message("1", to: [StoreBench.bob]))], now: bench.now)
            _ = try bench.storeB.commit([.remove(RemoveOperation(client: StoreBench.bob))], now: bench.now)
            _ = try bench.storeA.commit([.heartbeat(StoreBench.heartbeat(of: StoreBench.nodeA, seen: cursor))], now: bench.now)
            let rest = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).signals
            try expect(!rest.contains { $0.client == StoreBench.phone }, "what was seen is gone")
            try expect(rest.contains(Signal(client: StoreBench.bob, kind: .news)), "later news are there")
            try expect(rest.contains(Signal(client: StoreBench.bob, kind: .removed(.removedByOperator))), "a later end too")
        },
        StoreCheck("signals", "nobody is told of what concerns nobody attached") { bench in
            let cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).cursor
            _ = try bench.storeA.commit([.attach(bench.hello())], now: bench.now)
            let fence =
                try bench.snapshot()?.holder?.fence
                ?? Fence(epoch: Epoch(incarnation: bench.storeA.incarnation, queue: 0), generation: .zero)
            _ = try bench.storeA.commit([.detach(DetachOperation(client: StoreBench.phone, fence: fence))], now: bench.now)
            let receipt = try bench.storeB.commit(
                [.append(StoreBench.message("1")), .append(StoreBench.message("1", to: [StoreBench.bob]))],
                now: bench.now
            )
            try expectEqual(receipt.wake, [], "who is to be woken")
            try expectEqual(try bench.storeA.signals(for: StoreBench.nodeA, after: cursor).signals, [], "the signals")
        },
        StoreCheck("signals", "news for a dead node are not kept") { bench in
            try bench.attach()
            let cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).cursor
            bench.advance(by: bench.policy.nodeLifetime)
            _ = try bench.storeB.commit([.heartbeat(StoreBench.heartbeat(of: StoreBench.nodeB))], now: bench.now)
            let late = try bench.storeB.commit([.append(StoreBench.message("1"))], now: bench.now)
            try expectEqual(late.wake, [], "who is to be woken")
            try expectEqual(try bench.storeA.signals(for: StoreBench.nodeA, after: cursor).signals, [], "the signals")
            _ = try bench.storeA.commit([.heartbeat(StoreBench.heartbeat(of: StoreBench.nodeA))], now: bench.now)
            let receipt = try bench.storeB.commit([.append(StoreBench.message("2"))], now: bench.now)
            try expectEqual(receipt.wake, [StoreBench.nodeA], "who is to be woken when it is back")
        },
        StoreCheck("signals", "a takeover by another node tells the old one") { bench in
            _ = try bench.storeA.commit([.attach(bench.hello())], now: bench.now)
            let cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).cursor
            let hello = bench.hello(as: StoreBench.second, at: StoreBench.nodeB)
            let receipt = try bench.storeB.commit([.attach(hello)], now: bench.now)
            try expectEqual(receipt.wake, [StoreBench.nodeA], "who is to be woken")
            let batch = try bench.storeA.signals(for: StoreBench.nodeA, after: cursor)
            try expectEqual(batch.signals, [Signal(client: StoreBench.phone, kind: .displaced)], "the signals")
        },
        StoreCheck("signals", "a removal through another process tells the code") { bench in
            _ = try bench.storeA.commit([.attach(bench.hello())], now: bench.now)
            let cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).cursor
            _ = try bench.storeB.commit([.remove(RemoveOperation(client: StoreBench.phone, code: .forbidden))], now: bench.now)
            let batch = try bench.storeA.signals(for: StoreBench.nodeA, after: cursor)
            try expectEqual(batch.signals, [Signal(client: StoreBench.phone, kind: .removed(.forbidden))], "the signals")
        },
        StoreCheck("signals", "expiry behind a cursor is news for the holder's node") { bench in
            _ = try bench.storeA.commit([.attach(bench.hello())], now: bench.now)
            _ = try bench.storeA.commit([.append(StoreBench.message("1", timeToLive: .seconds(1)))], now: bench.now)
            let cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).cursor
            bench.advance(by: .seconds(1))
            var hasMore = true
            while hasMore {
                let receipt = try bench.storeB.commit([.expire(ExpireOperation())], now: bench.now).receipts.first
                guard case .expire(let expired) = receipt else { throw StoreBench.wrongKind() }
                hasMore = expired.hasMore
            }
            let batch = try bench.storeA.signals(for: StoreBench.nodeA, after: cursor)
            try expectEqual(batch.signals, [Signal(client: StoreBench.phone, kind: .news)], "the signals")
        },
        StoreCheck("signals", "two processes that alternate lose none of each other's messages") { bench in
            let phone = try bench.attach(bench.hello(StoreBench.phone, at: StoreBench.nodeA)).fence
            let bob = try bench.attach(bench.hello(StoreBench.bob, as: StoreBench.second, at: StoreBench.nodeB)).fence
            for number in 1...20 {
                _ = try bench.storeB.commit([.append(StoreBench.message("\(number)", to: [StoreBench.phone]))], now: bench.now)
                _ = try bench.storeA.commit([.append(StoreBench.message("\(number)", to: [StoreBench.bob]))], now: bench.now)
                let reads = [(bench.storeA, StoreBench.phone, phone), (bench.storeB, StoreBench.bob, bob)]
                for (store, client, fence) in reads {
                    let request = ReadRequest(
                        client: client,
                        fence: fence,
                        after: SequenceNumber(UInt64(number - 1)),
                        maxMessages: 10,
                        maxBytes: 1_000
                    )
                    guard case .slice(let slice) = try store.read([request], now: bench.now).first else { throw StoreBench.wrongKind() }
                    try expectEqual(slice.texts, ["\(number)"], "what \(client) reads")
                }
            }
        },
    ]

    static let reading = [
        StoreCheck("reading", "a read gives what follows the cursor, up to its limits") { bench in
            let fence = try bench.attach().fence
            for text in ["aaaa", "bbbb", "cccc", "dddd"] { try bench.send(text) }
            let two = try bench.read(fence, maxMessages: 2)
            try expectEqual(two.texts, ["aaaa", "bbbb"], "two messages")
            try expectEqual(two.through, SequenceNumber(2), "how far it tells")
            try expectEqual(two.head, SequenceNumber(4), "the head")
            let bytes = try bench.read(after: 1, fence, maxBytes: 11)
            try expectEqual(bytes.texts, ["bbbb", "cccc"], "eleven bytes")
            try expectEqual(bytes.through, SequenceNumber(3), "how far it tells")
            try expectEqual(try bench.read(fence, maxBytes: 1).texts, ["aaaa"], "the first message comes whatever its size")
            let rest = try bench.read(after: 3, fence)
            try expectEqual(rest.texts, ["dddd"], "the rest")
            try expectEqual(rest.through, SequenceNumber(4), "how far it tells")
            let none = try bench.read(after: 4, fence)
            try expectEqual(none.messages, [], "at the head")
            try expectEqual(none.through, SequenceNumber(4), "how far it tells")
        },
        StoreCheck("reading", "with no room for messages a read still tells the gap before the next") { bench in  // [R6.2-5]
            let fence = try bench.attach().fence
            try bench.send("1", timeToLive: .seconds(1))
            try bench.send("2", timeToLive: .seconds(1))
            try bench.send("3")
            bench.advance(by: .seconds(1))
            let gap = try bench.read(fence, maxMessages: 0)
            try expectEqual(gap.messages, [], "no message")
            try expectEqual(gap.through, SequenceNumber(2), "one and two are gone")
            let none = try bench.read(after: 2, fence, maxMessages: 0)
            try expectEqual(none.through, SequenceNumber(2), "nothing is gone before three")
        },
        StoreCheck("reading", "a read that is cut short tells the gaps between, and the one after its last message") { bench in
            let fence = try bench.attach().fence
            for number in 1...7 {
                try bench.send("\(number)", timeToLive: [2, 4, 5].contains(number) ? .seconds(1) : nil)
            }
            bench.advance(by: .seconds(1))
            let slice = try bench.read(fence, maxMessages: 2)
            try expectEqual(slice.numbers, [1, 3], "the messages")
            try expect(slice.through >= SequenceNumber(3) && slice.through <= SequenceNumber(5), "it tells up to before six, or less")
            try expectEqual(try bench.read(after: slice.through.rawValue, fence).numbers, [6, 7], "from there on")
            try expectEqual(try bench.read(after: 3, fence, maxMessages: 0).through, SequenceNumber(5), "the gap alone")
        },
        StoreCheck("reading", "several reads at once are answered in their order, each for itself") { bench in
            let phone = try bench.attach(StoreBench.phone).fence
            let bob = try bench.attach(StoreBench.bob).fence
            try bench.send(1...3, to: StoreBench.phone)
            try bench.send(1...2, to: StoreBench.bob)
            let requests = [
                (StoreBench.bob, bob, 1), (StoreBench.tablet, bob, 0), (StoreBench.phone, phone, 0), (StoreBench.phone, bob, 0),
            ]
            .map { ReadRequest(client: $0, fence: $1, after: SequenceNumber($2), maxMessages: 10, maxBytes: 100) }
            let receipts = try bench.store.read(requests, now: bench.now)
            let found = receipts.map { receipt -> [UInt64]? in if case .slice(let slice) = receipt { slice.numbers } else { nil } }
            try expectEqual(found, [[2], nil, [1, 2, 3], nil], "what they found")
            try expectEqual(receipts[1], .refused(.gone), "no such queue")
            try expectEqual(receipts[3], .refused(.otherEpoch(phone.epoch)), "another queue's fence")
        },
        StoreCheck("reading", "a cursor below the floor reads from the floor on") { bench in
            let fence = try bench.attach().fence
            try bench.send(1...5)
            _ = try bench.acknowledge(3, fence)
            let slice = try bench.read(after: 1, fence)
            try expectEqual(slice.numbers, [4, 5], "the messages")
            try expectEqual(slice.floor, SequenceNumber(3), "the floor explains the rest")
        },
        StoreCheck("reading", "token keys are two at most, newest first, and change every thirty days") { bench in
            let first = try bench.store.tokenKeys(now: bench.now)
            guard let key = first.first else { throw StoreConformanceFailure("there is a key") }
            try expectEqual(key.secret.count, 32, "the bytes of its secret")
            try expectEqual(try bench.store.tokenKeys(now: bench.now).first, key, "it is the same for every process")
            try bench.reopen()
            try expectEqual(try bench.store.tokenKeys(now: bench.now).first, key, "and after the store was opened again")
            bench.advance(by: .seconds(30 * 86_400 - 1))
            try expectEqual(try bench.store.tokenKeys(now: bench.now).first, key, "for thirty days")
            bench.advance(by: .seconds(1))
            let second = try bench.store.tokenKeys(now: bench.now)
            try expectEqual(second.count, 2, "then there are two")
            try expectEqual(second.last, key, "the old one still counts")
            try expect(second[0].id != key.id && second[0].secret != key.secret, "the new one is another")
            bench.advance(by: .seconds(30 * 86_400))
            let third = try bench.store.tokenKeys(now: bench.now)
            try expectEqual(third.last, second.first, "and the next one follows")
            try expect(!third.contains(key), "the oldest is forgotten")
        },
    ]

    static let listing = [
        StoreCheck("listing", "a snapshot tells the queue as it is") { bench in
            try expect(try bench.snapshot() == nil, "no queue")
            let created = bench.now
            try bench.send("aaaa")
            bench.advance(by: .seconds(1))
            let sent = bench.now
            try bench.send("bbb")
            bench.advance(by: .seconds(1))
            let attached = bench.now
            let attachment = try bench.attach()
            _ = try bench.acknowledge(1, attachment.fence)
            let holder = Holder(fence: attachment.fence, instance: StoreBench.first, node: StoreBench.nodeA)
            var expected = QueueSnapshot(
                client: StoreBench.phone,
                epoch: attachment.fence.epoch,
                generation: Generation(1),
                head: SequenceNumber(2),
                floor: .first,
                discardedThrough: .zero,
                overflowedThrough: .zero,
                messages: 1,
                bytes: 3,
                oldest: sent,
                holder: holder,
                created: created,
                attached: attached,
                detached: nil
            )
            try expectEqual(try bench.snapshot(), expected, "while it is attached")
            bench.advance(by: .seconds(1))
            _ = try bench.detach(attachment.fence)
            expected.holder = nil
            expected.detached = bench.now
            try expectEqual(try bench.snapshot(), expected, "after its detach")
        },
        StoreCheck("listing", "queues are listed in order of their addresses, page by page") { bench in
            let names = ["alice", "alice/phone", "alice/tablet", "alice-2", "alice.b/x", "bob", "Bob", "zoe/1"]
            for name in names { try bench.send("1", to: Name.client(name)) }
            var found: [ClientID] = []
            for _ in 0..<10 {
                let page = try bench.store.snapshots(of: nil, after: found.last, limit: 3, now: bench.now)
                if page.isEmpty { break }
                found += page.map(\.client)
            }
            try expectEqual(found, names.map { Name.client($0) }.sorted(), "all of them")
            let alice = try bench.store.snapshots(of: Name.user("alice"), after: nil, limit: 10, now: bench.now).map(\.client.description)
            try expectEqual(alice, ["alice", "alice/phone", "alice/tablet"], "one user's")
            let after = Name.client("alice")
            let rest = try bench.store.snapshots(of: Name.user("alice"), after: after, limit: 1, now: bench.now).map(\.client.description)
            try expectEqual(rest, ["alice/phone"], "the one after the first")
            let none = try bench.store.snapshots(of: Name.user("nobody"), after: nil, limit: 10, now: bench.now)
            try expectEqual(none, [], "of a user without clients")
        },
    ]
}
