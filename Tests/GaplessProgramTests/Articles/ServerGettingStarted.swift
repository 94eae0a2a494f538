// snippet: a server
import GaplessServer
import Logging
import ServiceLifecycle
import UnixSignals

func runServer() async throws {
    let server = try GaplessServer(store: .sqlite(path: "gapless.db"), authenticator: .none)
    server.onMessage { message, session in
        session.send("You said: \(message.text ?? "something in bytes")")
    }
    let logger = Logger(label: "example")
    try await ServiceGroup(services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger).run()
}
// snippet end

/// The other examples of the article.
struct ServerGettingStarted {
    struct UnknownClient: Error {
        let name: String
    }

    // snippet: sending
    func announce(_ server: GaplessServer) async throws {
        let receipt = try await server.send("Good morning", to: "alice/phone")
        print("alice's phone gets it as number \(receipt.sequence?.description ?? "?")")
        try await server.send("To all of Alice's clients", to: .user("alice"))
        try await server.send("Only worth half a minute", to: "alice/phone", timeToLive: .seconds(30))
        try await server.send("Paid", to: "alice/phone", id: "order-17-paid")
    }
    // snippet end

    // snippet: an address from elsewhere
    func notify(_ name: String, of text: String, with server: GaplessServer) async throws {
        guard let client = ClientID(name) else { throw UnknownClient(name: name) }
        try await server.send(text, to: .client(client))
    }
    // snippet end

    // snippet: settings
    func makeServer() throws -> GaplessServer {
        var configuration = ServerConfiguration()
        configuration.listen = ListenAddress(host: "0.0.0.0", port: 8_400)
        configuration.tls = TLSFiles(certificate: "chain.pem", privateKey: "key.pem")
        configuration.retention.maxMessages = 5_000
        configuration.retention.maxAge = .seconds(6 * 3_600)
        return try GaplessServer(
            store: .sqlite(path: "/var/lib/chat/gapless.db"),
            authenticator: .jwt(file: "keys.json"),
            configuration: configuration
        )
    }
    // snippet end
}
