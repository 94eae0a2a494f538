import GaplessCore
import GaplessServer
import GaplessTesting
import Testing

/// What each hook tells, and when it does not.
@Suite(.serialized, .timeLimit(.minutes(10))) struct HookTests {
    @Test func attachedTellsWhereTheStreamGoesOn() async throws {
        let attached = Mailbox<AttachedEvent>()
        try await TestServer.run(prepare: { $0.onAttached { attached.put($0) } }) { server in
            for number in 1...3 { try await server.server.send("\(number)", to: "alice/phone") }
            let (first, welcome) = try await RawClient.attach(server.url)
            let alice = try #require(ClientID("alice/phone"))
            #expect(
                try await attached.next() == AttachedEvent(client: alice, generation: Generation(1), after: .zero, head: SequenceNumber(3))
            )
            for number in 1...3 { try await first.expectMessage(number, "\(number)") }
            let again = Greeting(attempt: 2, epoch: welcome.epoch, handled: 2, held: 1)
            _ = try await RawClient.attach(server.url, again)
            let second = try await attached.next()
            #expect(second.generation == Generation(2) && second.after == SequenceNumber(2) && second.head == SequenceNumber(3))
        }
    }

    @Test func detachedIsToldOfTheLastConnectionOnly() async throws {
        let detached = Mailbox<DetachedEvent>()
        try await TestServer.run(prepare: { $0.onDetached { detached.put($0) } }) { server in
            let (first, welcome) = try await RawClient.attach(server.url)
            let again = Greeting(attempt: 2, epoch: welcome.epoch, handled: 0, held: 1)
            let (second, _) = try await RawClient.attach(server.url, again)
            // The older one was displaced: somebody took its place.
            try await first.expectEnd(4500)
            second.cut()
            #expect(try await detached.next().generation == Generation(2))
            let snapshot = try await server.server.queue(of: .test("alice/phone"))
            #expect(snapshot?.attachment == nil && snapshot?.lastDetached != nil)
        }
    }

    @Test func gapTellsRangeAndReason() async throws {
        let clock = ManualClock()
        let gaps = Mailbox<GapEvent>()
        try await TestServer.run(clock: clock, prepare: { $0.onGap { gaps.put($0) } }) { server in
            for number in 1...3 { try await server.server.send("\(number)", to: "alice/phone", timeToLive: .seconds(5)) }
            try await server.server.send("4", to: "alice/phone")
            clock.advance(by: .seconds(6))
            let (client, _) = try await RawClient.attach(server.url)
            try await client.expect("GAP 1 3 expired")
            try await client.expectMessage(4, "4")
            let gap = try await gaps.next()
            #expect(gap.client == ClientID("alice/phone") && gap.gap.reason == .expired)
            #expect(gap.gap.range == SequenceRange(SequenceNumber(1), through: SequenceNumber(3)))
        }
    }

    @Test func aClientThatGoesBackIsToldWhatItHandled() async throws {
        // [R5.2-10]
        let gaps = Mailbox<GapEvent>()
        try await TestServer.run(prepare: { $0.onGap { gaps.put($0) } }) { server in
            for number in 1...4 { try await server.server.send("\(number)", to: "alice/phone") }
            let (client, welcome) = try await RawClient.attach(server.url)
            for number in 1...4 { try await client.expectMessage(number, "\(number)") }
            client.send("ACK 3")
            client.send("PING 1")
            try await client.expect("PONG 1")
            let again = Greeting(attempt: 2, epoch: welcome.epoch, handled: 1, held: 1)
            let (second, answer) = try await RawClient.attach(server.url, again)
            #expect(answer.resume == "partial" && answer.after == 1)
            try await second.expect("GAP 2 3 acknowledged")
            try await second.expectMessage(4, "4")
            #expect(try await gaps.next().gap.reason == .acknowledged)
        }
    }

    @Test func overflowTellsWhatGaveWay() async throws {
        let overflows = Mailbox<OverflowEvent>()
        var configuration = TestServer.configuration
        configuration.retention.maxMessages = 2
        try await TestServer.run(configuration: configuration, prepare: { $0.onOverflow { overflows.put($0) } }) { server in
            for number in 1...4 { try await server.server.send("\(number)", to: "alice/phone") }
            for number in UInt64(1)...2 {
                let range = SequenceRange(SequenceNumber(number), through: SequenceNumber(number))
                #expect(try await overflows.next() == OverflowEvent(client: .test("alice/phone"), discarded: range))
            }
        }
    }

    @Test func deliveredIsCumulative() async throws {
        let delivered = Mailbox<DeliveredEvent>()
        try await TestServer.run(prepare: { $0.onDelivered { delivered.put($0) } }) { server in
            for number in 1...10 { try await server.server.send("\(number)", to: "alice/phone") }
            let (client, welcome) = try await RawClient.attach(server.url)
            for number in 1...10 { try await client.expectMessage(number, "\(number)") }
            client.send("ACK 4")
            let first = try await delivered.next()
            #expect(first.through == SequenceNumber(4) && first.epoch.description == welcome.epoch)
            client.send("ACK 10")
            try await delivered.next { $0.through == SequenceNumber(10) }
        }
    }

    // MARK: The end of a queue

    @Test func removedTellsWhy() async throws {
        let removed = Mailbox<RemovedEvent>()
        var configuration = TestServer.configuration
        configuration.maxClientsPerUser = 1
        try await TestServer.run(configuration: configuration, prepare: { $0.onRemoved { removed.put($0) } }) { server in
            let (leaving, _) = try await RawClient.attach(server.url, Greeting(client: "alice"))
            leaving.send("BYE")
            try await leaving.expectEnd(4502)
            #expect(try await removed.next() == RemovedEvent(client: .test("alice"), reason: .ended))

            try await server.server.send("x", to: "bob/old")
            try await server.server.remove(.test("bob/old"))
            #expect(try await removed.next() == RemovedEvent(client: .test("bob/old"), reason: .removed))

            // At the limit of clients per user the one that nobody uses gives way.
            try await server.server.send("x", to: "carol/old")
            _ = try await RawClient.attach(server.url, Greeting(client: "carol/new"))
            #expect(try await removed.next() == RemovedEvent(client: .test("carol/old"), reason: .evicted))
        }
    }

    @Test func aQueueThatNobodyUsesExpires() async throws {
        let removed = Mailbox<RemovedEvent>()
        let time = ManualTime()
        var configuration = TestServer.configuration
        configuration.retention.keep = .seconds(2)
        configuration.maxKeep = .seconds(60)
        try await TestServer.run(
            time: time,
            configuration: configuration,
            prepare: { $0.onRemoved { removed.put($0) } }
        ) { server in
            try await server.server.send("x", to: "alice/phone")
            // The sweeps find it once its lifetime is over; each is answered before the next second passes.
            for _ in 1...6 {
                await time.advance(by: .seconds(1))
                try await server.commitsBehindItsHeartbeat()
            }
            #expect(try await removed.next() == RemovedEvent(client: .test("alice/phone"), reason: .expired))
            #expect(try await server.server.queue(of: .test("alice/phone")) == nil)
        }
    }
}
