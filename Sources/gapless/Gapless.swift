import ArgumentParser

/// The one program: node, client and tools for operators.
@main
struct Gapless: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gapless",
        abstract: "WebSocket messages that survive deploys, crashes and bad Wi-Fi.",
        discussion: """
            Start a node, connect a client, send it a line:

              gapless serve --listen 127.0.0.1:8080 --admin 127.0.0.1:8081 --store sqlite:gapless.db --name a
              gapless connect ws://127.0.0.1:8080/gapless --client alice/phone --state alice.state
              gapless send --admin http://127.0.0.1:8081 --to alice/phone "Good morning"

            Exit codes: 0 done, 1 something else went wrong, 64 wrong usage, 65 wrong input, 69 no node answers,
            73 a file cannot be made, 74 a file cannot be read or written, 75 try again later, 77 not allowed, 78 wrong configuration.
            """,
        version: "1.0.0",
        subcommands: [
            ServeCommand.self, ConnectCommand.self, SendCommand.self, QueueCommand.self, StoreCommand.self, CrowdCommand.self,
        ]
    )
}
