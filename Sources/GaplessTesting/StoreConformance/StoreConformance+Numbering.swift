import GaplessCore
import GaplessStore
import NIOCore

extension StoreConformance {
    static let numbering = [
        StoreCheck("numbering", "numbers are consecutive from 1, whatever the batches") { bench in
            try expectEqual(try bench.send("1").number, 1, "the first message's number")
            let batch = (2...4).map { StoreOperation.append(StoreBench.message("\($0)")) }
            let numbers = try bench.commit(batch).receipts.compactMap { receipt -> UInt64? in
                guard case .append(let append) = receipt else { return nil }
                return append.number
            }
            try expectEqual(numbers, [2, 3, 4], "the numbers of a batch")
            try expectEqual(try bench.send("5").number, 5, "the next batch goes on")
            let fence = try bench.attach().fence
            let slice = try bench.read(fence)
            try expectEqual(slice.numbers, [1, 2, 3, 4, 5], "what is read is in order")
            try expectEqual(slice.texts, ["1", "2", "3", "4", "5"], "each number keeps its payload")
        },
        StoreCheck("numbering", "each queue counts for itself, in its own epoch") { bench in
            try bench.send(1...3, to: StoreBench.phone)
            try expectEqual(try bench.send("1", to: StoreBench.tablet).number, 1, "another queue's first number")
            try expectEqual(try bench.send("4", to: StoreBench.phone).number, 4, "the first queue's next number")
            let phone = try bench.snapshot(StoreBench.phone)
            let tablet = try bench.snapshot(StoreBench.tablet)
            try expect(phone?.epoch != tablet?.epoch, "two queues never have the same epoch")
            try expectEqual(phone?.epoch.incarnation, try bench.store.incarnation, "an epoch's incarnation is the store's")
        },
        StoreCheck("numbering", "a number is not given again after its message is gone") { bench in
            let fence = try bench.attach().fence
            try bench.send(1...3)
            _ = try bench.acknowledge(3, fence)
            try expectEqual(try bench.send("4").number, 4, "the number after an acknowledged one")
            try bench.send("5", timeToLive: .milliseconds(1))
            bench.advance(by: .seconds(1))
            try bench.expireAll()
            try expectEqual(try bench.send("6").number, 6, "the number after an expired one")
            try bench.reopen()
            try expectEqual(try bench.send("7").number, 7, "the number after the store was opened again")
        },
        StoreCheck("numbering", "payloads keep their kind and every byte") { bench in
            let payloads = [
                Payload(text: ""), Payload(text: " two  spaces\r\n\u{0}ünïcödé 🦋"), Payload(binary: ByteBuffer()),
                Payload(binary: ByteBuffer(bytes: (0...255).map { UInt8($0) })),
                Payload(text: String(repeating: "x", count: 65_536)),
                Payload(binary: ByteBuffer(repeating: 0xff, count: 65_536)),
            ]
            let fence = try bench.attach().fence
            for payload in payloads {
                try bench.append(AppendOperation(recipients: .clients([StoreBench.phone], existingOnly: false), payload: payload))
            }
            try expect(try bench.read(fence).messages.map(\.payload) == payloads, "what is read is what was sent")
            try bench.reopen()
            try expect(try bench.read(fence).messages.map(\.payload) == payloads, "the same after the store was opened again")
        },
        StoreCheck("numbering", "commits are counted up, and their time is told") { bench in
            let first = try bench.commit([.append(StoreBench.message("1"))])
            bench.advance(by: .milliseconds(5))
            let second = try bench.commit([.append(StoreBench.message("2")), .append(StoreBench.message("3"))])
            try expect(second.number > first.number, "a later commit has a higher number")
            try expectEqual(second.time, bench.now, "the commit's time")
            let fence = try bench.attach().fence
            let times = try bench.read(fence).messages.map(\.time)
            try expectEqual(times, [first.time, second.time, second.time], "the messages carry the times of their commits")
        },
        StoreCheck("numbering", "a refused operation does not keep the others of its batch from happening") { bench in
            let fence = try bench.attach().fence
            let stale = Fence(epoch: fence.epoch, generation: .zero)
            let receipt = try bench.commit([
                .append(StoreBench.message("1")),
                .acknowledge(AcknowledgeOperation(client: StoreBench.phone, fence: stale, through: .first)),
                .append(StoreBench.message("2")),
                .acknowledge(AcknowledgeOperation(client: StoreBench.phone, fence: fence, through: .first)),
            ])
            try expectEqual(
                receipt.receipts[1],
                .acknowledge(.refused(.newer(fence.generation, instance: StoreBench.first))),
                "the stale acknowledgement is refused"
            )
            try expectEqual(
                receipt.receipts[3],
                .acknowledge(.acknowledged(floor: .first, head: SequenceNumber(2))),
                "a later operation of the batch sees what the earlier ones did"
            )
            try expectEqual(try bench.read(after: 1, fence).texts, ["2"], "what was not acknowledged")
        },
        StoreCheck("numbering", "what was committed is there after the store was opened again") { bench in
            let attachment = try bench.attach(bench.hello(outbox: "o1"))
            try bench.send(1...5)
            _ = try bench.acknowledge(2, attachment.fence)
            _ = try bench.mark(1, attachment.fence)
            let before = try bench.snapshot()
            try bench.reopen()
            try expectEqual(try bench.snapshot(), before, "the queue")
            try expectEqual(try bench.read(after: 2, attachment.fence).texts, ["3", "4", "5"], "its messages")
            let again = try bench.attach(bench.hello(outbox: "o1"))
            try expectEqual(again.mark, .first, "its mark")
            try expectEqual(again.fence.generation, attachment.fence.generation.next, "its generation goes on")
        },
        StoreCheck("numbering", "a closed store says so") { bench in
            let store = bench.storeA
            store.close()
            do {
                _ = try store.commit([.append(StoreBench.message("1"))], now: bench.now)
                throw StoreConformanceFailure("a commit on a closed store fails")
            } catch let error as QueueStoreError {
                try expectEqual(error.code, .closed, "the error's code")
            }
        },
    ]

