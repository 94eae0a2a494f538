import AsyncHTTPClient
import GaplessCore
import GaplessStore
import GaplessTesting
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import Testing

@testable import GaplessServer

/// How a server stops whose backend hangs. Time passes only as the tests say, so that a wait beyond it would never end.
@Suite(.serialized, .timeLimit(.minutes(10))) struct WebhookStopTests {
    /// Runs a server until the closure has shut it down. Time passes only as the closure says, also while the server stops.
    private static func run(
        _ time: ManualTime,
        store: StoreConfiguration = .memory(),
        _ configuration: ServerConfiguration,
        _ log: CapturedLog,
        prepare: (GaplessServer) -> Void = { _ in },
        _ body: (String, ServiceGroup) async throws -> Void
    ) async throws {
        var clock = GatewayClock.system
        clock.wallClock = { time.wallClock }
        let server = try GaplessServer(
            store: store,
            authenticator: .none,
            configuration: configuration,
            logger: log.logger,
            clock: clock,
            loopClock: time.clock
        )
        prepare(server)
        let group = ServiceGroup(services: [server], logger: log.logger)
        async let running: Void = group.run()
        let addresses = try await server.started()
        try await body("ws://\(addresses.listen)/gapless", group)
        try await running
    }

    @Test func theHardStopBoundsTheWaitForTheEventWebhook() async throws {
        let time = ManualTime()
        let log = CapturedLog()
        try await TestBackend.run({ _ in
            try await untilCancelled()
            return .ok
        }) { backend in
            var configuration = TestServer.configuration
            configuration.eventWebhook = backend.webhook
            configuration.eventWebhook?.timeout = .seconds(120)
            configuration.hardStop = .seconds(10)
            try await Self.run(time, configuration, log) { url, group in
                _ = try await RawClient.attach(url)
                _ = try await backend.calls.next()
                await group.triggerGracefulShutdown()
                while !log.text.contains("Server drains") { await Task.yield() }
                // No more time passes then, and it ends.
                for _ in 1...19 { await time.advance(by: .milliseconds(500)) }
            }
        }
        #expect(!log.text.contains("left behind"), "the call was cancelled in time")
        #expect(log.text.contains("the event webhook is not told of everything"))
    }

    @Test func afterADrainAHandlerThatHangsIsCancelledBeforeTheHardStop() async throws {
        let time = ManualTime()
        let log = CapturedLog()
        let events = Mailbox<String>()
        let store = try TemporaryStore()
        var configuration = TestServer.configuration
        configuration.moveTime = .seconds(300)
        configuration.hardStop = .seconds(600)
        try await TestServer.run(store: store.configuration) { [configuration] second in
            try await second.commitsBehindItsHeartbeat()
            func prepare(_ server: GaplessServer) {
                server.onMessage { _, _ in
                    events.put("began")
                    try? await untilCancelled()
                    events.put("cancelled")
                }
            }
            try await Self.run(time, store: store.configuration, configuration, log, prepare: prepare) { url, group in
                let (client, _) = try await RawClient.attach(url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                #expect(try await events.next() == "began")
                await group.triggerGracefulShutdown()
                try await client.expect("DRAIN ")
                client.close()
                var seconds = 0
                while events.isEmpty, seconds < 250 {
                    await time.advance(by: .seconds(1))
                    seconds += 1
                    try await second.commitsBehindItsHeartbeat()
                }
                #expect(seconds >= 5, "it had some time to end")
                #expect(try await events.next() == "cancelled")
            }
        }
        #expect(!log.text.contains("left behind"))
    }

    @Test func theWaitForTheLastEventsEndsThoughCallAfterCallIsAnswered() async throws {
        let (go, time) = (Mailbox<Void>(), ManualTime())
        try await TestBackend.run({ _ in
            try await go.next()
            return .ok
        }) { backend in
            let http = HTTPClient(eventLoopGroupProvider: .singleton)
            let shared = WebhookCaller.Shared(
                http: http,
                eventLoop: MultiThreadedEventLoopGroup.singleton.any(),
                loopClock: time.clock,
                wallClock: { Timestamp(milliseconds: 1_767_225_600_000) },
                metrics: WebhookMetrics(PrometheusMetrics()),
                logger: CapturedLog().logger
            )
            let caller = WebhookCaller(backend.webhook, .events, shared)
            let events = WebhookEvents(caller, kinds: [.removed], node: NodeIdentity(name: .test, incarnation: 1))
            let running = Task { await events.run() }
            for number in 0..<1_000 {
                events.tell(.removed(RemovedEvent(client: .test("alice"), reason: .init(description: "\(number)"))))
            }
            _ = try await backend.calls.next()
            events.finish()
            let ended = Mutex(false)
            let moment = time.now + .seconds(7)
            let waiting = Task {
                await events.ended(before: moment)
                ended.withLock { $0 = true }
            }
            // Each call takes a second, and none fails.
            for _ in 1...6 {
                await time.advance(by: .seconds(1))
                go.put(())
                _ = try await backend.calls.next()
            }
            #expect(!ended.withLock { $0 })
            await time.advance(by: .seconds(1))
            await waiting.value
            running.cancel()
            // Nothing but this ends the calls that the service has begun.
            for _ in 1...4 { go.put(()) }
            await running.value
            try await http.shutdown()
        }
    }
}
