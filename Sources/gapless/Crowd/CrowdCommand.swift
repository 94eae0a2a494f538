import ArgumentParser
import GaplessClient
import GaplessCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import UnixSignals

/// `gapless crowd`: many clients in one process, for tests of nodes. Hidden from the list of commands.
struct CrowdCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crowd",
        abstract: "Connect many clients from one process, for tests.",
        discussion: "Prints a line for each message: client, number, text. The clients are user0/device, user1/device, and so on.",
        shouldDisplay: false
    )

    @Argument(help: ArgumentHelp("Where to connect.", valueName: "url"))
    var urls: [String]

    @Option(help: ArgumentHelp("How many clients.", valueName: "count"))
    var clients: Int = 1_000

    func validate() throws {
        guard !self.urls.isEmpty, (1...20_000).contains(self.clients) else { throw ValidationError("name a URL and 1 to 20000 clients") }
    }

    func run() async throws {
        try await self.reportingFailure {
            var logger = Logger(label: "gapless")
            logger.logLevel = .error
            let names = (0..<self.clients).map { "user\($0)/device" }
            let clients = try names.map { name in
                var configuration = ClientConfiguration(endpoints: self.urls, client: name)
                configuration.acknowledgement = .explicit
                return try GaplessClient(configuration, logger: logger)
            }
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: clients.map { .init(service: $0) },
                    gracefulShutdownSignals: [.sigterm, .sigint],
                    logger: logger
                )
            )
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                for (name, client) in zip(names, clients) {
                    tasks.addTask { try await Self.note(client, name: name) }
                }
                try await tasks.waitForAll()
            }
        }
    }

    /// Writes what a client gets, and counts it as handled once it is written.
    private static func note(_ client: GaplessClient, name: String) async throws {
        for try await batch in client.batches() {
            var lines = ""
            var newest: GaplessClient.Message?
            for event in batch {
                switch event {
                case .message(let message):
                    lines += "\(name) \(message.sequence) \(message.text ?? "")\n"
                    newest = message
                case .gap(let gap):
                    StandardError.write("gap \(name) \(gap.range) \(gap.reason)")
                    gap.acknowledge()
                case .reset(let reason):
                    StandardError.write("reset \(name) \(reason)")
                default:
                    break
                }
            }
            guard let newest else { continue }
            guard writeAll(Array(lines.utf8), to: 1) else { throw ProgramError(.inputOutput, "standard output cannot be written") }
            newest.acknowledgeThrough()
        }
    }
}
