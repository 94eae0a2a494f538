import GaplessClient
import GaplessCore
import Testing

/// Make before break, and what happens when somebody else attaches.
@Suite struct MovingTests {
    @Test("[R10.1-2] [R10.1-3] [R10.1-5] on DRAIN the second connection is welcomed before the first is let go, and no message is late")
    func drainMovesWithoutAGap() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (first, hello) = try await server.greeted()
            first.send(try .welcome(resume: .new, head: 1), .message(1), .drain(Drain(within: .seconds(3_600))))
            #expect(try await client.text() == "message 1")

            let (second, moved) = try await server.greeted()
            #expect(moved.instance == hello.instance)
            #expect(moved.attempt == Attempt(2))
            // The first is in full use until the second's WELCOME.
            first.send(.message(2))
            #expect(try await client.text() == "message 2")
            try await first.acknowledged(through: 2)

            second.send(try .welcome(generation: 2, after: 1, head: 4), .message(2), .message(3))
            #expect(try await client.text() == "message 3")
            // What is still on its way there counts, too.
            first.send(.message(3), .message(4))
            #expect(try await client.text() == "message 4")
            try await second.acknowledged(through: 4)
            first.refuse(.superseded)
            #expect(try await first.ended().code == 4500)
            #expect(!server.hasUnexpectedConnection)
            second.send(.message(5))
            #expect(try await client.text() == "message 5")
        }
        try await server.stop()
    }

    @Test("[R10.1-4] [R10.1-7] a refused second connection does not end the first; it is tried again")
    func refusedSecondIsTriedAgain() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (first, _) = try await server.greeted()
            first.send(try .welcome(resume: .new), .drain(Drain(within: .seconds(3_600))))
            let (second, _) = try await server.greeted()
            second.refuse(.overloaded)
            first.send(.message(1))
            #expect(try await client.text() == "message 1")
            let (third, _) = try await server.greeted()
            third.send(try .welcome(generation: 2, after: 0, head: 2), .message(1), .message(2))
            #expect(try await client.text() == "message 2")
        }
        try await server.stop()
    }

    @Test("[R10.1-1] while moving, new uplink waits for the second connection, and what was in flight is waited for")
    func uplinkMovesWithoutRepetition() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (first, _) = try await server.greeted()
            first.send(try .welcome(resume: .new))
            try await client.client.enqueue(Payload(text: "one"))
            #expect(try await first.next() == .message(1, "one"))
            first.send(.drain(Drain(within: .seconds(3_600))), .ping(1))
            #expect(try await first.nextOfAny() == .pong(1))
            try await client.client.enqueue(Payload(text: "two"))
            #expect(!server.hasUnexpectedConnection)
            first.send(.acknowledge(1))
            let (second, _) = try await server.greeted()
            second.send(try .welcome(generation: 2, mark: 1))
            #expect(try await second.next() == .message(2, "two"))
            second.send(.acknowledge(2))
            try await client.client.flush()
        }
        try await server.stop()
    }

    @Test("DRAIN leads to the endpoint that it names")
    func drainNamesAnEndpoint() async throws {
        let server = try await FakeServer.start()
        let other = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (first, _) = try await server.greeted()
            first.send(try .welcome(resume: .new), .drain(Drain(within: .seconds(3_600), endpoints: [other.url])))
            let (second, _) = try await other.greeted()
            second.send(try .welcome(generation: 2, head: 1), .message(1))
            #expect(try await client.text() == "message 1")
        }
        try await server.stop()
        try await other.stop()
    }

    @Test("[R5.3-11] a HELLO that is answered with 4500 takes a new instance")
    func lateHelloTakesANewInstance() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { _ in
            let (first, hello) = try await server.greeted()
            first.refuse(.superseded)
            let (second, again) = try await server.greeted()
            #expect(again.instance != hello.instance)
            #expect(again.attempt == .first)
            #expect(again.held == nil)
            second.send(try .welcome())
        }
        try await server.stop()
    }

    @Test("[R5.3-13] A client that is told to take over at its start does, and once only")
    func takingOver() async throws {
        let server = try await FakeServer.start()
        var configuration = ClientConfiguration.test(server)
        configuration.start = .takeOver
        try await withClient(configuration) { client in
            let (first, hello) = try await server.greeted()
            #expect(hello.force)
            first.send(try .welcome())
            try await client.online()
            first.refuse(.storeUnavailable)
            let (second, again) = try await server.greeted()
            #expect(!again.force)
            second.send(try .welcome())
        }
        try await server.stop()
    }

    @Test("[R5.3-12] [R5.3-13] 4501 is answered once with force; the second is believed")
    func takenOver() async throws {
        let server = try await FakeServer.start()
        let error = try await withClient(.test(server)) { client in
            let (first, hello) = try await server.greeted()
            #expect(!hello.force)
            first.send(try .welcome())
            try await client.online()
            first.refuse(.takenOver)
            let (second, forced) = try await server.greeted()
            #expect(forced.force)
            second.send(try .welcome(generation: 3))
            try await client.online()
            second.refuse(.takenOver)
            #expect(try await client.stopped() == .takenOver)
        }
        #expect((error as? ClientError)?.code == .takenOver)
        #expect(!server.hasUnexpectedConnection)
        try await server.stop()
    }
}
