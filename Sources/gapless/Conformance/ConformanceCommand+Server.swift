import ArgumentParser
import GaplessConformance

extension ConformanceCommand {
    /// `gapless conformance server`.
    struct Server: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Judge a server.",
            discussion: """
                Plays clients that do everything right and clients that do everything wrong, with queues of their own, which are removed \
                afterwards. The server must let clients choose their names and want no token, and answer the calls of the HTTP API that send, \
                show and remove: POST /v1/messages, GET and DELETE /v1/clients/NAME.

                  gapless conformance server ws://127.0.0.1:8400/gapless \\
                    --admin http://127.0.0.1:8401

                It takes up to a minute, less where the server's heartbeat and silence are short.
                """
        )

        @Argument(help: ArgumentHelp("Where the server takes clients: a ws:// or wss:// URL.", valueName: "url"))
        var url: String

        @OptionGroup var admin: AdminOptions
        @OptionGroup var options: ConformanceOptions

        func run() async throws {
            try await self.reportingFailure {
                let selection = try self.options.selection(of: ServerConformance.checks.map(\.rule))
                try await AdminClient.with(self.admin) { client in
                    do {
                        let conformance = try ServerConformance(url: self.url, admin: AdminDoor(client: client))
                        try await self.options.tell { try await conformance.run(selection, report: $0) }
                    } catch let error as ServerConformance.NotJudgeable {
                        throw ProgramError(.unreachable, error.description)
                    }
                }
            }
        }
    }
}
