import GaplessCore
import GaplessTesting
import NIOCore
import Synchronization
import Testing

@testable import GaplessServer

/// Handlers that fail, never return, or send what cannot be sent.
@Suite(.serialized, .timeLimit(.minutes(10))) struct HandlerFailureTests {
    private struct Failure: Error, Equatable { let run: Int }

    private var configuration: ServerConfiguration {
        var configuration = TestServer.configuration
        configuration.handlerAttempts = 2
        return configuration
    }

    @Test func withoutAHandlerNothingIsTaken() async throws {
        let log = CapturedLog()
        try await TestServer.run(configuration: self.configuration, logger: log.logger) { server in
            for attempt in 1...2 {
                let (client, welcome) = try await RawClient.attach(server.url, Greeting(attempt: attempt, outbox: "o1"))
                #expect(welcome.mark == 0)
                client.send("MSG 1 x")
                try await client.expectEnd(4103)
            }
        }
        // It is told once, since every message would tell it.
        #expect(log.text.split(separator: "there is no handler").count == 2)
    }

    @Test func theDecisionIsAboutTheLastError() async throws {
        let runs = Mutex(0)
        let asked = Mailbox<(UplinkMessage, Int?)>()
        try await TestServer.run(
            configuration: self.configuration,
            prepare: { server in
                server.onMessage { _, _ in
                    throw Failure(
                        run: runs.withLock { runs in
                            runs += 1
                            return runs
                        }
                    )
                }
                server.onFailure { message, error in
                    asked.put((message, (error as? Failure)?.run))
                    return .skip
                }
            }
        ) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 first")
            try await client.expect("ACK 1")
            let (message, run) = try await asked.next()
            #expect(message.text == "first" && message.outbox.description == "o1" && message.sequence == SequenceNumber(1) && run == 2)
            client.send("MSG 2 second")
            try await client.expect("ACK 2")
            #expect(try await asked.next().1 == 4)
        }
    }

    @Test func whatASkippedHandlerSentIsNotStored() async throws {
        try await TestServer.run(
            configuration: self.configuration,
            prepare: { server in
                server.onMessage { _, session in
                    session.send("never", to: "bob")
                    throw Failure(run: 0)
                }
                server.onFailure { _, _ in .skip }
            }
        ) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            try await client.expect("ACK 1")
            #expect(try await server.server.queue(of: .test("bob")) == nil)
        }
    }

    @Test func aMessageThatWasClosedForComesAgain() async throws {
        // [R7.2-6]
        let works = Mutex(false)
        try await TestServer.run(
            configuration: self.configuration,
            prepare: { server in
                server.onMessage { _, session in
                    guard works.withLock({ $0 }) else { throw Failure(run: 0) }
                    session.send("done")
                }
            }
        ) { server in
            let (client, welcome) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            try await client.expectEnd(4103)
            works.withLock { $0 = true }
            let again = Greeting(attempt: 2, outbox: "o1", epoch: welcome.epoch, handled: 0, held: 1)
            let (second, answer) = try await RawClient.attach(server.url, again)
            #expect(answer.mark == 0)
            second.send("MSG 1 x")
            let frames = [try await second.expect(""), try await second.expect("")].sorted()
            #expect(frames[0] == "ACK 1" && frames[1].hasSuffix(" done"))
        }
    }

    // MARK: Replies

    @Test func repliesGoToWhoeverTheyAreFor() async throws {
        try await TestServer.run(prepare: { server in
            server.onMessage { message, session in
                #expect(session.client == message.client)
                session.send(ByteBuffer(bytes: [1, 2, 3]), to: .user("team"))
                session.send(OutgoingMessage("for both", to: .clients([message.client, try #require(ClientID("bob"))])))
            }
        }) { server in
            let (member, _) = try await RawClient.attach(server.url, Greeting(client: "team/a"))
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            let frames = [try await client.expect(""), try await client.expect("")].sorted()
            #expect(frames[0] == "ACK 1" && frames[1].hasSuffix(" for both"))
            guard case .binary(let bytes) = try await member.next() else {
                Issue.record("bytes are delivered as bytes")
                return
            }
            #expect(bytes.suffix(4) == [0x20, 1, 2, 3])
            #expect(try await server.server.queue(of: .test("bob"))?.depth == 1)
        }
    }

    /// What a handler sends, and why none of it can be stored.
    private static let wrongReplies: [@Sendable (UplinkSession) -> Void] = [
        { session in for number in 0...UplinkSession.maxSends { session.send("\(number)") } },
        { $0.send(String(repeating: "x", count: 65_537)) },
        { $0.send("x", timeToLive: .zero) },
        { $0.send(OutgoingMessage("x", to: .clients([]))) },
        { $0.send(OutgoingMessage("x", to: "bob", id: "")) },
    ]

    @Test(arguments: Self.wrongReplies.indices)
    func aReplyThatCannotBeSentFailsTheHandler(_ index: Int) async throws {
        let errors = Mailbox<SendError.Code?>()
        try await TestServer.run(
            configuration: self.configuration,
            prepare: { server in
                server.onMessage { _, session in
                    session.send("good", to: "carol")
                    Self.wrongReplies[index](session)
                }
                server.onFailure { _, error in
                    errors.put((error as? SendError)?.code)
                    return .skip
                }
            }
        ) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            try await client.expect("ACK 1")
            let code = try await errors.next()
            #expect(code == .tooLarge || code == .invalid)
            // Both or neither: what was good is not stored, either.
            #expect(try await server.server.queue(of: .test("carol")) == nil)
        }
    }

    @Test func asManyRepliesAsMayAreStoredTogether() async throws {
        try await TestServer.run(prepare: { server in
            server.onMessage { _, session in
                for number in 1...UplinkSession.maxSends { session.send("\(number)", to: "bob") }
            }
        }) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            try await client.expect("ACK 1")
            #expect(try await server.server.queue(of: .test("bob"))?.depth == UplinkSession.maxSends)
        }
    }

    // MARK: Displacement and the end

    /// A server whose handler tells when it begins and how it ends, and otherwise waits for ever.
    private func withEndlessHandler(
        moveTime: Duration = .milliseconds(100),
        _ test: @Sendable (TestServer, Mailbox<String>) async throws -> Void
    ) async throws -> Mailbox<String> {
        let events = Mailbox<String>()
        var configuration = self.configuration
        configuration.moveTime = moveTime
        try await TestServer.run(
            configuration: configuration,
            prepare: { server in
                server.onMessage { message, _ in
                    events.put("began \(message.sequence)")
                    do {
                        try await untilCancelled()
                    } catch {
                        events.put("cancelled \(message.sequence)")
                        throw error
                    }
                }
            }
        ) { try await test($0, events) }
        return events
    }

    @Test func aTakeoverCancelsTheHandler() async throws {
        // [R7.2-8]
        _ = try await self.withEndlessHandler { server, events in
            let (old, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            old.send("MSG 1 x")
            #expect(try await events.next() == "began 1")
            _ = try await RawClient.attach(server.url, Greeting(instance: "i2", outbox: "o2"))
            try await old.expectEnd(4501)
            #expect(try await events.next() == "cancelled 1")
        }
    }

    @Test func noErrorIsKeptOnceTheRunHasEnded() async throws {
        let node = Mutex<Node?>(nil)
        _ = try await self.withEndlessHandler { server, events in
            node.withLock { $0 = server.server.lifecycle.withLock { $0.running?.node } }
            let (old, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            old.send("MSG 1 x")
            #expect(try await events.next() == "began 1")
            _ = try await RawClient.attach(server.url, Greeting(instance: "i2", outbox: "o2"))
            #expect(try await events.next() == "cancelled 1")
        }
        // All jobs have ended with the server.
        #expect(node.withLock { $0?.handlerErrors.withLock { $0.isEmpty } } == true)
    }

    @Test func theRemovalOfTheQueueCancelsTheHandler() async throws {
        _ = try await self.withEndlessHandler { server, events in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            #expect(try await events.next() == "began 1")
            try await server.server.remove(.test("alice/phone"))
            try await client.expectEnd(4452)
            #expect(try await events.next() == "cancelled 1")
        }
    }

    @Test func theEndOfTheServerCancelsTheHandler() async throws {
        let events = try await self.withEndlessHandler { server, events in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            #expect(try await events.next() == "began 1")
        }
        #expect(try await events.next() == "cancelled 1")
    }

    @Test func aHandlerThatReturnsDuringTheDrainIsAcknowledged() async throws {
        let (began, go) = (Mailbox<Void>(), Mailbox<Void>())
        let store = try TemporaryStore()
        var configuration = self.configuration
        configuration.moveTime = .seconds(300)
        configuration.hardStop = .seconds(600)
        try await TestServer.run(store: store.configuration) { [configuration] second in
            try await second.commitsBehindItsHeartbeat()
            try await TestServer.run(
                store: store.configuration,
                configuration: configuration,
                prepare: { server in
                    server.onMessage { _, session in
                        began.put(())
                        try await go.next()
                        session.send("handled", to: "bob")
                    }
                }
            ) { first in
                let (client, _) = try await RawClient.attach(first.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                try await began.next()
                await first.shutDown()
                try await client.expect("DRAIN ")
                go.put(())
                try await client.expect("ACK 1")
                client.close()
            }
            #expect(try await second.server.queue(of: .test("bob"))?.depth == 1)
        }
    }
}
