import ArgumentParser
import GaplessServer
import GaplessStore
import Logging
import ServiceLifecycle
import UnixSignals

/// `gapless serve`: a node.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run a node.",
        discussion: """
            Prints one line of JSON when it is ready, and ends with 0 after SIGTERM or SIGINT, when everything is committed and its clients
            were asked to move.

              gapless serve --listen 0.0.0.0:8400 --admin 127.0.0.1:8401 --store sqlite:/var/lib/gapless/gapless.db --name a --auth jwt:keys.json

            Messages from clients are printed as lines of JSON, {"event":"message","client":..,"outbox":..,"seq":..,"text"|"base64":..}; a client is told
            that its message was handled once the line is written. After a crash a line may come twice: client, outbox and seq tell.

            Every option is also an environment variable (--max-age is GAPLESS_MAX_AGE) and a field of the --config file ("max-age").
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
        let group = ServiceGroup(services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        async let running: Void = group.run()
        if let addresses = try? await server.started() {
            let admin = addresses.admin.map { ",\"admin\":\"\($0)\"" } ?? ""
            StandardOutput.write("{\"event\":\"ready\",\"listen\":\"\(addresses.listen)\"\(admin),\"node\":\"\(addresses.node)\"}")
        }
        try await running
    }
}
