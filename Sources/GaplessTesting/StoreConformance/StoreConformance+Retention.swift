import GaplessCore
import GaplessStore

extension StoreConformance {
    private static func policy(_ retention: RetentionPolicy) -> StorePolicy {
        StorePolicy(retention: retention)
    }

    static let retention = [
        StoreCheck(
            "retention",
            "1,000 sends with room for 100 give exactly the gap 1-900 and 100 messages",
            policy: policy(RetentionPolicy(maxMessages: 100))
        ) { bench in
            for batch in 0..<10 {
                let sends = (1...100).map { StoreOperation.append(StoreBench.message("\(batch * 100 + $0)")) }
                _ = try bench.commit(sends)
            }
            let attachment = try bench.attach()
            let slice = try bench.read(attachment.fence)
            try expectEqual(slice.numbers, Array(901...1_000), "the numbers that are left")
            try expectEqual(slice.texts, (901...1_000).map(String.init), "their payloads")
            try expectEqual(slice.overflowedThrough, SequenceNumber(900), "what went by overflow")
            try expectEqual(slice.floor, .zero, "retention does not move the floor")
            try expectEqual(slice.head, SequenceNumber(1_000), "the head")
            try expectEqual(slice.through, SequenceNumber(1_000), "how far the slice tells")
            try expectEqual(try bench.snapshot()?.messages, 100, "the messages counted")
        },
        StoreCheck(
            "retention",
            "the oldest give way one by one, and the sender is told the range",
            policy: policy(RetentionPolicy(maxMessages: 3))
        ) { bench in
            try bench.send(1...3)
            let fourth = try bench.send("4").deliveries.first
            try expectEqual(fourth?.discarded, SequenceRange(.first, through: .first), "the range that gave way")
            let fifth = try bench.send("5").deliveries.first
            try expectEqual(fifth?.discarded, SequenceRange(SequenceNumber(2), through: SequenceNumber(2)), "the next one")
            let fence = try bench.attach().fence
            try expectEqual(try bench.read(fence).numbers, [3, 4, 5], "what is left")
            _ = try bench.acknowledge(4, fence)
            try expectEqual(try bench.send("6").deliveries.first?.discarded, nil, "acknowledged messages make room")
        },
        StoreCheck("retention", "the sweep tells how full the queues it looked at are and how old, and the store") { bench in
            try bench.send("old", timeToLive: .seconds(1))
            bench.advance(by: .milliseconds(500))
            try bench.send("new")
            try bench.send("next")
            bench.advance(by: .seconds(2))
            let swept = try bench.expireAll()
            try expectEqual(swept.depths.filter { $0 > 0 }, [2], "what is left in the queue")
            try expectEqual(swept.ages, [.seconds(2)], "how old the oldest of it is")
            try expectEqual(swept.stored, StoredSum(queues: 1, bytes: 7), "what is left in the store")
        },
        StoreCheck(
            "retention",
            "bytes are bounded like messages",
            policy: policy(RetentionPolicy(maxMessages: 100, maxBytes: 10))
        ) { bench in
            try bench.send("aaaa")
            try bench.send("bbbb")
            try expectEqual(try bench.send("cc").deliveries.first?.discarded, nil, "ten bytes fit")
            let fourth = try bench.send("dddddd").deliveries.first
            try expectEqual(fourth?.discarded, SequenceRange(.first, through: SequenceNumber(2)), "what gave way to six bytes")
            let whole = try bench.send("eeeeeeeeee").deliveries.first
            try expectEqual(whole?.discarded, SequenceRange(SequenceNumber(3), through: SequenceNumber(4)), "what gave way to ten")
            let fence = try bench.attach().fence
            try expectEqual(try bench.read(fence).texts, ["eeeeeeeeee"], "what is left")
            try expectEqual(try bench.send("fffffffffff").deliveries.first?.outcome, .tooLarge, "eleven bytes never fit")
            try expectEqual(try bench.snapshot()?.head, SequenceNumber(5), "a refused message takes no number")
        },
        StoreCheck(
            "retention",
            "a message that never fits creates no queue",
            policy: policy(RetentionPolicy(maxBytes: 10))
        ) { bench in
            try expectEqual(try bench.send("fffffffffff").deliveries.first?.outcome, .tooLarge, "the outcome")
            try expect(try bench.snapshot() == nil, "no queue was created")
        },
        StoreCheck(
            "retention",
            "a queue that refuses keeps what it has",
            policy: policy(RetentionPolicy(maxMessages: 2, onOverflow: .rejectNew))
        ) { bench in
            try bench.send(1...2)
            try expectEqual(try bench.send("3").deliveries.first?.outcome, .queueFull, "the third message")
            let fence = try bench.attach().fence
            try expectEqual(try bench.read(fence).texts, ["1", "2"], "what is kept")
            _ = try bench.acknowledge(1, fence)
            try expectEqual(try bench.send("3").number, 3, "after an acknowledgement there is room again")
        },
        StoreCheck(
            "retention",
            "a queue that refuses by bytes takes what fits",
            policy: policy(RetentionPolicy(maxBytes: 10, onOverflow: .rejectNew))
        ) { bench in
            try bench.send("aaaaaaaa")
            try expectEqual(try bench.send("bbb").deliveries.first?.outcome, .queueFull, "three bytes more")
            try expectEqual(try bench.send("bb").number, 2, "two bytes more")
        },
        StoreCheck(
            "retention",
            "expired messages give way before anything is refused, swept or not",
            policy: policy(RetentionPolicy(maxMessages: 2, onOverflow: .rejectNew))
        ) { bench in
            try bench.send("1", timeToLive: .seconds(5))
            try bench.send("2", timeToLive: .seconds(50))
            try expectEqual(try bench.send("3").deliveries.first?.outcome, .queueFull, "both are there")
            bench.advance(by: .seconds(5))
            try expectEqual(try bench.send("3").number, 3, "the first has expired")
            let fence = try bench.attach().fence
            try expectEqual(try bench.read(fence).texts, ["2", "3"], "what is left")
        },
        StoreCheck(
            "retention",
            "what expired before it had to give way is not called overflow",
            policy: policy(RetentionPolicy(maxMessages: 3))
        ) { bench in
            try bench.send("1", timeToLive: .seconds(5))
            try bench.send("2", timeToLive: .seconds(5))
            try bench.send("3")
            bench.advance(by: .seconds(5))
            try expectEqual(try bench.send("4").deliveries.first?.discarded, nil, "nothing gave way")
            let fence = try bench.attach().fence
            let slice = try bench.read(fence)
            try expectEqual(slice.numbers, [3, 4], "what is left")
            try expectEqual(slice.overflowedThrough, .zero, "nothing went by overflow")
        },
    ]

