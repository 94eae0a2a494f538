import GaplessCore
import GaplessServer
import GaplessStore
import GaplessTesting
import Testing

/// A store that fails for a while: what clients are told, and what is done again.
@Suite(.serialized, .timeLimit(.minutes(10))) struct StoreFailureTests {
    @Test(arguments: [FaultInjectingQueueStore.Effect.nothing, .lost, .committed])
    func anAttachThatFailsIsAReasonToComeBack(_ effect: FaultInjectingQueueStore.Effect) async throws {
        // [R5.1-4]
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        try await TestServer.run(store: .only(fault)) { server in
            fault.fail(.from(1), effect: effect)
            let refused = try await RawClient.connect(server.url)
            refused.send(Greeting().text)
            try await refused.expectEnd(4102)
            fault.heal()
            // What the lost attempt may have done is settled by the next one.
            let (client, _) = try await RawClient.attach(server.url, Greeting(attempt: 2))
            try await server.server.send("x", to: "alice/phone")
            try await client.expectMessage(1, "x")
        }
    }

    @Test func anAcknowledgementThatFailedIsTriedAgain() async throws {
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        let delivered = Mailbox<DeliveredEvent>()
        try await TestServer.run(store: .only(fault), prepare: { $0.onDelivered { delivered.put($0) } }) { server in
            let (client, _) = try await RawClient.attach(server.url)
            try await server.server.send("x", to: "alice/phone")
            try await client.expectMessage(1, "x")
            fault.fail(.from(1))
            client.send("ACK 1")
            client.send("PING 1")
            try await client.expect("PONG 1")
            fault.heal()
            #expect(try await delivered.next().through == SequenceNumber(1))
        }
    }

    @Test func aReadThatFailedIsTriedAgain() async throws {
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        var configuration = TestServer.configuration
        configuration.downlinkWindow = Window(messages: 2, bytes: 1_000)
        try await TestServer.run(store: .only(fault), configuration: configuration) { server in
            for number in 1...4 { try await server.server.send("\(number)", to: "alice/phone") }
            let (client, _) = try await RawClient.attach(server.url)
            for number in 1...2 { try await client.expectMessage(number, "\(number)") }
            fault.fail(.from(1))
            client.send("ACK 2")
            client.send("PING 1")
            try await client.expect("PONG 1")
            fault.heal()
            for number in 3...4 { try await client.expectMessage(number, "\(number)") }
        }
    }

    @Test func aMarkThatFailedIsCommittedAgainWithItsReplies() async throws {
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        let (began, go) = (Mailbox<Void>(), Mailbox<Void>())
        try await TestServer.run(
            store: .only(fault),
            prepare: { server in
                server.onMessage { _, session in
                    began.put(())
                    try await go.next()
                    session.send("reply")
                }
            }
        ) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            try await began.next()
            fault.fail(.from(1), effect: .committed)
            go.put(())
            // The mark is on its way to a store that does it and does not say so.
            while fault.calls == 0 { await Task.yield() }
            fault.heal()
            let frames = [try await client.expect(""), try await client.expect("")].sorted()
            #expect(frames[0] == "ACK 1" && frames[1].hasSuffix(" reply"))
            #expect(try await server.server.queue(of: .test("alice/phone"))?.head == SequenceNumber(1))
            #expect(began.isEmpty)
        }
    }

    @Test func anEndThatFailsIsToldAndDoneByTheNext() async throws {
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        try await TestServer.run(store: .only(fault)) { server in
            let (client, _) = try await RawClient.attach(server.url)
            try await server.server.send("x", to: "alice/phone")
            try await client.expectMessage(1, "x")
            fault.fail(.from(1))
            client.send("BYE")
            try await client.expectEnd(4102)
            fault.heal()
            #expect(try await server.server.queue(of: .test("alice/phone")) != nil)
            let (again, _) = try await RawClient.attach(server.url, Greeting(attempt: 2))
            try await again.expectMessage(1, "x")
            again.send("BYE")
            try await again.expectEnd(4502)
        }
    }

    @Test func aNodeThatIsCutOffSaysSo() async throws {
        // [R5.1-4]
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        let time = ManualTime()
        try await TestServer.run(time: time, store: .only(fault)) { server in
            let port = server.addresses.listen.port
            let (client, _) = try await RawClient.attach(server.url)
            let before = try await RawHTTP.call("GET", "/ready", port: port)
            #expect(before.status == 200)
            fault.fail(.from(1))
            await time.advance(by: .seconds(11))
            let cutOff = try await RawHTTP.call("GET", "/ready", port: port)
            #expect(cutOff.status == 503 && cutOff.body.contains("store-cut-off"))
            let live = try await RawHTTP.call("GET", "/live", port: port)
            #expect(live.status == 200)
            let refused = try await RawClient.connect(server.url)
            refused.send(Greeting(client: "bob").text)
            try await refused.expectEnd(4102)
            // Alone as it is, it keeps those whom it has: there is nowhere to send them.
            client.send("PING 1")
            try await client.expect("PONG 1")
            fault.heal()
            // An answer of the store is enough.
            try await server.server.send("x", to: "alice/phone")
            try await client.expectMessage(1, "x")
            let after = try await RawHTTP.call("GET", "/ready", port: port)
            #expect(after.status == 200)
        }
    }

    @Test func aSnapshotOfAStoreThatFailsIsAnError() async throws {
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        try await TestServer.run(store: .only(fault)) { server in
            fault.fail(.from(1))
            let alice = try #require(ClientID("alice"))
            await #expect(throws: QueueStoreError.self) { _ = try await server.server.queue(of: alice) }
            await #expect(throws: QueueStoreError.self) { _ = try await server.server.queues() }
            let error = await #expect(throws: SendError.self) { try await server.server.remove(alice) }
            #expect(error?.code == .unavailable)
            fault.heal()
            #expect(try await server.server.queues().isEmpty)
        }
    }

    @Test func aStoreThatWentBackIsNoticedByWhoKnowsBetter() async throws {
        // [R5.2-5]
        let queues = MemoryQueues()
        let log = CapturedLog()
        try await TestServer.run(store: .only(MemoryQueueStore(queues)), logger: log.logger) { server in
            try await server.server.send("1", to: "alice/phone")
            let copy = queues.copy()
            try await server.server.send("2", to: "alice/phone")
            let (client, welcome) = try await RawClient.attach(server.url)
            for number in 1...2 { try await client.expectMessage(number, "\(number)") }
            client.cut()
            queues.restore(from: copy)
            let again = Greeting(instance: "i2", epoch: welcome.epoch, handled: 2, held: 1)
            let (second, answer) = try await RawClient.attach(server.url, again)
            #expect(answer.resume == "reset" && answer.reason == "rollback" && answer.epoch != welcome.epoch && answer.after == 0)
            try await second.expectMessage(1, "1")
        }
        #expect(log.text.contains("Store went back in time for a client"))
    }
}
