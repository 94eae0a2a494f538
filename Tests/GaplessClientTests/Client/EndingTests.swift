import GaplessClient
import GaplessCore
import GaplessTesting
import ServiceLifecycle
import Testing

/// Leaving, ending and being stopped.
@Suite struct EndingTests {
    @Test("[R10.3-4] leaving closes with 1000, acknowledges what was handled, and says no BYE")
    func leaving() async throws {
        let server = try await FakeServer.start()
        var left: FakeConnection?
        let error = try await withClient(.test(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 2), .message(1), .message(2))
            _ = try await client.text()
            _ = try await client.text()
            left = connection
        }
        #expect(error == nil)
        let connection = try #require(left)
        try await connection.acknowledged(through: 2)
        #expect(try await connection.ended().code == 1000)
        #expect(connection.isSilent)
        try await server.stop()
    }

    @Test("A graceful shutdown waits for what the application has in hand")
    func shutdownWaitsForTheConsumer() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server), consuming: false) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 3), .message(1), .message(2), .message(3))
            var events = client.client.events.makeAsyncIterator()
            while let event = try await events.next() {
                if case .message = event { break }
            }
            try await client.shutdown()
            // What waits is not handed over any more; what was in hand is done with when the next is asked for.
            let hasMore = try await events.next() != nil
            #expect(!hasMore)
            try await connection.acknowledged(through: 1)
            #expect(try await connection.ended().code == 1000)
        }
        try await server.stop()
    }

    @Test("A graceful shutdown waits for explicit acknowledgements")
    func shutdownWaitsForAcknowledgements() async throws {
        let server = try await FakeServer.start()
        var configuration = ClientConfiguration.test(server)
        configuration.acknowledgement = .explicit
        try await withClient(configuration) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 2), .message(1), .message(2))
            let first = try await client.message()
            let second = try await client.message()
            try await client.shutdown()
            first.acknowledge()
            try await connection.acknowledged(through: 1)
            second.acknowledge()
            try await connection.acknowledged(through: 2)
            #expect(try await connection.ended().code == 1000)
        }
        try await server.stop()
    }

    @Test("A graceful shutdown does not wait for ever for explicit acknowledgements")
    func shutdownHasAnEnd() async throws {
        let server = try await FakeServer.start()
        let time = ManualTime()
        var configuration = ClientConfiguration.test(server)
        configuration.acknowledgement = .explicit
        configuration.clock = time.clock
        try await withClient(configuration) { client in
            defer { time.release() }
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 2), .message(1), .message(2))
            let first = try await client.message()
            _ = try await client.message()
            try await client.shutdown()
            first.acknowledge()
            await time.advance(by: configuration.leaveTimeout)
            try await connection.acknowledged(through: 1)
            #expect(try await connection.ended().code == 1000)
        }
        try await server.stop()
    }

    @Test("A consumer that went away is not waited for")
    func goneConsumerIsNotWaitedFor() async throws {
        let server = try await FakeServer.start()
        let configuration = ClientConfiguration.test(server)
        try await withClient(configuration, consuming: false) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 1), .message(1))
            for try await event in client.client.events {
                if case .message = event { break }
            }
            try await client.shutdown()
            #expect(try await connection.ended().code == 1000)
            #expect(connection.isSilent)
        }
        try await server.stop()
    }

    @Test("A cancelled run leaves at once")
    func cancelledRunLeaves() async throws {
        let server = try await FakeServer.start()
        let configuration = ClientConfiguration.test(server)
        let client = try GaplessClient(configuration, logger: .quiet)
        let running = Task { try await client.run() }
        let (connection, _) = try await server.greeted()
        connection.send(try .welcome())
        running.cancel()
        try await running.value
        #expect(try await connection.ended().code == 1000)
        try await server.stop()
    }

    @Test("[R10.3-3] ending the session says BYE once the uplink is handled, and nothing after; 4502 confirms it")
    func ending() async throws {
        let server = try await FakeServer.start()
        let error = try await withClient(.test(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome())
            try await client.client.enqueue(Payload(text: "last"))
            async let end: Void = client.client.end()
            #expect(try await connection.next() == .message(1, "last"))
            connection.send(.acknowledge(1))
            #expect(try await connection.next() == .bye)
            connection.refuse(.ended)
            try await end
            #expect(try await client.stopped() == .ended)
            #expect(connection.isSilent)
        }
        #expect(error == nil)
        try await server.stop()
    }

    @Test("Ending at once discards what the server has not handled")
    func endingAtOnce() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome())
            let ticket = try await client.client.enqueue(Payload(text: "last"))
            #expect(try await connection.next() == .message(1, "last"))
            async let end: Void = client.client.end(.immediately)
            #expect(try await connection.next() == .bye)
            connection.refuse(.ended)
            try await end
            do {
                try await ticket.confirmed()
                Issue.record("it was confirmed")
            } catch let error as SendError {
                #expect([.ended, .stopped].contains(error.code))
            }
        }
        try await server.stop()
    }

    @Test(
        "[R11.2-1] [R11.2-3] codes of 4400 to 4499 stop the client, known or not; the application is told",
        arguments: [CloseCode.outOfOrder, .forbidden, .wrongUser, .tooManyClients, CloseCode(rawValue: 4449), CloseCode(rawValue: 4499)]
    )
    func stoppedByTheServer(code: CloseCode) async throws {
        let server = try await FakeServer.start()
        let error = try await withClient(.test(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.refuse(code)
            #expect(try await client.stopped() == code)
            await #expect(throws: (any Error).self) { try await client.client.send("too late") }
        }
        let clientError = try #require(error as? ClientError)
        #expect(clientError.code == .refused)
        #expect(clientError.closeCode == code)
        #expect(clientError.message == "said the test")
        #expect(!server.hasUnexpectedConnection)
        try await server.stop()
    }

    @Test("What waited when the client was stopped is still handed over, and then the error")
    func eventsEndWithTheError() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server), consuming: false) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 2), .message(1), .message(2))
            connection.refuse(.removedByOperator)
            var numbers: [UInt64] = []
            do {
                for try await event in client.client.events {
                    if case .message(let message) = event { numbers.append(message.sequence.rawValue) }
                }
                Issue.record("the events ended without an error")
            } catch let error as ClientError {
                #expect(error.closeCode == .removedByOperator)
            }
            #expect(numbers == [1, 2])
        }
        try await server.stop()
    }

    @Test("A client is run once")
    func aClientIsRunOnce() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            _ = try await server.greeted()
            do {
                try await client.client.run()
                Issue.record("it ran twice")
            } catch let error as ClientError {
                #expect(error.code == .alreadyRun)
            }
        }
        try await server.stop()
    }

    @Test("A client that was never run fails those who wait for it when it goes")
    func aClientThatWasNeverRun() async throws {
        let waiting: Task<Void, any Error>
        do {
            let client = try GaplessClient(ClientConfiguration(endpoints: ["ws://127.0.0.1:1"], client: "alice"), logger: .quiet)
            let ticket = try await client.enqueue(Payload(text: "one"))
            waiting = Task { try await ticket.confirmed() }
            await #expect(throws: ClientError.self) { try await client.end() }
            #expect(client.state == .idle)
        }
        await #expect(throws: SendError.self) { try await waiting.value }
    }

    @Test("A handler that throws ends the run with its error")
    func handlerEndsTheRun() async throws {
        struct Enough: Error {}
        let server = try await FakeServer.start()
        let client = try GaplessClient(.test(server), logger: .quiet)
        let running = Task {
            try await client.run { event in
                if case .message(let message) = event, message.sequence == SequenceNumber(2) { throw Enough() }
            }
        }
        let (connection, _) = try await server.greeted()
        connection.send(try .welcome(head: 2), .message(1), .message(2))
        await #expect(throws: Enough.self) { try await running.value }
        #expect(try await connection.ended().code == 1000)
        try await server.stop()
    }
}
