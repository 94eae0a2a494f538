import GaplessClient
import GaplessCore
import Testing

/// Messages on their way to the server, over connections that break.
@Suite struct UplinkTests {
    @Test("[R7.1-1] [R7.1-6] send returns when the server has handled the message, and not before")
    func sendReturnsWhenHandled() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome())
            let order = Mailbag<String>()
            async let sending: Void = {
                try await client.client.send("one")
                order.put("returned")
            }()
            #expect(try await connection.next() == .message(1, "one"))
            order.put("acknowledging")
            connection.send(.acknowledge(1))
            try await sending
            #expect(try await order.next("") == "acknowledging")
            #expect(try await order.next("") == "returned")
        }
        try await server.stop()
    }

    @Test("[R4.0-2] what is sent while offline waits, in order, for the WELCOME")
    func offlineMessagesWait() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            for text in ["one", "two", "three"] { try await client.client.enqueue(Payload(text: text)) }
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome())
            #expect(try await connection.next() == .message(1, "one"))
            #expect(try await connection.next() == .message(2, "two"))
            #expect(try await connection.next() == .message(3, "three"))
            connection.send(.acknowledge(3))
            try await client.client.flush()
        }
        try await server.stop()
    }

    @Test("[R7.1-3] [R7.1-4] [R7.1-8] after a cut the rest goes again, with the same numbers; the mark settles the others")
    func unacknowledgedGoesAgain() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let tickets = try await client.client.enqueue(contentsOf: (1...4).map { Payload(text: "\($0)") })
            let (first, hello) = try await server.greeted()
            first.send(try .welcome())
            for number in UInt64(1)...4 { #expect(try await first.next() == .message(number, "\(number)")) }
            first.send(.acknowledge(1))
            try await tickets[0].confirmed()
            first.cut()

            let (second, again) = try await server.greeted()
            #expect(again.outbox == hello.outbox)
            second.send(try .welcome(generation: 2, mark: 2))
            try await tickets[1].confirmed()
            #expect(try await second.next() == .message(3, "3"))
            #expect(try await second.next() == .message(4, "4"))
            second.send(.acknowledge(4))
            try await tickets[3].confirmed()
        }
        try await server.stop()
    }

    @Test("[R7.4-1] [R7.4-2] [R7.4-3] a mark that went back: a new outbox, numbers from 1, and the application is told")
    func forgottenOutboxIsRenewed() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (first, hello) = try await server.greeted()
            first.send(try .welcome())
            async let one: Void = client.client.send("one")
            _ = try await first.next()
            first.send(.acknowledge(1))
            try await one
            let two = try await client.client.enqueue(Payload(text: "two"))
            #expect(try await first.next() == .message(2, "two"))
            first.cut()

            let (second, _) = try await server.greeted()
            second.send(try .welcome(generation: 2, mark: 0))
            #expect(try await second.ended().code == 1000)
            let tickets = try await client.uplinkMayRepeat()
            #expect(tickets == [two])
            let (third, renewed) = try await server.greeted()
            #expect(renewed.outbox != hello.outbox)
            third.send(try .welcome(generation: 3, mark: 0))
            #expect(try await third.next() == .message(1, "two"))
            third.send(.acknowledge(1))
            try await two.confirmed()
        }
        try await server.stop()
    }

    @Test("[R7.3-1] no more is in flight than the window holds")
    func theWindowHolds() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            try await client.client.enqueue(contentsOf: (1...5).map { Payload(text: "\($0)") })
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(uplinkWindow: Window(messages: 2, bytes: 1_000)))
            #expect(try await connection.next() == .message(1, "1"))
            #expect(try await connection.next() == .message(2, "2"))
            connection.send(.ping(77))
            // The answer to a later PING overtakes nothing: had more been sent, it would stand before it.
            #expect(try await connection.nextOfAny() == .pong(77))
            connection.send(.acknowledge(1))
            #expect(try await connection.next() == .message(3, "3"))
            connection.send(.acknowledge(3))
            #expect(try await connection.next() == .message(4, "4"))
            #expect(try await connection.next() == .message(5, "5"))
        }
        try await server.stop()
    }

    @Test("A full outbox refuses, and lets those in that wait as soon as there is room")
    func aFullOutboxRefuses() async throws {
        let server = try await FakeServer.start()
        var configuration = ClientConfiguration.test(server)
        configuration.maxQueuedMessages = 2
        try await withClient(configuration) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome())
            try await client.client.enqueue(Payload(text: "1"))
            try await client.client.enqueue(Payload(text: "2"))
            await #expect(throws: SendError.queueFull) { try await client.client.send("3") }
            await #expect(throws: SendError.queueFull) { try await client.client.enqueue(Payload(text: "3")) }
            async let rest = client.client.enqueue(contentsOf: ["3", "4", "5"].map { Payload(text: $0) })
            for number in UInt64(1)...5 {
                #expect(try await connection.next() == .message(number, "\(number)"))
                connection.send(.acknowledge(number))
            }
            #expect(try await rest.count == 3)
            try await client.client.flush()
        }
        try await server.stop()
    }

    @Test("The bytes of the outbox are bounded, too")
    func bytesAreBounded() async throws {
        let server = try await FakeServer.start()
        var configuration = ClientConfiguration.test(server)
        configuration.maxQueuedBytes = 10
        try await withClient(configuration) { client in
            try await client.client.enqueue(Payload(text: "12345678"))
            await #expect(throws: SendError.queueFull) { try await client.client.enqueue(Payload(text: "123")) }
            try await client.client.enqueue(Payload(text: "12"))
        }
        try await server.stop()
    }

    @Test("[R4.3-3] what is larger than the server takes is refused, also when it was queued before")
    func tooLargeIsRefused() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let large = try await client.client.enqueue(Payload(text: String(repeating: "x", count: 101)))
            let small = try await client.client.enqueue(Payload(text: "small"))
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(maxMessage: 100))
            #expect(try await connection.next() == .message(1, "small"))
            connection.send(.acknowledge(1))
            try await small.confirmed()
            do {
                try await large.confirmed()
                Issue.record("it was confirmed")
            } catch let error as SendError {
                #expect(error.code == .tooLarge)
            }
            do {
                try await client.client.send(String(repeating: "x", count: 101))
                Issue.record("it was sent")
            } catch let error as SendError {
                #expect(error.code == .tooLarge)
            }
        }
        try await server.stop()
    }

    @Test("Who gives up waiting does not take the message back")
    func cancelledWaitLeavesTheMessage() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome())
            let sending = Task { try await client.client.send("one") }
            #expect(try await connection.next() == .message(1, "one"))
            sending.cancel()
            await #expect(throws: CancellationError.self) { try await sending.value }
            connection.send(.acknowledge(1))
            try await client.client.flush()
        }
        try await server.stop()
    }

    @Test("A client that leaves says that it does not know what became of a message")
    func leavingFailsThoseWhoWait() async throws {
        let server = try await FakeServer.start()
        var sending: Task<Void, any Error>?
        try await withClient(.test(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome())
            sending = Task { try await client.client.send("one") }
            _ = try await connection.next()
        }
        do {
            try await sending?.value
            Issue.record("it was confirmed")
        } catch let error as SendError {
            #expect(error.code == .stopped)
        }
        try await server.stop()
    }

    @Test("[R7.2-10] an ACK for what was never sent is the server's fault")
    func wrongAcknowledgementIsFault() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { _ in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(), .acknowledge(1))
            #expect(try await connection.ended().code == 4400)
            _ = try await server.greeted()
        }
        try await server.stop()
    }
}
