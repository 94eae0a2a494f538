import GaplessCore
import GaplessStore

extension StoreConformance {
    static let acknowledging = [
        StoreCheck("acknowledging", "an acknowledgement is cumulative and removes what it covers") { bench in  // [R6.3-9]
            let fence = try bench.attach().fence
            try bench.send(1...5)
            try expectEqual(
                try bench.acknowledge(3, fence),
                .acknowledged(floor: SequenceNumber(3), head: SequenceNumber(5)),
                "the receipt"
            )
            let snapshot = try bench.snapshot()
            try expectEqual(snapshot?.floor, SequenceNumber(3), "the floor")
            try expectEqual(snapshot?.messages, 2, "the messages that are left")
            let slice = try bench.read(fence)
            try expectEqual(slice.numbers, [4, 5], "what is read")
            try expectEqual(slice.floor, SequenceNumber(3), "the floor that a read tells")
        },
        StoreCheck("acknowledging", "an old acknowledgement moves nothing back") { bench in  // [R6.3-8]
            let fence = try bench.attach().fence
            try bench.send(1...5)
            _ = try bench.acknowledge(4, fence)
            let receipt = AcknowledgeReceipt.acknowledged(floor: SequenceNumber(4), head: SequenceNumber(5))
            try expectEqual(try bench.acknowledge(2, fence), receipt, "a lower one")
            try expectEqual(try bench.acknowledge(4, fence), receipt, "the same one")
            try expectEqual(try bench.read(fence).numbers, [5], "what is left")
        },
        StoreCheck("acknowledging", "what is beyond the head cannot be acknowledged") { bench in  // [R6.3-11]
            let fence = try bench.attach().fence
            try expectEqual(try bench.acknowledge(1, fence), .beyondHead(.zero), "in an empty queue")
            try bench.send(1...2)
            try expectEqual(try bench.acknowledge(3, fence), .beyondHead(SequenceNumber(2)), "in a queue of two")
            try expectEqual(try bench.read(fence).numbers, [1, 2], "nothing was removed")
        },
        StoreCheck("acknowledging", "a gap can be acknowledged", policy: StorePolicy(retention: RetentionPolicy(maxMessages: 2))) { bench in
            let fence = try bench.attach().fence
            try bench.send(1...5)
            try expectEqual(
                try bench.acknowledge(3, fence),
                .acknowledged(floor: SequenceNumber(3), head: SequenceNumber(5)),
                "a number that overflow took"
            )
            try expectEqual(try bench.read(fence).numbers, [4, 5], "what is left")
        },
    ]

