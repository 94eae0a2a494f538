import ArgumentParser

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

    /// Refuses an argument that names nobody.
    static func validate(_ client: String) throws {
        guard !client.isEmpty else { throw ValidationError("say which client, such as alice/phone") }
    }
}
