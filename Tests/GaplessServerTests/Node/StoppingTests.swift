import GaplessCore
import GaplessServer
import GaplessStore
import GaplessTesting
import Logging
import Testing

/// How a node stops, and what it does when its store fails.
@Suite(.serialized, .timeLimit(.minutes(10))) struct StoppingTests {
    @Test func aNodeThatIsNotAloneAsksItsClientsToMove() async throws {
        let store = try TemporaryStore()
        var configuration = TestServer.configuration
        configuration.moveTime = .seconds(300)
        configuration.hardStop = .seconds(600)
        try await TestServer.run(store: store.configuration) { [configuration] second in
            try await second.commitsBehindItsHeartbeat()
            try await TestServer.run(
                store: store.configuration,
                configuration: configuration,
                prepare: { $0.onMessage { _, _ in } }
            ) { first in
                let (client, welcome) = try await RawClient.attach(first.url, Greeting(outbox: "o1"))
                let late = try await RawClient.connect(first.url)
                await first.shutDown()
                let drain = try await client.expect("DRAIN ")  // [R10.1-8]
                #expect(drain.contains("\"within\":"))
                let ready = try await RawHTTP.call("GET", "/ready", port: first.addresses.listen.port)
                #expect(ready.status == 503 && ready.body.contains("draining"))
                let live = try await RawHTTP.call("GET", "/live", port: first.addresses.listen.port)
                #expect(live.status == 200)
                // [R5.1-3]
                late.send(Greeting(client: "bob").text)
                let refusal = try await late.expect("ERROR {\"code\":4100")
                #expect(refusal.contains("retryAfter"))
                // It goes on serving, in both directions, until the client has moved.
                client.send("MSG 1 meanwhile")
                try await client.expect("ACK 1")
                try await second.server.send("meanwhile", to: "alice/phone")
                try await client.expectMessage(1, "meanwhile")
                let (moved, answer) = try await RawClient.attach(
                    second.url,
                    Greeting(attempt: 2, epoch: welcome.epoch, handled: 1, held: 1)
                )
                #expect(answer.resume == "resumed")
                try await client.expectEnd(4500)
                try await second.server.send("after", to: "alice/phone")
                try await moved.expectMessage(2, "after")
            }
        }
    }

    @Test func whoStaysIsClosedWhenTheTimeIsOver() async throws {
        let store = try TemporaryStore()
        var configuration = TestServer.configuration
        configuration.moveTime = .seconds(3)
        let time = ManualTime()
        try await TestServer.run(store: store.configuration) { [configuration] second in
            try await second.commitsBehindItsHeartbeat()
            try await TestServer.run(time: time, store: store.configuration, configuration: configuration) { first in
                let (client, _) = try await RawClient.attach(first.url)
                await first.shutDown()
                try await client.expect("DRAIN {\"within\":3000}")
                await time.advance(by: .seconds(3))
                let error = try await client.expect("ERROR {\"code\":4000,")  // [R10.1-9]
                #expect(error.contains("\"jitter\":"))
                try await client.expectClose(4_000)
            }
        }
    }

    @Test func aNodeThatCameJustNowIsSeen() async throws {
        let store = try TemporaryStore()
        var configuration = TestServer.configuration
        configuration.moveTime = .seconds(10)
        try await TestServer.run(store: store.configuration, configuration: configuration) { first in
            let (client, welcome) = try await RawClient.attach(first.url)
            try await TestServer.run(store: store.configuration) { second in
                // Its row is committed before this.
                try await second.server.send("here I am", to: "bob")
                await first.shutDown()
                try await client.expect("DRAIN ")
                let again = Greeting(attempt: 2, epoch: welcome.epoch, handled: 0, held: 1)
                let (_, answer) = try await RawClient.attach(second.url, again)
                #expect(answer.resume == "resumed")
                try await client.expectEnd(4500)
            }
        }
    }

    @Test func aNodeThatHasJustGoneIsNowhereToGo() async throws {
        let store = try TemporaryStore()
        var configuration = TestServer.configuration
        configuration.moveTime = .seconds(60)
        configuration.hardStop = .seconds(65)
        try await TestServer.run(store: store.configuration, configuration: configuration) { first in
            let (client, _) = try await RawClient.attach(first.url)
            try await TestServer.run(store: store.configuration) { _ = try await $0.server.send("1", to: "bob") }
            await first.shutDown()
            try await client.expectEnd(4_000)
        }
    }

    @Test func aNodeThatIsAloneClosesAtOnce() async throws {
        try await TestServer.run { server in
            let (client, _) = try await RawClient.attach(server.url)
            await server.shutDown()
            try await client.expectEnd(4_000)
        }
    }

    @Test func whatWasAcceptedIsCommittedBeforeTheEnd() async throws {
        let store = try TemporaryStore()
        let sent = try await TestServer.run(store: store.configuration) { server in
            try await withThrowingTaskGroup(of: SendReceipt?.self) { group in
                for number in 1...500 { group.addTask { try? await server.server.send("\(number)", to: "alice/phone") } }
                await server.shutDown()
                return try await group.reduce(into: 0) { $0 += $1 == nil ? 0 : 1 }
            }
        }
        try await TestServer.run(store: store.configuration) { server in
            let queue = try await server.server.queue(of: #require(ClientID("alice/phone")))
            #expect(queue?.depth ?? 0 == sent)
        }
    }

    @Test func aServerThatHasStoppedRefuses() async throws {
        let server = try await TestServer.run { $0.server }
        let error = await #expect(throws: SendError.self) { try await server.send("x", to: "alice") }
        #expect(error?.code == .unavailable)
    }

    // MARK: The store

    @Test func aStoreThatFailsFailsTheSendAndPromisesNothing() async throws {
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        try await TestServer.run(store: .only(fault)) { server in
            let (client, _) = try await RawClient.attach(server.url)
            fault.fail(.from(1))
            let error = await #expect(throws: SendError.self) { try await server.server.send("lost", to: "alice/phone") }
            #expect(error?.code == .unavailable)
            let refused = try await RawClient.connect(server.url)
            refused.send(Greeting(client: "bob").text)
            try await refused.expectEnd(4102)  // [R5.1-4]
            fault.heal()
            try await server.server.send("kept", to: "alice/phone")
            try await client.expectMessage(1, "kept")
        }
    }

    @Test func anUnknownOutcomeIsToldAndSettledByTheKey() async throws {
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        var configuration = TestServer.configuration
        configuration.admin = nil
        try await TestServer.run(store: .only(fault), configuration: configuration) { server in
            try await server.server.send("0", to: "alice/phone")
            fault.fail(.from(1), effect: .committed)
            let error = await #expect(throws: SendError.self) {
                try await server.server.send("perhaps", to: "alice/phone", id: "k")
            }
            #expect(error?.code == .unknown)
            fault.heal()
            let receipt = try await server.server.send("perhaps", to: "alice/phone", id: "k")
            #expect(receipt.isRepeat && receipt.sequence == SequenceNumber(2))
        }
    }

    @Test(arguments: ["i1", "i2"]) func anAttachInDoubtLeavesNoGhost(_ instance: String) async throws {
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        try await TestServer.run(store: .only(fault)) { server in
            let (client, welcome) = try await RawClient.attach(server.url, Greeting(instance: instance))
            client.close()
            try await client.expectClose(1_000)
            fault.fail(.from(1), effect: .committed)
            let unlucky = try await RawClient.connect(server.url)
            unlucky.send(Greeting(attempt: 2).text)
            try await unlucky.expectEnd(4102)
            fault.heal()
            // The same instance, or another one that held the queue before, is not kept away by what nobody was told of.
            let again = Greeting(instance: instance, attempt: 3, epoch: welcome.epoch, handled: 0, held: 1)
            let (next, answer) = try await RawClient.attach(server.url, again)
            #expect(answer.resume == "resumed" && answer.generation == 3)
            next.close()
            try await next.expectClose(1_000)
        }
    }

    @Test(arguments: ["i1", "i2"]) func anAttachInDoubtThatDidNotHappenIsForgotten(_ instance: String) async throws {
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        try await TestServer.run(store: .only(fault)) { server in
            let (client, welcome) = try await RawClient.attach(server.url, Greeting(instance: instance))
            client.close()
            try await client.expectClose(1_000)
            fault.fail(.from(1), effect: .lost)
            let unlucky = try await RawClient.connect(server.url)
            unlucky.send(Greeting(attempt: 2).text)
            try await unlucky.expectEnd(4102)
            fault.heal()
            let again = Greeting(instance: instance, attempt: 3, epoch: welcome.epoch, handled: 0, held: 1)
            let (_, answer) = try await RawClient.attach(server.url, again)
            #expect(answer.resume == "resumed" && answer.generation == 2)
        }
    }

    @Test func aStoreThatCannotBeOpenedEndsTheStart() async throws {
        let file = try TemporaryFile(
            "this is no database, and is long enough not to be taken for an empty one " + String(repeating: "x", count: 5_000)
        )
        for (path, code) in [(file.path, QueueStoreError.Code.foreign), ("/", .misconfigured), ("/nonexistent/gapless.db", .misconfigured)]
        {
            let error = await #expect(throws: QueueStoreError.self) {
                try await TestServer.run(store: .sqlite(path: path)) { _ in }
            }
            #expect(error?.code == code, "\(path): \(error?.description ?? "")")
        }
    }

    @Test func aPortInUseIsToldBySetting() async throws {
        try await TestServer.run { server in
            var configuration = TestServer.configuration
            configuration.listen = server.addresses.listen
            let listen = await #expect(throws: ConfigurationError.self) { try await TestServer.run(configuration: configuration) { _ in } }
            #expect(listen?.setting == "listen")
            configuration = TestServer.configuration
            configuration.admin = server.addresses.admin.map { AdminConfiguration(listen: $0) }
            let admin = await #expect(throws: ConfigurationError.self) { try await TestServer.run(configuration: configuration) { _ in } }
            #expect(admin?.setting == "admin.listen")
        }
    }
}