    static let fanOut = [
        StoreCheck("fan-out", "one message reaches several named clients, each under its own number") { bench in
            try bench.send(1...2, to: StoreBench.phone)
            let receipt = try bench.append(StoreBench.message("all", to: [StoreBench.bob, StoreBench.phone, StoreBench.tablet]))
            try expectEqual(receipt.deliveries.map(\.client), [StoreBench.bob, StoreBench.phone, StoreBench.tablet], "their order")
            let numbers = receipt.deliveries.map { delivery -> UInt64 in
                guard case .stored(let number, _) = delivery.outcome else { return 0 }
                return number.rawValue
            }
            try expectEqual(numbers, [1, 3, 1], "their numbers")
        },
        StoreCheck("fan-out", "a send creates the queue unless it is for existing ones only") { bench in
            let receipt = try bench.append(StoreBench.message("x", to: [StoreBench.phone, StoreBench.bob], existingOnly: true))
            try expectEqual(receipt.deliveries.map(\.outcome), [.noSuchClient, .noSuchClient], "the outcomes")
            try expect(try bench.snapshot() == nil, "no queue was created")
            try bench.send("1", to: StoreBench.bob)
            let mixed = try bench.append(StoreBench.message("2", to: [StoreBench.phone, StoreBench.bob], existingOnly: true))
            try expectEqual(mixed.deliveries.map(\.isStored), [false, true], "who has a queue gets it")
        },
        StoreCheck("fan-out", "a send to a user reaches the clients that exist, and nobody else") { bench in
            let names = ["alice", "alice/phone", "alice/tablet", "alic", "alicex/phone", "alice-2", "bob"]
            for name in names {
                try bench.send("1", to: Name.client(name))
            }
            let receipt = try bench.append(AppendOperation(recipients: .user(Name.user("alice")), payload: Payload(text: "all")))
            try expectEqual(
                receipt.deliveries.map(\.client.description).sorted(),
                ["alice", "alice/phone", "alice/tablet"],
                "who got it"
            )
            try expect(receipt.deliveries.allSatisfy(\.isStored), "they all hold it")
            try expectEqual(try bench.snapshot(Name.client("alicex/phone"))?.head, .first, "another user's head")
        },
        StoreCheck("fan-out", "a send to a user without clients succeeds with none") { bench in
            let receipt = try bench.append(AppendOperation(recipients: .user(Name.user("nobody")), payload: Payload(text: "x")))
            try expectEqual(receipt.deliveries, [], "the deliveries")
            try expect(receipt.refusal == nil, "nothing is refused")
        },
        StoreCheck("fan-out", "a delivery names who is attached, under the current fence") { bench in
            try expectEqual(try bench.send("1").deliveries.first?.holder, nil, "nobody is attached")
            let attachment = try bench.attach()
            let holder = Holder(fence: attachment.fence, instance: StoreBench.first, node: StoreBench.nodeA)
            try expectEqual(try bench.send("2").deliveries.first?.holder, holder, "the holder")
            _ = try bench.detach(attachment.fence)
            try expectEqual(try bench.send("3").deliveries.first?.holder, nil, "nobody is attached any more")
        },
        StoreCheck("fan-out", "one message to a thousand clients is one commit") { bench in
            let clients = (0..<1_000).map { Name.client("user\($0)") }
            let receipt = try bench.append(StoreBench.message("all", to: clients))
            try expectEqual(receipt.deliveries.count { $0.isStored }, 1_000, "the clients that got it")
            let fence = try bench.attach(clients[777]).fence
            try expectEqual(try bench.read(fence, client: clients[777]).texts, ["all"], "what one of them reads")
            _ = try bench.acknowledge(1, fence, client: clients[777])
            try expectEqual(try bench.read(fence, client: clients[777]).texts, [], "what it reads after its acknowledgement")
            let other = try bench.attach(clients[778]).fence
            try expectEqual(try bench.read(other, client: clients[778]).texts, ["all"], "what another one reads")
        },
    ]
}
