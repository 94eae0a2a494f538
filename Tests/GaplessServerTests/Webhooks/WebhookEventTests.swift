import AsyncHTTPClient
import GaplessCore
import GaplessTesting
import GaplessWebSocket
import Logging
import Metrics
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import GaplessServer

/// A service in another language that is told what happens.
@Suite(.serialized, .timeLimit(.minutes(10))) struct WebhookEventTests {
    private static func configuration(_ backend: TestBackend) -> ServerConfiguration {
        var configuration = TestServer.configuration
        configuration.eventWebhook = backend.webhook
        configuration.retention.maxMessages = 1
        return configuration
    }

    /// The events of calls, one after the other, up to one that begins like this.
    private static func events(_ backend: TestBackend, until last: String) async throws -> [String] {
        var events: [String] = []
        while !events.contains(where: { $0.hasPrefix(last) }) {
            let call = try await backend.calls.next()
            #expect(call.kind == "events" && call.isSigned)
            events += call.events
        }
        return events
    }

    // MARK: A server

    @Test func eventsComeInOrderWithWhatTheyTell() async throws {
        let heard = Mutex(0)
        try await TestBackend.run({ _ in .status(204) }) { backend in
            try await TestServer.run(
                configuration: Self.configuration(backend),
                prepare: { server in
                    // The hooks of the process hear as well.
                    server.onAttached { _ in heard.withLock { $0 += 1 } }
                }
            ) { server in
                for number in 1...2 { try await server.server.send("\(number)", to: "alice/phone") }
                let (client, _) = try await RawClient.attach(server.url)
                try await client.expect("GAP 1 1 overflow")
                try await client.expectMessage(2, "2")
                var objects: [JSONObject] = []
                while objects.count < 3 {
                    let call = try await backend.calls.next()
                    let node = try #require(try call.object?.string("node"))
                    #expect(node == server.addresses.node.description && call.key?.hasPrefix("\(node)/") == true)
                    objects += try #require(try call.object?.array("events")).compactMap(\.object)
                }
                client.close()
                let left = try await Self.events(backend, until: "detached")
                #expect(left == ["detached alice/phone"])
                try await server.server.remove(.test("alice/phone"))
                let removal = try await backend.calls.next()
                #expect(removal.text.contains(#""client":"alice/phone","reason":"removed"}"#))
                #expect(try objects.map { try $0.string("event") } == ["overflow", "attached", "gap"])
                #expect(try objects.allSatisfy { try $0.string("client") == "alice/phone" && $0.integer("time") ?? 0 > 1_700_000_000_000 })
                #expect(try objects[0].integer("from") == 1 && objects[0].integer("to") == 1)
                #expect(try objects[1].integer("generation") == 1 && objects[1].integer("after") == 0 && objects[1].integer("head") == 2)
                #expect(try objects[2].integer("from") == 1 && objects[2].string("reason") == "overflow")
            }
        }
        #expect(heard.withLock { $0 } == 1)
    }

    @Test func onlyWhatIsWantedIsTold() async throws {
        try await TestBackend.run({ _ in .ok }) { backend in
            var configuration = Self.configuration(backend)
            configuration.webhookEvents = [.removed]
            try await TestServer.run(configuration: configuration) { server in
                let (client, _) = try await RawClient.attach(server.url)
                client.send("BYE")
                try await client.expectEnd(4502)
                #expect(try await Self.events(backend, until: "removed") == ["removed alice/phone"])
            }
            #expect(backend.calls.isEmpty)
        }
    }

    @Test func aCallThatFailsIsRepeatedUnderItsKey() async throws {
        try await TestBackend.run(TestBackend.failing(2, 503, then: .ok)) { backend in
            try await TestServer.run(configuration: Self.configuration(backend)) { server in
                let (_, _) = try await RawClient.attach(server.url)
                let calls = [try await backend.calls.next(), try await backend.calls.next(), try await backend.calls.next()]
                #expect(Set(calls.map(\.key)).count == 1 && Set(calls.map(\.text)).count == 1)
                #expect(calls[0].events == ["attached alice/phone"])
                try await server.server.remove(.test("alice/phone"))
                let next = try await backend.calls.next()
                #expect(next.key != calls[0].key)
            }
        }
    }

    @Test func theLastEventsAreToldAtTheEnd() async throws {
        try await TestBackend.run({ _ in .ok }) { backend in
            try await TestServer.run(configuration: Self.configuration(backend)) { server in
                let (client, _) = try await RawClient.attach(server.url)
                #expect(try await Self.events(backend, until: "attached").count == 1)
                await server.shutDown()
                try await client.expectEnd(4000)
            }
            // It has ended: what was not posted by now never will be.
            #expect(!backend.calls.isEmpty)
            #expect(try await Self.events(backend, until: "detached") == ["detached alice/phone"])
        }
    }

    @Test func whatAServiceThatHangsIsNotToldIsCounted() async throws {
        let metrics = PrometheusMetrics()
        try await withMetricsFactory(metrics) {
            try await TestBackend.run({ _ in
                try await untilCancelled()
                return .ok
            }) { backend in
                var configuration = Self.configuration(backend)
                configuration.eventWebhook?.timeout = .milliseconds(500)
                try await TestServer.run(configuration: configuration) { server in
                    _ = try await RawClient.attach(server.url)
                    _ = try await backend.calls.next()
                }
            }
        }
        let line = metrics.text().split(separator: "\n").first { $0.hasPrefix("gapless_server_webhooks_dropped_total ") }
        let dropped = line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
        #expect(dropped >= 1, "what nobody was told is counted")
    }

    // MARK: The bound

    private static func event(_ number: Int) -> HookRunner.Event {
        .removed(RemovedEvent(client: .test("alice"), reason: .init(description: "\(number)")))
    }

    /// The numbers of the events of a call.
    private static func numbers(_ call: TestBackend.Call) -> [Int] {
        let values = (try? call.object?.array("events")) ?? []
        return values.compactMap { $0.object?["reason"]?.string.flatMap { Int($0) } }
    }

    @Test func whatIsBeyondTheBoundIsDroppedAndCountedInItsPlace() async throws {
        let (holds, release) = AsyncStream.makeStream(of: Void.self)
        let metrics = PrometheusMetrics()
        let log = CapturedLog()
        try await TestBackend.run({ _ in
            for await _ in holds {}
            return .ok
        }) { backend in
            let http = HTTPClient(eventLoopGroupProvider: .singleton)
            let shared = WebhookCaller.Shared(
                http: http,
                eventLoop: MultiThreadedEventLoopGroup.singleton.any(),
                loopClock: .system,
                wallClock: { Timestamp(milliseconds: 1_767_225_600_000) },
                metrics: WebhookMetrics(metrics),
                logger: log.logger
            )
            var configuration = backend.webhook
            configuration.timeout = .seconds(120)
            let name = try #require(NodeName("a"))
            let events = WebhookEvents(
                WebhookCaller(configuration, .events, shared),
                kinds: [.removed],
                node: NodeIdentity(name: name, incarnation: 0xAB)
            )
            async let running: Void = events.run()
            events.tell(Self.event(0))
            let first = try await backend.calls.next()
            #expect(first.key == "a/ab/1" && Self.numbers(first) == [0])
            for number in 1...WebhookEvents.maxWaiting + 7 { events.tell(Self.event(number)) }
            events.tell(.detached(DetachedEvent(client: .test("alice"), generation: Generation(1))))  // Nobody wants it.
            release.finish()
            var told: [Int] = []
            while told.count < WebhookEvents.maxWaiting {
                let call = try await backend.calls.next()
                let numbers = Self.numbers(call)
                #expect(numbers.count <= WebhookEvents.maxBatch && !call.text.contains("dropped"))
                told += numbers
            }
            #expect(told == Array(1...WebhookEvents.maxWaiting))
            events.tell(Self.event(0))
            let last = try await backend.calls.next()
            #expect(
                last.text.hasPrefix(
                    #"{"node":"a","incarnation":"ab","call":102,"dropped":7,"events":[{"event":"removed","time":1767225600000,"client":"alice","reason":"0"}"#
                )
            )
            #expect(Self.numbers(last) == [0] && last.key == "a/ab/102")
            events.finish()
            await running
            await events.ended(before: .now() + .seconds(60))
            events.tell(Self.event(0))
            try await http.shutdown()
        }
        #expect(metrics.text().contains("\ngapless_server_webhooks_dropped_total 8\n"))
        #expect(log.text.split(separator: "Event webhook is too slow").count == 2, "it is told once")
    }
}
