import ArgumentParser

/// The one program: node, client and tools for operators.
@main
struct Gapless: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gapless",
        abstract: "WebSocket messages that survive deploys, crashes and bad Wi-Fi.",
        discussion: """
            Start a node, connect a client, and send it a line from a third terminal:

              gapless serve --store sqlite:gapless.db
              gapless connect ws://127.0.0.1:8400/gapless --client alice/phone
              gapless send --admin http://127.0.0.1:8401 --to alice/phone "Good day"

            Exit codes:
              0   done
              1   something that is not in this list went wrong
              64  the command line is wrong
              65  the input is wrong: a message, an address, a damaged store
              69  no node answers
              73  a store's file cannot be made or used
              74  a file, or standard input or output, cannot be read or written
              75  not now: try again later
              77  not allowed
              78  a setting is wrong
              124 it took longer than --timeout

            Completion of commands and options for a shell (bash, zsh or fish):
              gapless --generate-completion-script bash
            """,
        version: "1.0.0",
        subcommands: [
            ServeCommand.self, ConnectCommand.self, SendCommand.self, QueueCommand.self, NodeCommand.self, TopCommand.self,
            StoreCommand.self,
            ConformanceCommand.self, ConformanceClientCommand.self, CrowdCommand.self, WebSocketEchoCommand.self,
        ]
    )
}
