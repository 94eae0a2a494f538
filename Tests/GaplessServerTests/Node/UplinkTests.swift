import GaplessServer
import GaplessTesting
import NIOCore
import Synchronization
import Testing

/// Messages from clients, and the handlers that take them.
@Suite(.serialized, .timeLimit(.minutes(10))) struct UplinkTests {
    @Test func aReplyAndItsAcknowledgementAreCommittedTogether() async throws {
        try await TestServer.run(prepare: { server in
            server.onMessage { message, session in
                session.send("you said \(message.text ?? "")")
                session.send("\(message.client) spoke", to: "bob")
            }
        }) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 hello")
            // [R7.2-3]: in either order.
            var frames = [try await client.expect(""), try await client.expect("")]
            frames.sort()
            #expect(frames[0] == "ACK 1")
            #expect(frames[1].hasPrefix("MSG 1 ") && frames[1].hasSuffix(" you said hello"))
            let bob = try #require(ClientID("bob"))
            let depth = try await server.server.queue(of: bob)?.depth
            #expect(depth == 1)
        }
    }

    @Test func messagesAreHandledOneAtATimeInOrderAndOnce() async throws {
        let handled = Mutex<[UInt64]>([])
        try await TestServer.run(prepare: { server in
            server.onMessage { message, _ in handled.withLock { $0.append(message.sequence.rawValue) } }
        }) { server in
            let (client, welcome) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            for number in 1...50 { client.send("MSG \(number) x") }
            while try await client.expect("ACK ") != "ACK 50" {}
            client.cut()
            // [R7.2-2], [R7.1-3]: sent again after a lost acknowledgement.
            let again = Greeting(attempt: 2, outbox: "o1", epoch: welcome.epoch, handled: 0, held: 1)
            let (second, answer) = try await RawClient.attach(server.url, again)
            #expect(answer.mark == 50)
            for number in 40...51 { second.send("MSG \(number) x") }
            while try await second.expect("ACK ") != "ACK 51" {}
        }
        #expect(handled.withLock { $0 } == Array(1...51))
    }

    @Test func aLostSocketDoesNotCancelTheHandler() async throws {
        // [R7.2-8]
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let runs = Mutex(0)
        let detached = Mailbox<DetachedEvent>()
        try await TestServer.run(prepare: { server in
            server.onDetached { detached.put($0) }
            server.onMessage { _, session in
                runs.withLock { $0 += 1 }
                start.yield()
                for await _ in released { break }
                try Task.checkCancellation()
                session.send("done")
            }
        }) { server in
            let (client, welcome) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            for await _ in started { break }
            // [R7.2-9]
            client.send("PING 7")
            try await client.expect("PONG 7")
            client.send(#"AUTH {"token":"t"}"#)
            try await client.expect(#"AUTH {"ok":true}"#)
            try await server.server.send("meanwhile", to: "alice/phone")
            try await client.expectMessage(1, "meanwhile")
            client.send("ACK 1")
            let id = try #require(ClientID("alice/phone"))
            while try await server.server.queue(of: id)?.acknowledged != SequenceNumber(1) { await Task.yield() }
            client.cut()
            _ = try await detached.next()
            let again = Greeting(attempt: 2, outbox: "o1", epoch: welcome.epoch, handled: 1, held: 1)
            let (second, answer) = try await RawClient.attach(server.url, again)
            #expect(answer.mark == 0)
            second.send("MSG 1 x")
            second.send("PING 8")
            try await second.expect("PONG 8")  // So the message came a second time while it was handled.
            release.yield()
            var frames = [try await second.expect(""), try await second.expect("")]
            frames.sort()
            #expect(frames[0] == "ACK 1" && frames[1].hasSuffix(" done"))
        }
        #expect(runs.withLock { $0 } == 1)
    }

    @Test func whileAWholeWindowWaitsForItsHandlerEverythingElseIsHandled() async throws {
        // [R7.2-9]
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        var configuration = TestServer.configuration
        configuration.uplinkWindow = Window(messages: 8, bytes: 800)
        configuration.maxMessageBytes = 800
        configuration.maxUplinkBytes = 800
        let (delivered, hear) = AsyncStream.makeStream(of: UInt64.self)
        try await TestServer.run(
            configuration: configuration,
            prepare: { server in
                server.onMessage { _, _ in for await _ in released { break } }
                server.onDelivered { hear.yield($0.through.rawValue) }
            }
        ) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            let text = String(repeating: "x", count: 100)
            for number in 1...8 { client.send("MSG \(number) \(text)") }
            try await server.server.send("down", to: "alice/phone")
            try await client.expectMessage(1, "down")
            client.send("ACK 1")
            for await through in delivered where through == 1 { break }
            client.send("PING 7")
            try await client.expect("PONG 7")
            client.send("AUTH {\"token\":\"t\"}")
            try await client.expect("AUTH {\"ok\":true}")
            release.finish()
            while try await client.expect("ACK ") != "ACK 8" {}
        }
    }

    @Test func whatTheProcessHasNoRoomForComesAgain() async throws {
        // [R7.3-3]
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        var configuration = TestServer.configuration
        configuration.uplinkWindow = Window(messages: 8, bytes: 100)
        configuration.maxMessageBytes = 100
        configuration.maxUplinkBytes = 100
        let handled = Mutex<[String]>([])
        try await TestServer.run(
            configuration: configuration,
            prepare: { server in
                server.onMessage { message, _ in
                    for await _ in released { break }
                    handled.withLock { $0.append("\(message.client) \(message.sequence)") }
                }
            }
        ) { server in
            let (alice, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            alice.send("MSG 1 \(String(repeating: "x", count: 100))")
            alice.send("PING 1")
            try await alice.expect("PONG 1")
            let (bob, welcome) = try await RawClient.attach(server.url, Greeting(client: "bob", outbox: "o1"))
            bob.send("MSG 1 x")
            let error = try await bob.expect("ERROR {\"code\":4100,")
            #expect(error.contains("\"retryAfter\":2000"))
            try await bob.expectClose(4_100)
            release.finish()
            try await alice.expect("ACK 1")
            let again = Greeting(client: "bob", attempt: 2, outbox: "o1", epoch: welcome.epoch, handled: 0, held: 1)
            let (back, answer) = try await RawClient.attach(server.url, again)
            #expect(answer.mark == 0)
            back.send("MSG 1 x")
            try await back.expect("ACK 1")
        }
        #expect(handled.withLock { $0 } == ["alice/phone 1", "bob 1"])
    }

    @Test func aHandlerThatThrowsIsTriedAgain() async throws {
        struct Failure: Error {}
        let runs = Mutex(0)
        try await TestServer.run(prepare: { server in
            server.onMessage { _, session in
                session.send("try \(runs.withLock { $0 })")
                let run = runs.withLock { runs in
                    runs += 1
                    return runs
                }
                if run < 3 { throw Failure() }
            }
        }) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            var frames = [try await client.expect(""), try await client.expect("")]
            frames.sort()
            // Nothing of the runs that failed.
            #expect(frames[0] == "ACK 1" && frames[1].hasPrefix("MSG 1 ") && frames[1].hasSuffix(" try 2"))
        }
        #expect(runs.withLock { $0 } == 3)
    }

    @Test(arguments: [FailureDecision.skip, .close, .retry])
    func aHandlerThatKeepsFailingIsDecidedAbout(_ decision: FailureDecision) async throws {
        struct Failure: Error {}
        let asked = Mutex(0)
        var configuration = TestServer.configuration
        configuration.handlerAttempts = 2
        try await TestServer.run(
            configuration: configuration,
            prepare: { server in
                server.onMessage { message, _ in
                    let isDecided = asked.withLock { $0 } >= 3
                    if message.sequence == SequenceNumber(1), decision != .retry || !isDecided { throw Failure() }
                }
                server.onFailure { message, error in
                    #expect(message.text == "x" && error is Failure)
                    asked.withLock { $0 += 1 }
                    return decision
                }
            }
        ) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            client.send("MSG 2 y")
            switch decision {
            case .skip, .retry: while try await client.expect("ACK ") != "ACK 2" {}
            case .close: try await client.expectEnd(4103)
            }
        }
    }

    @Test func aReplyThatIsRefusedMakesTheHandlerFail() async throws {
        var configuration = TestServer.configuration
        configuration.handlerAttempts = 2
        configuration.retention.maxMessages = 1
        configuration.retention.onOverflow = .rejectNew
        try await TestServer.run(
            configuration: configuration,
            prepare: { server in
                server.onMessage { _, session in session.send("reply") }
            }
        ) { server in
            try await server.server.send("full", to: "alice/phone")
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            try await client.expectMessage(1, "full")
            client.send("MSG 1 x")
            try await client.expectEnd(4103)
        }
    }

    @Test func withoutAnOutboxOrOutOfOrderIsRefused() async throws {
        // [R7.2-5]
        try await TestServer.run(prepare: { $0.onMessage { _, _ in } }) { server in
            for (outbox, frame) in [(nil, "MSG 1 x"), ("o1", "MSG 2 x")] as [(String?, String)] {
                let (client, _) = try await RawClient.attach(
                    server.url,
                    Greeting(client: "c\(frame.count)", instance: "\(frame.hashValue)".replacing("-", with: ""), outbox: outbox)
                )
                client.send(frame)
                try await client.expectEnd(4401)
            }
        }
    }

    @Test func hooksHearInOrder() async throws {
        let (events, input) = AsyncStream.makeStream(of: String.self)
        var configuration = TestServer.configuration
        configuration.retention.maxMessages = 1
        try await TestServer.run(
            configuration: configuration,
            prepare: { server in
                server.onAttached { input.yield("attached \($0.client) \($0.after) \($0.head)") }
                server.onDetached { input.yield("detached \($0.client) \($0.generation)") }
                server.onOverflow { input.yield("overflow \($0.client) \($0.discarded)") }
                server.onGap { input.yield("gap \($0.client) \($0.gap.range) \($0.gap.reason)") }
                server.onDelivered { input.yield("delivered \($0.client) \($0.through)") }
                server.onRemoved { input.yield("removed \($0.client) \($0.reason)") }
            }
        ) { server in
            try await server.server.send("1", to: "alice/phone")
            try await server.server.send("2", to: "alice/phone")
            let (client, _) = try await RawClient.attach(server.url)
            try await client.expect("GAP 1 1 overflow")
            try await client.expectMessage(2, "2")
            client.send("ACK 2")
            var heard: [String] = []
            for await event in events {
                heard.append(event)
                if event.hasPrefix("delivered") { client.close() }
                if event.hasPrefix("detached") { try await server.server.remove(#require(ClientID("alice/phone"))) }
                if event.hasPrefix("removed") { break }
            }
            #expect(
                heard == [
                    "overflow alice/phone 1-1", "attached alice/phone 0 2", "gap alice/phone 1-1 overflow", "delivered alice/phone 2",
                    "detached alice/phone 1", "removed alice/phone removed",
                ]
            )
        }
    }
}