    static let expiry = [
        StoreCheck(
            "expiry",
            "a message is gone at its time, swept or not",
            policy: policy(RetentionPolicy(maxAge: .seconds(10)))
        ) { bench in
            let fence = try bench.attach().fence
            try bench.send("1")
            bench.advance(by: .milliseconds(9_999))
            try expectEqual(try bench.read(fence).numbers, [1], "a millisecond before its time")
            bench.advance(by: .milliseconds(1))
            let slice = try bench.read(fence)
            try expectEqual(slice.numbers, [], "at its time")
            try expectEqual(slice.through, .first, "the slice tells that it is gone")
            try expectEqual(try bench.snapshot()?.messages, 0, "it is not counted")
            try expectEqual(try bench.expireAll().messages, 1, "the sweep removes it")
            try expectEqual(try bench.read(fence), slice, "the sweep changes nothing that is seen")
            try expectEqual(slice.overflowedThrough, .zero, "it did not go by overflow")
        },
        StoreCheck(
            "expiry",
            "a time to live ends before the age does, and never after",
            policy: policy(RetentionPolicy(maxAge: .seconds(10)))
        ) { bench in
            let fence = try bench.attach().fence
            try bench.send("1", timeToLive: .seconds(20))
            try bench.send("2", timeToLive: .seconds(2))
            try bench.send("3")
            bench.advance(by: .seconds(2))
            let slice = try bench.read(fence)
            try expectEqual(slice.numbers, [1, 3], "one in the middle is gone")
            try expectEqual(slice.through, SequenceNumber(3), "and known to be")
            try bench.expireAll()
            try expectEqual(try bench.read(fence).numbers, [1, 3], "the sweep takes that one alone")
            bench.advance(by: .seconds(8))
            try expectEqual(try bench.read(fence).numbers, [], "the age ends them all")
        },
        StoreCheck("expiry", "the sweep goes in slices, does everything once and ends") { bench in
            for batch in 0..<5 {
                let sends = (0..<20).map { number in
                    StoreOperation.append(StoreBench.message("x", to: [Name.client("user\(batch)-\(number % 7)")], timeToLive: .seconds(1)))
                }
                _ = try bench.commit(sends)
            }
            bench.advance(by: .seconds(1))
            let first = try bench.expire(maxRows: 10)
            try expect(first.messages <= 10, "a slice removes at most so many rows as it may")
            try expect(first.hasMore, "a hundred messages are more than a slice")
            let rest = try bench.expireAll(maxRows: 10)
            try expectEqual(first.messages + rest.messages, 100, "each message goes once")
            let again = try bench.expireAll()
            try expectEqual(again.messages, 0, "then there is nothing more to do")
        },
        StoreCheck("expiry", "one queue is swept in slices too") { bench in
            _ = try bench.commit((1...50).map { StoreOperation.append(StoreBench.message("\($0)", timeToLive: .seconds(1))) })
            bench.advance(by: .seconds(1))
            let first = try bench.expire(maxRows: 20)
            try expect(first.messages <= 20 && first.hasMore, "a slice is bounded within a queue")
            try expectEqual(first.messages + (try bench.expireAll(maxRows: 20)).messages, 50, "each message goes once")
        },
        StoreCheck("expiry", "what expires behind an attached client's cursor is news for it") { bench in
            let fence = try bench.attach().fence
            try bench.send("1", timeToLive: .seconds(1))
            try bench.send("1", to: StoreBench.bob, timeToLive: .seconds(1))
            bench.advance(by: .seconds(1))
            let holder = Holder(fence: fence, instance: StoreBench.first, node: StoreBench.nodeA)
            try expectEqual(
                try bench.expireAll().news,
                [Holder.OfClient(client: StoreBench.phone, holder: holder)],
                "news go to the attached client alone"
            )
        },
        StoreCheck("expiry", "expiry and overflow are told apart by number", policy: policy(RetentionPolicy(maxMessages: 3))) { bench in
            try bench.send(1...4)
            try bench.send("5", timeToLive: .seconds(1))
            bench.advance(by: .seconds(1))
            try bench.expireAll()
            let fence = try bench.attach().fence
            let slice = try bench.read(fence)
            try expectEqual(slice.numbers, [3, 4], "what is left")
            try expectEqual(slice.overflowedThrough, SequenceNumber(2), "through two by overflow, five by expiry")
            try expectEqual(slice.through, SequenceNumber(5), "the end of the queue is known to be gone")
        },
    ]

