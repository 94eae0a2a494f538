public import GaplessServer
import GaplessStore
import GaplessWebSocket
public import Logging
import ServiceLifecycle

/// A real server inside a test: on free ports of loopback, with short waits, for as long as a closure runs.
///
/// ```swift
/// try await TestServer.run { server in
///     try await server.server.send("hello", to: "alice/phone")
///     // connect your client to server.url
/// }
/// ```
public struct TestServer: Sendable {
    /// The server.
    public let server: GaplessServer

    /// Where it listens.
    public let addresses: ServerAddresses

    private let group: ServiceGroup

    /// Where clients connect: `ws://127.0.0.1:PORT/gapless`.
    public var url: String { "ws://\(self.addresses.listen)\(self.path)" }

    /// Where the HTTP API is; nil when the configuration has none.
    public var adminURL: String? { self.addresses.admin.map { "http://\($0)" } }

    private let path: String

    /// Settings for tests: free ports, a short time to stop, and long ones for peers, so that a slow machine is not taken for a lost one.
    public static var configuration: ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
        configuration.admin = AdminConfiguration(listen: ListenAddress(host: "127.0.0.1", port: 0))
        configuration.drainWait = .zero
        configuration.drainTime = .zero
        configuration.moveTime = .milliseconds(500)
        configuration.heartbeat = .seconds(300)
        configuration.silence = .seconds(600)
        configuration.helloDeadline = .seconds(60)
        configuration.sendTimeout = .seconds(300)
        configuration.slowConsumerTime = .seconds(300)
        configuration.closeTime = .seconds(300)
        configuration.threads = 1
        // Neither the load of the machine nor the number of clients decides what becomes of a test.
        configuration.readiness = .none
        configuration.attachesPerSecond = nil
        return configuration
    }

    /// Runs a server, and a closure once it listens; stops the server gracefully when the closure has ended.
    ///
    /// - Parameters:
    ///   - store: where queues live; by default in memory.
    ///   - authenticator: how clients prove who they are; by default nobody has to.
    ///   - configuration: settings; by default those for tests.
    ///   - clock: the server's time of day; nil for the machine's.
    ///   - logger: by default one that tells errors alone.
    ///   - prepare: gives the server its handlers and hooks, before it runs.
    ///   - body: the test.
    /// - Returns: what the closure returns.
    /// - Throws: what the closure throws, or why the server could not start.
    public static func run<Result: Sendable>(
        store: StoreConfiguration = .memory(),
        authenticator: Authentication = .none,
        configuration: ServerConfiguration = Self.configuration,
        clock: ManualClock? = nil,
        logger: Logger? = nil,
        prepare: (GaplessServer) -> Void = { _ in },
        _ body: @Sendable (TestServer) async throws -> Result
    ) async throws -> Result {
        var gatewayClock = GatewayClock.system
        if let clock {
            gatewayClock.wallClock = { clock.now }
            gatewayClock.isWallClockTrusted = true
        }
        return try await Self.run(
            store: store,
            authenticator: authenticator,
            configuration: configuration,
            clocks: (gatewayClock, .system),
            logger: logger,
            prepare: prepare,
            end: {},
            body
        )
    }

    /// Runs a server that waits by a time which the test moves. Time passes by itself from the end of the closure on, so that the server can stop.
    package static func run<Result: Sendable>(
        time: ManualTime,
        store: StoreConfiguration = .memory(),
        authenticator: Authentication = .none,
        configuration: ServerConfiguration = Self.configuration,
        logger: Logger? = nil,
        prepare: (GaplessServer) -> Void = { _ in },
        _ body: @Sendable (TestServer) async throws -> Result
    ) async throws -> Result {
        var gatewayClock = GatewayClock.system
        gatewayClock.wallClock = { time.wallClock }
        return try await Self.run(
            store: store,
            authenticator: authenticator,
            configuration: configuration,
            clocks: (gatewayClock, time.clock),
            logger: logger,
            prepare: prepare,
            end: { time.release() },
            body
        )
    }

    private static func run<Result: Sendable>(
        store: StoreConfiguration,
        authenticator: Authentication,
        configuration: ServerConfiguration,
        clocks: (gateway: GatewayClock, loops: LoopClock),
        logger: Logger?,
        prepare: (GaplessServer) -> Void,
        end: @Sendable () -> Void,
        _ body: @Sendable (TestServer) async throws -> Result
    ) async throws -> Result {
        let logger = logger ?? Self.quietLogger
        let server = try GaplessServer(
            store: store,
            authenticator: authenticator,
            configuration: configuration,
            logger: logger,
            clock: clocks.gateway,
            loopClock: clocks.loops
        )
        prepare(server)
        let group = ServiceGroup(services: [server], logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let result: Result
            do {
                let addresses = try await server.started()
                result = try await body(
                    TestServer(server: server, addresses: addresses, group: group, path: configuration.path)
                )
            } catch {
                end()
                await group.triggerGracefulShutdown()
                throw error
            }
            end()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return result
        }
    }

    /// Begins a graceful shutdown, as SIGTERM does; `run` still waits for the closure.
    public func shutDown() async {
        await self.group.triggerGracefulShutdown()
    }

    private init(server: GaplessServer, addresses: ServerAddresses, group: ServiceGroup, path: String) {
        self.server = server
        self.addresses = addresses
        self.group = group
        self.path = path
    }

    private static var quietLogger: Logger {
        var logger = Logger(label: "gapless.test")
        logger.logLevel = .error
        return logger
    }
}
