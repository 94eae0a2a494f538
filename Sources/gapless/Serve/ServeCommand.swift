import ArgumentParser
import GaplessServer
import GaplessStore
import Logging
import Metrics
import ServiceLifecycle
import UnixSignals

/// `gapless serve`: a node.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run a node.",
        discussion: """
            To try it out, for programs of this machine alone:

              gapless serve --store sqlite:gapless.db

            For everybody who has a token, with TLS:

              gapless serve --store sqlite:/var/lib/gapless/gapless.db --name a \\
                --listen 0.0.0.0:8400 --admin 127.0.0.1:8401 \\
                --tls-certificate chain.pem --tls-key key.pem --auth jwt:keys.json

            A node prints one line of JSON when it is ready. On SIGTERM or SIGINT it asks its clients to move, commits everything and ends \
            with 0. Before that it goes on serving for --drain-wait, if there are other nodes; a second signal leaves out that wait.

            Each message from a client is printed as a line of JSON with "event":"message", client, outbox, seq, and text or base64. The \
            client is told that it was handled once the line is written. After a crash a line may come twice; client, outbox and seq tell.

            With --webhook each message is posted to a URL instead, signed with the secret, and handled once the answer is 2xx; the answer may \
            hold replies:

              openssl rand -hex 32 > webhook.secret
              gapless serve --store sqlite:gapless.db \\
                --webhook http://127.0.0.1:9000/gapless \\
                --webhook-secret-file webhook.secret

            Every option is also an environment variable (--max-age is GAPLESS_MAX_AGE) and a field of the --config file ("max-age"). The \
            command line goes before the environment, and that before the file. Defaults stand in parentheses. Durations are written as \
            250ms, 30s, 15m, 1h or 7d.
            """
    )

    @OptionGroup var options: ServeOptions

    func run() async throws {
        try await self.reportingFailure {
            do {
                let settings = try await ServeSettings(self.options)
                let level = try settings.logLevel()
                LoggingSystem.bootstrap { label in
                    var handler = StreamLogHandler.standardError(label: label)
                    handler.logLevel = level
                    return handler
                }
                MetricsSystem.bootstrap(PrometheusMetrics())
                let logger = Logger(label: "gapless")
                let server = try GaplessServer(
                    store: try settings.store(),
                    authenticator: try settings.authentication(),
                    configuration: try settings.configuration(),
                    logger: logger
                )
                try settings.uplink().handle(server)
                try await Self.run(server, logger: logger)
            } catch let error as ConfigurationError {
                throw ProgramError(.misconfigured, error.description)
            } catch let error as QueueStoreError {
                throw ProgramError(error.code == .unavailable ? .tryAgain : .cannotCreate, error.description)
            }
        }
    }

    private static func run(_ server: GaplessServer, logger: Logger) async throws {
        // It also ends when an operator wants it drained.
        let service = ServiceGroupConfiguration.ServiceConfiguration(service: server, successTerminationBehavior: .gracefullyShutdownGroup)
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: [service], logger: logger))
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            // Ends by `cancelAll`.
            tasks.addTask { await Self.stop(server, in: group, on: signals, logger: logger) }
            defer { tasks.cancelAll() }
            async let running: Void = group.run()
            if let addresses = try? await server.started() {
                let admin = addresses.admin.map { ",\"admin\":\"\($0)\"" } ?? ""
                do {
                    try StandardOutput.write(
                        "{\"event\":\"ready\",\"listen\":\"\(addresses.listen)\"\(admin),\"node\":\"\(addresses.node)\"}"
                    )
                } catch {
                    StandardError.write("gapless: \(error)")  // A node serves its clients also where nobody reads that it does.
                }
            }
            try await running
        }
    }

    /// Stops the service with the first signal; each further one leaves out what is left of the wait for a balancer.
    private static func stop(
        _ server: GaplessServer,
        in group: ServiceGroup,
        on signals: UnixSignalsSequence,
        logger: Logger
    ) async {
        var isStopping = false
        for await _ in signals {
            if isStopping { await Self.hurry(server, logger: logger) }
            await group.triggerGracefulShutdown()
            isStopping = true
        }
    }

    private static func hurry(_ server: GaplessServer, logger: Logger) async {
        do {
            try await server.drainNow(try await server.started().node)
        } catch {
            logger.debug("Nothing to hurry", metadata: ["error.message": "\(error)"])
        }
    }
}
