import ArgumentParser
import Foundation
import NIOCore
import NIOHTTP1

extension QueueCommand {
    /// `gapless queue list`
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List queues in order of their address.",
            discussion: """
                  gapless queue list --admin http://127.0.0.1:8401
                  gapless queue list --admin http://127.0.0.1:8401 --user alice --json

                WAITING and BYTES tell what is kept, ACKED the highest number that the client has handled, HEAD the newest, and NODE where the \
                client is attached.
                """
        )

        @OptionGroup var admin: AdminOptions

        @Option(name: .long, help: ArgumentHelp("Only the clients of this user.", valueName: "user"))
        var user: String?

        @Option(name: .long, help: ArgumentHelp("The most queues to list.", valueName: "count"))
        var limit: Int = 1_000

        @Flag(name: .long, help: "One JSON object a line, for programs.")
        var json = false

        func validate() throws {
            guard self.limit >= 1 else { throw ValidationError("--limit is at least 1") }
        }

        func run() async throws {
            try await self.reportingFailure {
                try await AdminClient.with(self.admin) { client in
                    var queues: [QueueDescription] = []
                    var after: String?
                    while queues.count < self.limit {
                        var query = [URLQueryItem(name: "limit", value: String(min(1_000, self.limit - queues.count)))]
                        if let user = self.user { query.append(URLQueryItem(name: "user", value: user)) }
                        if let after { query.append(URLQueryItem(name: "after", value: after)) }
                        let answer = try await client.ask(.GET, "/v1/clients", query: query)
                        try answer.requireSuccess()
                        let page = try QueueDescription.Page.decode(answer.body)
                        queues += page.clients
                        guard let next = page.next, !page.clients.isEmpty else { break }
                        after = next
                    }
                    if self.json {
                        for queue in queues { try StandardOutput.write(queue.line()) }
                    } else {
                        try StandardOutput.write(QueueDescription.table(queues).text(.standardOutput))
                    }
                }
            }
        }
    }
}
