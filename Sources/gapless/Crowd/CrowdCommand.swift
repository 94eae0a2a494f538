import ArgumentParser
import Foundation
import GaplessClient
import Logging
import ServiceLifecycle
import UnixSignals

/// `gapless crowd`: many clients in one process, for tests of nodes. Hidden from the list of commands.
struct CrowdCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crowd",
        abstract: "Connect many clients from one process, for tests.",
        discussion: """
            Prints a line for each message: client, number, text. The clients are user0/device, user1/device, and so on; --user names others.

            With --times a line is client, number, time and text: when the message was handed over, in nanoseconds of the machine's monotonic \
            clock. Standard error tells what happens to connections, also with times: opens (client, connection), welcome (client, connection, \
            role, generation, node), ended (client, connection, role, code, by whom); then stopped (client, code), and warnings and errors.

            With --uplink the clients send as well, in turn, until SIGTERM; then it waits until the server has handled everything. Standard \
            error tells sent and confirmed: time and text, which is the client, a number, and when it should have been sent.
            """,
        shouldDisplay: false
    )

    @Argument(help: ArgumentHelp("Where to connect.", valueName: "url"))
    var urls: [String]

    @Option(help: ArgumentHelp("How many clients.", valueName: "count"))
    var clients: Int = 1_000

    @Option(help: ArgumentHelp("How many clients begin each second; all at once if left out.", valueName: "rate"))
    var arrivals: Double?

    @Option(help: ArgumentHelp("What the names of their users begin with.", valueName: "name"))
    var user = "user"

    @Flag(help: "Say when each message came, and what happens to connections.")
    var times = false

    @Option(help: ArgumentHelp("How many messages a second the clients send, all together.", valueName: "rate"))
    var uplink: Double?

    @Option(help: ArgumentHelp("File of the clients' tokens, a line for each.", valueName: "file"))
    var tokenFile: String?

    func validate() throws {
        guard !self.urls.isEmpty, (1...20_000).contains(self.clients) else { throw ValidationError("name a URL and 1 to 20000 clients") }
        guard self.arrivals.map({ (0.001...1_000_000).contains($0) }) ?? true else {
            throw ValidationError("--arrivals is 0.001 to 1000000")
        }
        guard self.uplink.map({ (0.001...1_000_000).contains($0) }) ?? true else { throw ValidationError("--uplink is 0.001 to 1000000") }
    }

    func run() async throws {
        try await self.reportingFailure {
            let tokens = try self.tokens()
            let members = try (0..<self.clients).map { number in
                try CrowdMember("\(self.user)\(number)/device", urls: self.urls, token: tokens?[number], hasTimes: self.times)
            }
            var logger = Logger(label: "gapless")
            logger.logLevel = .error
            let services = members.enumerated().map { number, member in
                CrowdArrival(client: member.client, wait: self.arrivals.map { .seconds(Double(number) / $0) } ?? .zero)
            }
            let group = ServiceGroup(configuration: .init(services: services.map { .init(service: $0) }, logger: logger))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                tasks.addTask {
                    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
                    try await self.work(members) { for await _ in signals { return } }
                    await group.triggerGracefulShutdown()
                }
                for member in members {
                    tasks.addTask { try await member.note() }
                }
                try await tasks.waitForAll()
            }
        }
    }

    /// Sends what is to be sent until `end` returns.
    private func work(_ members: [CrowdMember], until end: @escaping @Sendable () async -> Void) async throws {
        guard let rate = self.uplink else { return await end() }
        try await CrowdUplink(rate: rate).send(from: members, until: end)
    }

    private func tokens() throws -> [String]? {
        guard let path = self.tokenFile else { return nil }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw ProgramError(.misconfigured, "the token file '\(path)' cannot be read")
        }
        let tokens = text.split(whereSeparator: \.isNewline).map(String.init)
        guard tokens.count >= self.clients else {
            throw ProgramError(.misconfigured, "the token file '\(path)' has \(tokens.count) lines for \(self.clients) clients")
        }
        return tokens
    }
}
