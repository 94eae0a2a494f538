import GaplessServer
import GaplessTesting
import Testing

/// Messages to clients, over real sockets.
@Suite(.serialized, .timeLimit(.minutes(10))) struct DeliveryTests {
    @Test func aMessageIsDeliveredAcknowledgedAndGone() async throws {
        let delivered = Mailbox<DeliveredEvent>()
        try await TestServer.run(prepare: { $0.onDelivered { delivered.put($0) } }) { server in
            let (client, welcome) = try await RawClient.attach(server.url)
            #expect(welcome.resume == "new" && welcome.after == 0 && welcome.generation == 1)
            let receipt = try await server.server.send("Good morning", to: "alice/phone")
            #expect(receipt.sequence == SequenceNumber(1))
            let time = try await client.expectMessage(1, "Good morning")
            #expect(time == receipt.time.milliseconds)
            client.send("ACK 1")
            #expect(try await delivered.next().through == SequenceNumber(1))
            let queue = try await server.server.queue(of: #require(ClientID("alice/phone")))
            #expect(queue?.depth == 0 && queue?.acknowledged == SequenceNumber(1))
        }
    }

    @Test func whatWasSentBeforeTheFirstAttachIsDelivered() async throws {
        try await TestServer.run { server in
            for number in 1...300 { try await server.server.send("\(number)", to: "alice/phone") }
            let (client, welcome) = try await RawClient.attach(server.url)
            #expect(welcome.resume == "new" && welcome.head == 300)
            for number in 1...256 { try await client.expectMessage(number, "\(number)") }
            client.send("ACK 256")  // [R6.4-1]: the window was full.
            for number in 257...300 { try await client.expectMessage(number, "\(number)") }
        }
    }

    @Test func theKindOfAPayloadIsKept() async throws {
        // [R3.2-6], [R3.2-7]
        try await TestServer.run { server in
            let (client, _) = try await RawClient.attach(server.url)
            let bytes: [UInt8] = [0x00, 0xff, 0x20, 0x0a]
            let receipt = try await server.server.send(bytes, to: "alice/phone")
            #expect(try await client.next() == .binary(Array("MSG 1 \(receipt.time) ".utf8) + bytes))
            try await server.server.send("", to: "alice/phone")
            try await client.expectMessage(2, "")
        }
    }

    @Test func anotherNodeGoesOnWhereTheFirstStopped() async throws {
        let store = try TemporaryStore()
        try await TestServer.run(store: store.configuration) { first in
            try await TestServer.run(store: store.configuration) { second in
                let (client, welcome) = try await RawClient.attach(first.url)
                for number in 1...3 { try await first.server.send("\(number)", to: "alice/phone") }
                for number in 1...3 { try await client.expectMessage(number, "\(number)") }
                client.send("ACK 2")
                client.cut()
                let again = Greeting(attempt: 2, epoch: welcome.epoch, handled: 2, held: 1)
                let (resumed, answer) = try await RawClient.attach(second.url, again)
                #expect(answer.resume == "resumed" && answer.after == 2 && answer.epoch == welcome.epoch && answer.generation == 2)
                try await resumed.expectMessage(3, "3")
                // Sent on one node, delivered by the other.
                try await first.server.send("4", to: "alice/phone")
                try await resumed.expectMessage(4, "4")
            }
        }
    }

    @Test func aUserGetsItOnEveryClient() async throws {
        try await TestServer.run { server in
            let (phone, _) = try await RawClient.attach(server.url, Greeting(client: "alice/phone"))
            let (laptop, _) = try await RawClient.attach(server.url, Greeting(client: "alice/laptop"))
            let receipt = try await server.server.send("both", to: .user("alice"))
            #expect(receipt.clients == 2)
            try await phone.expectMessage(1, "both")
            try await laptop.expectMessage(1, "both")
            #expect(try await server.server.send("nobody", to: .user("bob")).clients == 0)
        }
    }

    @Test func whatExpiresIsReportedAsAGap() async throws {
        let clock = ManualClock()
        try await TestServer.run(clock: clock) { server in
            try await server.server.send("old", to: "alice/phone", timeToLive: .seconds(5))
            try await server.server.send("new", to: "alice/phone")
            clock.advance(by: .seconds(6))
            let (client, _) = try await RawClient.attach(server.url)
            try await client.expect("GAP 1 1 expired")  // [R6.2-3], [R5.2-16]
            try await client.expectMessage(2, "new")
        }
    }

    @Test func overflowIsReportedAsOneGap() async throws {
        var configuration = TestServer.configuration
        configuration.retention.maxMessages = 100
        try await TestServer.run(configuration: configuration) { server in
            for number in 1...1_000 { try await server.server.send("\(number)", to: "alice/phone") }
            let (client, _) = try await RawClient.attach(server.url)
            try await client.expect("GAP 1 900 overflow")
            for number in 901...1_000 { try await client.expectMessage(number, "\(number)") }
        }
    }

    @Test func aFullQueueThatRejectsFailsTheSend() async throws {
        var configuration = TestServer.configuration
        configuration.retention.maxMessages = 2
        configuration.retention.onOverflow = .rejectNew
        try await TestServer.run(configuration: configuration) { server in
            try await server.server.send("1", to: "alice/phone")
            try await server.server.send("2", to: "alice/phone")
            let error = await #expect(throws: SendError.self) { try await server.server.send("3", to: "alice/phone") }
            #expect(error?.code == .queueFull)
            let several = try await server.server.send("3", to: .clients([#require(ClientID("alice/phone")), #require(ClientID("bob"))]))
            #expect(several.deliveries.map(\.refusal) == [.queueFull, nil])
            let sequence = try await server.server.send(inOrder: [
                OutgoingMessage("a", to: "carol"), OutgoingMessage("b", to: "alice/phone"), OutgoingMessage("c", to: "carol"),
            ])
            #expect(sequence.stored.count == 1 && sequence.refusal?.code == .queueFull)
        }
    }

    @Test func anIdempotencyKeyStoresOnce() async throws {
        try await TestServer.run { server in
            let first = try await server.server.send("once", to: "alice/phone", id: "order-17")
            let again = try await server.server.send("once", to: "alice/phone", id: "order-17")
            #expect(!first.isRepeat && again.isRepeat && again.sequence == first.sequence)
            let error = await #expect(throws: SendError.self) { try await server.server.send("other", to: "alice/phone", id: "order-17") }
            #expect(error?.code == .conflict)
            let results = await server.server.send([
                OutgoingMessage("x", to: "alice/phone"), OutgoingMessage("", to: "alice/phone", id: String(repeating: "k", count: 129)),
                OutgoingMessage("y", to: "alice/phone"),
            ])
            #expect(results.map { try? $0.get().sequence?.rawValue } == [2, nil, 3])
        }
    }

    @Test func aPayloadOverTheLimitIsRefused() async throws {
        try await TestServer.run { server in
            let error = await #expect(throws: SendError.self) {
                try await server.server.send(Array(repeating: 0, count: 65_537), to: "alice/phone")
            }
            #expect(error?.code == .tooLarge)
            try await server.server.send(Array(repeating: 0, count: 65_536), to: "alice/phone")
        }
    }

    @Test func aRemovedQueueClosesItsConnection() async throws {
        try await TestServer.run { server in
            let (client, _) = try await RawClient.attach(server.url)
            let id = try #require(ClientID("alice/phone"))
            #expect(try await server.server.remove(id))
            try await client.expectEnd(4452)
            #expect(try await server.server.queue(of: id) == nil)
            #expect(try await !server.server.remove(id))
        }
    }
}