    static let clock = [
        StoreCheck("clock", "the store's clock never goes back") { bench in  // [R4.3-5]
            let first = try bench.send("1")
            bench.now = Timestamp(milliseconds: bench.now.milliseconds - 3_600_000)
            let second = try bench.send("2")
            try expect(second.time >= first.time, "a later commit's time is not lower")
            let fence = try bench.attach().fence
            try expectEqual(try bench.read(fence).numbers, [1, 2], "nothing is lost")
            try bench.reopen()
            let third = try bench.send("3")
            try expect(third.time >= second.time, "not after the store was opened again either")
        },
        StoreCheck("clock", "a clock that jumps back makes no sweep run for ever, and nothing expire twice") { bench in
            for number in 1...20 {
                try bench.send("\(number)", timeToLive: .seconds(Int64(number)))
            }
            bench.advance(by: .seconds(10))
            try expectEqual(try bench.expireAll(maxRows: 3).messages, 10, "half of them expire")
            bench.now = Timestamp(milliseconds: bench.now.milliseconds - 3_600_000)
            try expectEqual(try bench.expireAll(maxRows: 3).messages, 0, "nothing more expires on the old clock")
            try bench.send("21", timeToLive: .seconds(1))
            bench.advance(by: .seconds(3_600 + 10))
            try expectEqual(try bench.expireAll(maxRows: 3).messages, 11, "the rest expires at its time")
        },
        StoreCheck("clock", "a clock that jumps forward expires what is old, once") { bench in
            let fence = try bench.attach().fence
            try bench.send(1...3)
            bench.advance(by: .seconds(86_400 * 365))
            try bench.heartbeat()
            try expectEqual(try bench.read(fence).numbers, [], "everything is old")
            try expectEqual(try bench.expireAll().messages, 3, "the sweep removes it")
            try expectEqual(try bench.send("4").number, 4, "the queue of an attached client goes on")
        },
    ]
}
