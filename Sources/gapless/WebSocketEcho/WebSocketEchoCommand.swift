import ArgumentParser
import GaplessServer
import GaplessWebSocket
import NIOCore
import NIOPosix

/// `gapless websocket-echo`: the WebSocket code of node and client with nothing above it, so that public conformance suites can be pointed
/// at both. Hidden from the list of commands.
struct WebSocketEchoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "websocket-echo",
        abstract: "Send back every WebSocket message, as a server or as a client, for tests of RFC 6455.",
        discussion: """
              gapless websocket-echo --listen 127.0.0.1:0
              gapless websocket-echo --connect "ws://127.0.0.1:9001/runCase?case=1&agent=gapless"

            Messages may have up to 16 MiB and 66000 fragments; no subprotocol is spoken. The server answers on the path "/" \
            until SIGTERM or SIGINT, and prints {"event":"ready","listen":..} when it does. The client ends with 0 when the peer has closed \
            the connection, and prints {"event":"closed","code":..}.
            """,
        shouldDisplay: false
    )

    @Option(help: ArgumentHelp("Serve on this address.", valueName: "host:port"))
    var listen: String?

    @Option(help: ArgumentHelp("Connect to this URL.", valueName: "url"))
    var connect: String?

    func validate() throws {
        guard (self.listen == nil) != (self.connect == nil) else { throw ValidationError("say either --listen or --connect") }
        if let listen { guard ListenAddress(listen) != nil else { throw ValidationError("--listen is HOST:PORT") } }
    }

    func run() async throws {
        try await self.reportingFailure {
            if let address = self.listen.flatMap({ ListenAddress($0) }) {
                try await EchoServer.run(on: address)
            } else if let url = self.connect {
                try await EchoClient.run(url)
            }
        }
    }
}

extension WebSocketConnectionConfiguration {
    /// What the longest cases of public suites need.
    static var echo: WebSocketConnectionConfiguration {
        var configuration = WebSocketConnectionConfiguration()
        configuration.maxMessageBytes = 16_777_216
        configuration.maxFragments = 66_000
        return configuration
    }
}
