import ArgumentParser

/// `gapless queue`: look at queues, remove them, send their clients away.
struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Look at queues, remove one, send a client away.",
        discussion: """
              gapless queue list --admin http://127.0.0.1:8401
              gapless queue show --admin http://127.0.0.1:8401 alice/phone
              gapless queue remove --admin http://127.0.0.1:8401 alice/phone
              gapless queue disconnect --admin http://127.0.0.1:8401 alice/phone --for 15m
            """,
        subcommands: [List.self, Show.self, Remove.self, Disconnect.self]
    )

    /// Refuses an argument that names nobody.
    static func validate(_ client: String) throws {
        guard !client.isEmpty else { throw ValidationError("say which client, such as alice/phone") }
    }
}
