import ArgumentParser
import NIOCore
import NIOHTTP1

extension QueueCommand {
    /// `gapless queue remove`
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a queue with all its messages, and close its connection with 4452.",
            discussion: """
                  gapless queue remove --admin http://127.0.0.1:8401 alice/phone

                The client stops and tells its application. When it comes back, it gets a new queue and a reset. Ends with 65 when there is no \
                such client.
                """
        )

        @OptionGroup var admin: AdminOptions

        @Argument(help: ArgumentHelp("The client, such as alice/phone.", valueName: "client"))
        var client: String

        @Flag(name: .long, help: "The removal as a JSON object on standard output, for programs.")
        var json = false

        func validate() throws { try QueueCommand.validate(self.client) }

        func run() async throws {
            try await self.reportingFailure {
                try await AdminClient.with(self.admin) { client in
                    let answer = try await client.ask(.DELETE, "/v1/clients/\(AdminClient.segment(self.client))")
                    // Where one that was asked before may have removed it, nobody there is what was wanted.
                    if !(answer.isInDoubt && answer.isMissing("noSuchClient")) { try answer.requireSuccess() }
                    if self.json {
                        try StandardOutput.write(JSONLine.text(["removed": self.client]))
                    } else {
                        StandardError.write("removed \(self.client)")
                    }
                }
            }
        }
    }
}
