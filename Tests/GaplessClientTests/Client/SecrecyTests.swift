import GaplessClient
import GaplessCore
import Logging
import Synchronization
import Testing

/// What a client never says.
@Suite struct SecrecyTests {
    /// Keeps every line of a log, with all its metadata, at every level.
    private struct Recorder: LogHandler {
        let lines: Mailbag<String>
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            self.lines.put("\(event.level) \(event.message) \(event.metadata ?? [:]) \(self.metadata)")
        }
    }

    @Test("[R14-1] no token, header or payload is logged at any level, whatever goes wrong")
    func nothingSecretIsLogged() async throws {
        let lines = Mailbag<String>()
        let logger = Logger(label: "test") { _ in Recorder(lines: lines) }
        let folder = try TemporaryFolder()
        let server = try await FakeServer.start()
        let count = Mutex(0)
        var configuration = ClientConfiguration.test(server)
        configuration.token = .provider {
            struct Failure: Error { let answer = "hush-provider" }
            guard
                count.withLock({
                    $0 += 1; return $0
                }) != 2
            else { throw Failure() }
            return "hush-token"
        }
        configuration.authorization = "Bearer hush-header"
        configuration.state = .file(folder.file("state"))
        let client = try GaplessClient(configuration, logger: logger)
        let running = Task { try await client.run { _ in } }

        let (first, hello) = try await server.greeted()
        #expect(hello.token == "hush-token")
        first.send(try .welcome(head: 1, token: "hush-given"), .authenticate(within: .seconds(9)))
        first.send(raw: "MSG 1 1 hush-payload")
        try await client.enqueue(Payload(text: "hush-uplink"))
        first.send(raw: "MSG 2 x hush-malformed")
        let (second, _) = try await server.greeted()
        second.send(try .welcome(generation: 2, after: 1))
        second.send(raw: "WELCOME {\"token\":\"hush-malformed\"}")
        let (third, _) = try await server.greeted()
        third.refuse(.forbidden)
        await #expect(throws: ClientError.self) { try await running.value }

        var log = ""
        while !lines.isEmpty { log += try await lines.next("a line") + "\n" }
        #expect(log.contains("Server broke the protocol") && log.contains("Provider of tokens failed"))
        #expect(!log.contains("hush"), "\(log)")
        try await server.stop()
    }

    @Test("A state of the client, told to the application or printed, holds no secret")
    func statesHoldNoSecret() async throws {
        let server = try await FakeServer.start()
        var configuration = ClientConfiguration.test(server)
        configuration.token = .fixed("hush-token")
        try await withClient(configuration) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(token: "hush-given"))
            let attachment = try await client.online()
            #expect(!"\(attachment)".contains("hush"))
        }
        try await server.stop()
    }
}
