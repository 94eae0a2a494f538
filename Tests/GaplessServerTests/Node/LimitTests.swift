import GaplessCore
import GaplessServer
import GaplessStore
import GaplessTesting
import Testing

/// What a server refuses because there is too much of it.
@Suite(.serialized, .timeLimit(.minutes(10))) struct LimitTests {
    private func refusal(_ send: () async throws -> Void) async -> SendError.Code? {
        do {
            try await send()
            return nil
        } catch {
            return (error as? SendError)?.code
        }
    }

    @Test func aFullNodeSendsTheNextClientElsewhere() async throws {
        // [R5.1-3]
        var configuration = TestServer.configuration
        configuration.maxConnections = 2
        try await TestServer.run(configuration: configuration) { server in
            let (first, _) = try await RawClient.attach(server.url, Greeting(client: "a"))
            _ = try await RawClient.attach(server.url, Greeting(client: "b"))
            let ready = try await RawHTTP.call("GET", "/ready", port: server.addresses.listen.port)
            #expect(ready.status == 503 && ready.body.contains("full"))
            let late = try await RawClient.connect(server.url)
            late.send(Greeting(client: "c").text)
            let error = try await late.expect("ERROR {\"code\":4100,")
            #expect(error.contains("\"retryAfter\":") && error.contains("\"jitter\":"))
            try await late.expectClose(4100)
            #expect(try await server.server.queue(of: .test("c")) == nil)
            first.send("PING 1")
            try await first.expect("PONG 1")
        }
    }

    @Test func anAddressHasSoManyConnections() async throws {
        // [R5.1-8]
        var configuration = TestServer.configuration
        configuration.maxConnectionsPerAddress = 2
        try await TestServer.run(configuration: configuration) { server in
            let (first, _) = try await RawClient.attach(server.url, Greeting(client: "a"))
            let second = try await RawClient.connect(server.url)
            let third = try await RawClient.connect(server.url)
            let error = try await third.expect("ERROR {\"code\":4101,")
            #expect(error.contains("\"retryAfter\":") && error.contains("\"jitter\":"))
            try await third.expectClose(4101)
            second.send(Greeting(client: "b").text)
            try await second.expect("WELCOME ")
            first.send("BYE")
            try await first.expectEnd(4502)
            // The node has heard of its end when it counts one connection less.
            while try await server.server.nodes().first?.load?.connections != 1 {}
            _ = try await RawClient.attach(server.url, Greeting(client: "c"))
        }
    }

    @Test func clientsThatComeTooFastAreToldWhenToComeBack() async throws {
        // [R5.1-8]
        let time = ManualTime()
        var configuration = TestServer.configuration
        configuration.attachesPerSecond = 1
        configuration.warmUp = .zero
        try await TestServer.run(time: time, configuration: configuration) { server in
            _ = try await RawClient.attach(server.url, Greeting(client: "a"))
            for second in 1...2 {
                let early = try await RawClient.connect(server.url)
                early.send(Greeting(client: "b").text)
                let error = try await early.expect("ERROR {\"code\":4101,")
                #expect(error.contains("\"retryAfter\":\(second)000") && error.contains("\"jitter\":250"))
                try await early.expectClose(4101)
            }
            #expect(try await server.server.queue(of: .test("b")) == nil)
            await time.advance(by: .seconds(1))
            _ = try await RawClient.attach(server.url, Greeting(client: "b"))
        }
    }

    @Test func aUserHasSoManyClients() async throws {
        // [R5.4-1], [R5.4-2]
        var configuration = TestServer.configuration
        configuration.maxClientsPerUser = 2
        try await TestServer.run(configuration: configuration) { server in
            _ = try await RawClient.attach(server.url, Greeting(client: "alice/1"))
            _ = try await RawClient.attach(server.url, Greeting(client: "alice/2"))
            let third = try await RawClient.connect(server.url)
            third.send(Greeting(client: "alice/3").text)
            try await third.expectEnd(4453)
            // Another user is not concerned.
            _ = try await RawClient.attach(server.url, Greeting(client: "alice2/3"))
        }
    }

    @Test func aStoreHasSoManyQueues() async throws {
        var configuration = TestServer.configuration
        configuration.maxQueues = 2
        try await TestServer.run(configuration: configuration) { server in
            try await server.server.send("1", to: "a")
            try await server.server.send("1", to: "b")
            #expect(await self.refusal { try await server.server.send("1", to: "c") } == .full)
            try await server.server.send("2", to: "a")
            let several = try await server.server.send("2", to: .clients([.test("b"), .test("c")]))
            #expect(several.deliveries.map(\.refusal) == [nil, .full])
            try await server.server.remove(.test("a"))
            try await server.server.send("1", to: "c")
        }
    }

    @Test func aStoreHasSoManyBytes() async throws {
        var configuration = TestServer.configuration
        configuration.maxStoreBytes = 1_000
        try await TestServer.run(configuration: configuration) { server in
            let half = Array(repeating: UInt8(0), count: 600)
            try await server.server.send(half, to: "a")
            #expect(await self.refusal { try await server.server.send(half, to: "b") } == .full)
            let (client, _) = try await RawClient.attach(server.url, Greeting(client: "a"))
            _ = try await client.next()
            client.send("BYE")
            try await client.expectEnd(4502)
            try await server.server.send(half, to: "b")
        }
    }

    @Test func aQueueHasSoManyBytes() async throws {
        var configuration = TestServer.configuration
        configuration.retention.maxBytes = 100
        try await TestServer.run(configuration: configuration) { server in
            #expect(await self.refusal { try await server.server.send(String(repeating: "x", count: 101), to: "a") } == .tooLarge)
            for number in 1...3 { try await server.server.send(String(repeating: "\(number)", count: 50), to: "a") }
            let (client, _) = try await RawClient.attach(server.url, Greeting(client: "a"))
            try await client.expect("GAP 1 1 overflow")
            try await client.expectMessage(2, String(repeating: "2", count: 50))
        }
    }

    @Test func onlySoManySendsWaitForTheStore() async throws {
        let store = HoldingQueueStore(MemoryQueueStore())
        var configuration = TestServer.configuration
        configuration.maxPendingSends = 1
        try await TestServer.run(store: .only(store), configuration: configuration) { server in
            store.hold()
            let underWay = Task { try await server.server.send("1", to: "alice/phone") }
            try await store.held()
            // One is under way; of the next two one waits, and the other is refused at once.
            let codes = Mailbox<SendError.Code?>()
            let waiting = (2...3).map { number in
                Task { codes.put(await self.refusal { try await server.server.send("\(number)", to: "alice/phone") }) }
            }
            #expect(try await codes.next() == .overloaded)
            store.release()
            #expect(try await codes.next() == nil)
            #expect(try await underWay.value.sequence == SequenceNumber(1))
            for task in waiting { await task.value }
            #expect(try await server.server.queue(of: .test("alice/phone"))?.head == SequenceNumber(2))
        }
    }

    @Test func nobodyWaitsForADiskWithoutEnd() async throws {
        let store = HoldingQueueStore(MemoryQueueStore())
        let time = ManualTime()
        var configuration = TestServer.configuration
        configuration.sendTimeout = .seconds(3)
        try await TestServer.run(time: time, store: .only(store), configuration: configuration) { server in
            store.hold()
            let underWay = Task { await self.refusal { try await server.server.send("1", to: "alice/phone") } }
            try await store.held()
            let codes = Mailbox<SendError.Code?>()
            let watcher = Task { codes.put(await underWay.value) }
            // The watch looks once a second, and sets its next second when it has looked.
            while codes.isEmpty {
                await time.advance(by: .seconds(1))
                await Task.yield()
            }
            #expect(try await codes.next() == .unknown)
            await watcher.value
            store.release()
            // It was committed all the same.
            try await server.server.send("2", to: "alice/phone")
            #expect(try await server.server.queue(of: .test("alice/phone"))?.head == SequenceNumber(2))
        }
    }
}
