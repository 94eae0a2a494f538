import GaplessServer
import GaplessTesting
import Synchronization
import Testing

/// What happens to a server whose users' code does not end when it is cancelled.
@Suite(.timeLimit(.minutes(10))) struct HardStopTests {
    /// Holds whoever comes until it is opened, cancelled or not.
    private final class Gate: Sendable {
        private struct State {
            var isOpen = false
            var waiters: [CheckedContinuation<Void, Never>] = []
        }

        private let state = Mutex(State())
        let (arrivals, arrival) = AsyncStream.makeStream(of: Void.self)

        func pass() async {
            self.arrival.yield()
            await withCheckedContinuation { continuation in
                let isOpen = self.state.withLock { state in
                    if !state.isOpen { state.waiters.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }

        func open() {
            let waiters = self.state.withLock { state in
                defer { state.waiters = [] }
                state.isOpen = true
                return state.waiters
            }
            waiters.forEach { $0.resume() }
        }
    }

    private func server(
        _ store: StoreConfiguration,
        _ log: CapturedLog,
        hardStop: Duration,
        authenticator: Authentication = .none
    ) throws -> GaplessServer {
        var configuration = TestServer.configuration
        configuration.moveTime = .milliseconds(100)
        configuration.hardStop = hardStop
        return try GaplessServer(store: store, authenticator: authenticator, configuration: configuration, logger: log.logger)
    }

    /// Runs a server without a graceful shutdown: it is cancelled when the closure has ended.
    private func run(_ server: GaplessServer, _ body: (String) async throws -> Void) async throws {
        let running = Task { try await server.run() }
        let addresses = try await server.started()
        try await body("ws://\(addresses.listen)/gapless")
        running.cancel()
        try await running.value
    }

    @Test func aHandlerThatIgnoresItsCancellationIsLeftBehindAndItsMessageComesAgain() async throws {
        let store = try TemporaryStore()
        let log = CapturedLog()
        let gate = Gate()
        let server = try self.server(store.configuration, log, hardStop: .milliseconds(150))
        server.onMessage { _, session in
            await gate.pass()
            session.send("too late")
        }
        try await self.run(server) { url in
            let (client, _) = try await RawClient.attach(url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            for await _ in gate.arrivals { break }
        }
        #expect(log.text.contains("error Jobs of the service still run at the hard stop and are left behind"))
        #expect(log.text.contains("\"handlers\": 1"))
        gate.open()
        try await TestServer.run(
            store: store.configuration,
            prepare: { $0.onMessage { message, session in session.send("again \(message.sequence)") } }
        ) { server in
            let (client, welcome) = try await RawClient.attach(server.url, Greeting(attempt: 2, outbox: "o1"))
            #expect(welcome.mark == 0 && welcome.head == 0)
            client.send("MSG 1 x")
            var frames = [try await client.expect(""), try await client.expect("")]
            frames.sort()
            #expect(frames[0] == "ACK 1" && frames[1].hasSuffix(" again 1"))
        }
    }

    @Test func aHookThatIgnoresItsCancellationDoesNotHoldTheServerEither() async throws {
        let log = CapturedLog()
        let gate = Gate()
        let server = try self.server(.memory(), log, hardStop: .milliseconds(150))
        server.onAttached { _ in await gate.pass() }
        try await self.run(server) { url in
            _ = try await RawClient.attach(url)
            for await _ in gate.arrivals { break }
        }
        #expect(log.text.contains("\"others\": 1"))
        gate.open()
    }

    @Test func aHandlerThatEndsWhenItIsCancelledIsWaitedFor() async throws {
        let log = CapturedLog()
        let (arrivals, arrival) = AsyncStream.makeStream(of: Void.self)
        let hasEnded = Mutex(false)
        let server = try self.server(.memory(), log, hardStop: .seconds(600))
        server.onMessage { _, _ in
            arrival.yield()
            try? await untilCancelled()
            #expect(Task.isCancelled)
            hasEnded.withLock { $0 = true }
        }
        try await self.run(server) { url in
            let (client, _) = try await RawClient.attach(url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            for await _ in arrivals { break }
        }
        #expect(hasEnded.withLock { $0 })
        #expect(!log.text.contains("left behind"))
    }

    @Test func afterAGracefulShutdownItIsTheSame() async throws {
        let log = CapturedLog()
        let gate = Gate()
        var configuration = TestServer.configuration
        configuration.moveTime = .milliseconds(100)
        configuration.hardStop = .milliseconds(150)
        try await TestServer.run(
            configuration: configuration,
            logger: log.logger,
            prepare: { $0.onMessage { _, _ in await gate.pass() } }
        ) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 x")
            for await _ in gate.arrivals { break }
        }
        #expect(log.text.contains("\"handlers\": 1"))
        gate.open()
    }
}
