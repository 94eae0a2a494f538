import ArgumentParser
import Foundation
import NIOCore
import NIOHTTP1

/// `gapless queue`: look at queues and remove them.
struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Look at the queues of clients, or remove one.",
        discussion: """
              gapless queue list --admin http://127.0.0.1:8401
              gapless queue show --admin http://127.0.0.1:8401 alice/phone
              gapless queue remove --admin http://127.0.0.1:8401 alice/phone
            """,
        subcommands: [List.self, Show.self, Remove.self]
    )

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
                        guard answer.status == .ok else { throw ProgramError(.wrongInput, answer.complaint) }
                        let page = try QueueDescription.Page.decode(answer.body)
                        queues += page.clients
                        guard let next = page.next, !page.clients.isEmpty else { break }
                        after = next
                    }
                    if self.json {
                        for queue in queues { StandardOutput.write(try queue.line()) }
                    } else {
                        StandardOutput.write(QueueDescription.table(queues))
                    }
                }
            }
        }
    }

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
                    let answer = try await client.ask(.GET, "/v1/clients/\(QueueCommand.segment(self.client))")
                    guard answer.status == .ok else { throw ProgramError(.wrongInput, answer.complaint) }
                    let queue = try QueueDescription.decode(answer.body)
                    StandardOutput.write(self.json ? try queue.line() : queue.card)
                }
            }
        }
    }

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

        func validate() throws { try QueueCommand.validate(self.client) }

        func run() async throws {
            try await self.reportingFailure {
                try await AdminClient.with(self.admin) { client in
                    let answer = try await client.ask(.DELETE, "/v1/clients/\(QueueCommand.segment(self.client))")
                    guard (200..<300).contains(answer.status.code) else { throw ProgramError(.wrongInput, answer.complaint) }
                    StandardError.write("removed \(self.client)")
                }
            }
        }
    }

    private static func validate(_ client: String) throws {
        guard !client.isEmpty else { throw ValidationError("say which client, such as alice/phone") }
    }

    /// The client as one segment of a path: everything but unreserved characters is escaped, the slash too.
    static func segment(_ client: String) -> String {
        let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return client.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }
}
