import ArgumentParser
import NIOCore
import NIOHTTP1

extension QueueCommand {
    /// `gapless queue show`
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one queue.",
            discussion: """
                  gapless queue show --admin http://127.0.0.1:8401 alice/phone

                Ends with 65 when there is no such client.
                """
        )

        @OptionGroup var admin: AdminOptions

        @Argument(help: ArgumentHelp("The client, such as alice/phone.", valueName: "client"))
        var client: String

        @Flag(name: .long, help: "As a JSON object, for programs.")
        var json = false

        func validate() throws { try QueueCommand.validate(self.client) }

        func run() async throws {
            try await self.reportingFailure {
                try await AdminClient.with(self.admin) { client in
                    let answer = try await client.ask(.GET, "/v1/clients/\(AdminClient.segment(self.client))")
                    try answer.requireSuccess()
                    let queue = try QueueDescription.decode(answer.body)
                    try StandardOutput.write(self.json ? queue.line() : queue.card)
                }
            }
        }
    }
}