    /// Protocol.md §5.2, one check a row.
    static let attaching = [
        StoreCheck("attaching", "no queue, no position: new") { bench in  // [R5.2-2]
            let attachment = try bench.attach(bench.hello(outbox: "o1"))
            try expectEqual(attachment.resume, .new, "the outcome")
            try expectEqual(attachment.after, .zero, "where the stream goes on")
            try expectEqual(attachment.head, .zero, "the head")
            try expectEqual(attachment.mark, .zero, "the mark")
            try expectEqual(attachment.fence.generation, Generation(1), "the generation")
            try expectEqual(attachment.displaced, nil, "who is displaced")
            try expectEqual(attachment.retention, bench.policy.retention, "the bounds")
            try expect(try bench.snapshot() != nil, "the queue was created")
        },
        StoreCheck("attaching", "no queue, a position: reset, unknown") { bench in  // [R5.2-3]
            let attachment = try bench.attach()
            _ = try bench.end(attachment.fence)
            let again = try bench.attach(bench.hello(position: attachment.position(7), held: Generation(9)))
            try expectEqual(again.resume, .reset(.unknown), "the outcome")
            try expectEqual(again.after, .zero, "where the stream goes on")
            try expect(again.fence.epoch != attachment.fence.epoch, "the epoch was never used before")
        },
        StoreCheck(
            "attaching",
            "a hello that may create no queue is refused where there is none, and changes nothing",
            policy: StorePolicy(maxClientsPerUser: 1)
        ) { bench in  // [R5.1-5, R5.1-2]
            try bench.send("1", to: StoreBench.tablet)
            var hello = bench.hello()
            hello.mayCreate = false
            try expectEqual(try bench.attachReceipt(hello), .tooManyNewQueues, "without a position")
            hello.position = Position(epoch: Epoch(incarnation: Incarnation(rawValue: 1), queue: 1).token, handled: .zero)
            try expectEqual(try bench.attachReceipt(hello), .tooManyNewQueues, "with a position")
            try expectEqual(try bench.snapshot(), nil, "no queue was created")
            try expect(try bench.snapshot(StoreBench.tablet) != nil, "none gave way")
            hello.mayCreate = true
            try expect(try bench.attach(hello).isCreated, "the same attempt is not late")
        },
        StoreCheck("attaching", "a hello that may create no queue attaches to one that is there") { bench in  // [R5.1-5]
            try bench.send("1")
            var hello = bench.hello()
            hello.mayCreate = false
            let first = try bench.attach(hello)
            try expectEqual(first.resume, .new, "to one that was never attached")
            try expect(!first.isCreated, "it was there")
            hello.attempt = Attempt(hello.attempt.rawValue + 1)
            hello.position = first.position(0)
            try expectEqual(try bench.attach(hello).resume, .resumed, "to one that was")
        },
        StoreCheck("attaching", "a queue that was never attached, no position: new, from its first message on") { bench in  // [R5.2-4]
            try bench.send(1...3)
            let attachment = try bench.attach()
            try expectEqual(attachment.resume, .new, "the outcome")
            try expectEqual(attachment.after, .zero, "where the stream goes on")
            try expectEqual(attachment.head, SequenceNumber(3), "the head")
            try expectEqual(try bench.read(attachment.fence).numbers, [1, 2, 3], "the messages sent before")
        },
        StoreCheck("attaching", "a queue that was attached, no position: resumed at the floor") { bench in  // [R5.2-5]
            let first = try bench.attach()
            try bench.send(1...5)
            _ = try bench.acknowledge(2, first.fence)
            let again = try bench.attach()
            try expectEqual(again.resume, .resumed, "the outcome")
            try expectEqual(again.after, SequenceNumber(2), "where the stream goes on")
            try expectEqual(again.fence.epoch, first.fence.epoch, "the epoch stays")
        },
        StoreCheck("attaching", "a position of another life of the store: rollback, the messages stay") { bench in  // [R5.2-6]
            let first = try bench.attach()
            try bench.send(1...5)
            _ = try bench.acknowledge(2, first.fence)
            let foreign = Epoch(
                incarnation: Incarnation(rawValue: ~first.fence.epoch.incarnation.rawValue),
                queue: first.fence.epoch.queue
            )
            let position = Position(epoch: foreign.token, handled: SequenceNumber(4))
            let again = try bench.attach(bench.hello(position: position, held: Generation(90)))
            try Self.expectRollback(again, from: first, after: 2, bench)
            try expectEqual(try bench.read(after: 2, again.fence).numbers, [3, 4, 5], "the messages and their numbers")
        },
        StoreCheck("attaching", "an epoch that this store could not have given: rollback") { bench in  // [R5.2-6]
            let first = try bench.attach()
            try bench.send(1...3)
            guard let token = EpochToken("something-else.1") else { throw StoreConformanceFailure("a token") }
            let again = try bench.attach(bench.hello(position: Position(epoch: token, handled: .zero)))
            try Self.expectRollback(again, from: first, after: 0, bench)
        },
        StoreCheck("attaching", "handled above the head: rollback") { bench in  // [R5.2-7]
            let first = try bench.attach()
            try bench.send(1...3)
            _ = try bench.acknowledge(1, first.fence)
            let again = try bench.attach(bench.hello(position: first.position(4)))
            try Self.expectRollback(again, from: first, after: 1, bench)
            try expectEqual(try bench.read(after: 1, again.fence).numbers, [2, 3], "the messages and their numbers")
            let next = try bench.attach(bench.hello(position: again.position(2), held: again.fence.generation))
            try expectEqual(next.resume, .resumed, "the new epoch resumes")
        },
        StoreCheck("attaching", "held above the generation: rollback") { bench in  // [R5.2-8]
            let first = try bench.attach()
            let again = try bench.attach(bench.hello(position: first.position(0), held: first.fence.generation.next))
            try Self.expectRollback(again, from: first, after: 0, bench)
        },
        StoreCheck("attaching", "another time of a kept message: rollback") { bench in  // [R5.2-9]
            let first = try bench.attach()
            try bench.send(1...3)
            let last = LastMessage(sequence: SequenceNumber(2), time: bench.now + .milliseconds(1))
            let position = Position(epoch: first.fence.epoch.token, handled: SequenceNumber(2), last: last)
            try Self.expectRollback(try bench.attach(bench.hello(position: position)), from: first, after: 0, bench)
        },
        StoreCheck("attaching", "taken, and another message is stored, or none yet: rollback") { bench in  // [R5.2-18]
            let first = try bench.attach()
            try bench.send(1...3)
            let newest = try bench.read(first.fence).messages[2]
            let same = try bench.attach(bench.hello(position: first.position(1), taken: newest))
            try expectEqual(same.resume, .resumed, "the message that is stored")
            try expectEqual(same.floor, SequenceNumber(1), "what was taken acknowledges nothing")
            let other = StoredMessage(sequence: newest.sequence, time: newest.time + .milliseconds(1), payload: newest.payload)
            let again = try bench.attach(bench.hello(position: first.position(1), taken: other))
            try Self.expectRollback(again, from: same, after: 1, bench)
            let above = StoredMessage(sequence: SequenceNumber(4), time: newest.time, payload: newest.payload)
            try Self.expectRollback(try bench.attach(bench.hello(position: again.position(1), taken: above)), from: again, after: 1, bench)
        },
        StoreCheck("attaching", "a gap was taken, a message lies in it: rollback, unless it has expired") { bench in  // [R5.2-18]
            let first = try bench.attach()
            try bench.send("1")
            bench.advance(by: .seconds(1))
            try bench.send("2", timeToLive: .seconds(1))
            let messages = try bench.read(first.fence).messages
            let gap = StoredMessage(sequence: SequenceNumber(2), time: messages[0].time, payload: messages[0].payload)
            let lies = try bench.attach(bench.hello(position: first.position(1, last: messages[0]), taken: gap))
            try Self.expectRollback(lies, from: first, after: 0, bench)
            bench.advance(by: .seconds(1))
            let again = try bench.attach(bench.hello(position: lies.position(1, last: messages[0]), taken: gap))
            try expectEqual(again.resume, .partial, "it has expired")
        },
        StoreCheck("attaching", "another time of the message at the floor: rollback") { bench in  // [R5.2-14]
            let first = try bench.attach()
            try bench.send(1...3)
            let messages = try bench.read(first.fence).messages
            _ = try bench.acknowledge(2, first.fence)
            let same = try bench.attach(bench.hello(position: first.position(2, last: messages[1])))
            try expectEqual(same.resume, .resumed, "the right time")
            let wrong = LastMessage(sequence: SequenceNumber(2), time: messages[1].time + .milliseconds(1))
            let position = Position(epoch: first.fence.epoch.token, handled: SequenceNumber(2), last: wrong)
            try Self.expectRollback(try bench.attach(bench.hello(position: position)), from: same, after: 2, bench)
        },
        StoreCheck("attaching", "the time at the floor is that of the hello's own acknowledgement too") { bench in  // [R5.2-14]
            let first = try bench.attach()
            try bench.send(1...3)
            bench.advance(by: .seconds(1))
            try bench.send("4")
            let messages = try bench.read(first.fence).messages
            _ = try bench.attach(bench.hello(position: first.position(4, last: messages[3])))
            let wrong = LastMessage(sequence: SequenceNumber(4), time: messages[0].time)
            let position = Position(epoch: first.fence.epoch.token, handled: SequenceNumber(4), last: wrong)
            try expectEqual(try bench.attach(bench.hello(position: position)).resume, .reset(.rollback), "another time")
        },
        StoreCheck("attaching", "what the store no longer knows contradicts nothing") { bench in  // [R5.2-14]
            let first = try bench.attach()
            try bench.send(1...5)
            _ = try bench.acknowledge(4, first.fence)
            let last = LastMessage(sequence: SequenceNumber(3), time: Timestamp(milliseconds: 1))
            let position = Position(epoch: first.fence.epoch.token, handled: SequenceNumber(4), last: last)
            try expectEqual(try bench.attach(bench.hello(position: position)).resume, .resumed, "the outcome")
        },
        StoreCheck("attaching", "another epoch of the queue: reset, epoch, and nothing changes") { bench in  // [R5.2-10]
            let first = try bench.attach()
            try bench.send(1...3)
            let other = Epoch(incarnation: first.fence.epoch.incarnation, queue: ~first.fence.epoch.queue)
            let position = Position(epoch: other.token, handled: SequenceNumber(90))
            for generation in 2...3 as ClosedRange<UInt64> {
                let again = try bench.attach(bench.hello(position: position, held: Generation(90)))
                try expectEqual(again.resume, .reset(.epoch), "the outcome")
                try expectEqual(again.after, .zero, "where the stream goes on")
                try expectEqual(again.fence, Fence(epoch: first.fence.epoch, generation: Generation(generation)), "the fence")
            }
            let right = try bench.attach(bench.hello(position: first.position(1)))
            try expectEqual(right.resume, .resumed, "the right epoch still resumes")
        },
        StoreCheck("attaching", "handled below the floor: partial") { bench in  // [R5.2-11]
            let first = try bench.attach()
            try bench.send(1...5)
            _ = try bench.acknowledge(3, first.fence)
            let again = try bench.attach(bench.hello(position: first.position(1)))
            try expectEqual(again.resume, .partial, "the outcome")
            try expectEqual(again.after, .first, "where the stream goes on")
            try expectEqual(again.floor, SequenceNumber(3), "the floor")
            let slice = try bench.read(after: 1, again.fence)
            try expectEqual(slice.numbers, [4, 5], "what is read from there")
            try expectEqual(slice.floor, SequenceNumber(3), "the read tells what was acknowledged")
        },
        StoreCheck(
            "attaching",
            "the next message went by overflow: partial, and an acknowledgement",
            policy: StorePolicy(retention: RetentionPolicy(maxMessages: 3))
        ) { bench in  // [R5.2-12]
            let first = try bench.attach()
            try bench.send(1...5)
            let again = try bench.attach(bench.hello(position: first.position(1)))
            try expectEqual(again.resume, .partial, "the outcome")
            try expectEqual(again.after, .first, "where the stream goes on")
            try expectEqual(again.floor, .first, "handled counts as an acknowledgement")
        },
        StoreCheck("attaching", "the next message has expired, swept or not: partial") { bench in  // [R5.2-12]
            let first = try bench.attach()
            try bench.send("1")
            try bench.send("2", timeToLive: .seconds(1))
            try bench.send("3")
            bench.advance(by: .seconds(1))
            try expectEqual(try bench.attach(bench.hello(position: first.position(1))).resume, .partial, "before the sweep")
            try bench.expireAll()
            try expectEqual(try bench.attach(bench.hello(position: first.position(1))).resume, .partial, "after the sweep")
            try expectEqual(try bench.attach(bench.hello(position: first.position(2))).resume, .resumed, "above the gap")
        },
        StoreCheck("attaching", "a position between floor and head: resumed, and an acknowledgement") { bench in  // [R5.2-13]
            let first = try bench.attach()
            try bench.send(1...5)
            let messages = try bench.read(first.fence).messages
            let hello = bench.hello(position: first.position(3, last: messages[2]), held: first.fence.generation)
            let again = try bench.attach(hello)
            try expectEqual(again.resume, .resumed, "the outcome")
            try expectEqual(again.after, SequenceNumber(3), "where the stream goes on")
            try expectEqual(again.floor, SequenceNumber(3), "handled counts as an acknowledgement")
            try expectEqual(try bench.snapshot()?.messages, 2, "what was acknowledged is removed")
            let end = try bench.attach(bench.hello(position: first.position(5)))
            try expectEqual(end.resume, .resumed, "at the head")
            try expectEqual(try bench.read(after: 5, end.fence).numbers, [], "nothing is left")
        },
        StoreCheck("attaching", "the position of an empty queue resumes") { bench in  // [R5.2-17]
            let first = try bench.attach()
            let again = try bench.attach(bench.hello(position: first.position(0), held: first.fence.generation))
            try expectEqual(again.resume, .resumed, "the outcome")
        },
    ]

    /// A rollback: a new epoch that was never used, the generation one higher, the stream from the floor on, the old fence void.
    private static func expectRollback(_ attachment: Attachment, from before: Attachment, after: UInt64, _ bench: StoreBench) throws {
        try expectEqual(attachment.resume, .reset(.rollback), "the outcome")
        try expectEqual(attachment.after, SequenceNumber(after), "where the stream goes on")
        try expect(attachment.fence.epoch != before.fence.epoch, "the queue has a new epoch")
        try expectEqual(attachment.fence.epoch.incarnation, before.fence.epoch.incarnation, "of the same life of the store")
        try expectEqual(attachment.fence.generation, before.fence.generation.next, "the generation")
        try expectEqual(
            try bench.acknowledge(0, before.fence),
            .refused(.otherEpoch(attachment.fence.epoch)),
            "nothing of the old epoch touches the queue"
        )
    }
}
