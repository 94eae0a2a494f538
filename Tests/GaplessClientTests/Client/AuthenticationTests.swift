import GaplessClient
import GaplessCore
import NIOHTTP1
import Synchronization
import Testing

/// Tokens: where they come from, where they go, and what happens when they are not taken.
@Suite struct AuthenticationTests {
    @Test("[R3.1-6] [R9.1-1] the token is in every HELLO and never in the request")
    func tokenIsInHello() async throws {
        let server = try await FakeServer.start()
        var configuration = ClientConfiguration.test(server)
        configuration.token = .fixed("secret-1")
        try await withClient(configuration) { _ in
            for generation in UInt64(1)...2 {
                let (connection, hello) = try await server.greeted()
                #expect(hello.token == "secret-1")
                let request = try await server.request()
                #expect(!"\(request)".contains("secret-1"))
                connection.send(try .welcome(generation: generation))
                connection.cut()
            }
        }
        try await server.stop()
    }

    @Test("An Authorization field is sent when the application wants it")
    func authorizationIsSent() async throws {
        let server = try await FakeServer.start()
        var configuration = ClientConfiguration.test(server)
        configuration.authorization = "Basic YTpi"
        try await withClient(configuration) { _ in
            let request = try await server.request()
            #expect(request.headers["Authorization"] == ["Basic YTpi"])
        }
        try await server.stop()
    }

    @Test("[R9.3-2] [R9.3-6] the provider is asked before the first HELLO, and again when the server asks")
    func providerIsAsked() async throws {
        let server = try await FakeServer.start()
        let count = Mutex(0)
        var configuration = ClientConfiguration.test(server)
        configuration.token = .provider { "token-\(count.withLock { $0 += 1; return $0 })" }
        try await withClient(configuration) { client in
            let (connection, hello) = try await server.greeted()
            #expect(hello.token == "token-1")
            connection.send(try .welcome(head: 1), .authenticate(within: .seconds(25)), .message(1))
            #expect(try await client.text() == "message 1")
            while true {
                let frame = try await connection.next()
                if case .acknowledge = frame { continue }
                #expect(frame == .authenticate(token: "token-2"))
                break
            }
            connection.send(.authenticated)
            connection.cut()
            let (_, again) = try await server.greeted()
            #expect(again.token == "token-2")
        }
        try await server.stop()
    }

    @Test(
        "A token that is no longer taken is replaced by a new one",
        arguments: [CloseCode.tokenExpired, .authenticateAgain, .tokenRefused]
    )
    func refusedTokenIsReplaced(code: CloseCode) async throws {
        let server = try await FakeServer.start()
        let count = Mutex(0)
        var configuration = ClientConfiguration.test(server)
        configuration.token = .provider { "token-\(count.withLock { $0 += 1; return $0 })" }
        try await withClient(configuration) { _ in
            let (first, _) = try await server.greeted()
            first.refuse(code)
            let (_, hello) = try await server.greeted()
            #expect(hello.token == "token-2")
        }
        try await server.stop()
    }

    @Test("A fixed token that is refused stops the client: it has no other")
    func refusedFixedTokenStops() async throws {
        let server = try await FakeServer.start()
        var configuration = ClientConfiguration.test(server)
        configuration.token = .fixed("stale")
        let error = try await withClient(configuration) { client in
            let (connection, _) = try await server.greeted()
            connection.refuse(.tokenRefused)
            #expect(try await client.stopped() == .tokenRefused)
        }
        let clientError = try #require(error as? ClientError)
        #expect(clientError.code == .refused)
        #expect(clientError.closeCode == .tokenRefused)
        #expect(!clientError.description.contains("stale"))
        try await server.stop()
    }

    @Test("A provider that fails is asked again; meanwhile nothing is connected")
    func failingProviderIsAskedAgain() async throws {
        struct Unreachable: Error {}
        let server = try await FakeServer.start()
        let count = Mutex(0)
        var configuration = ClientConfiguration.test(server)
        configuration.token = .provider {
            guard
                count.withLock({
                    $0 += 1; return $0
                }) > 1
            else { throw Unreachable() }
            return "late"
        }
        try await withClient(configuration) { client in
            #expect(try await client.offline().cause == .awaitingToken)
            let (_, hello) = try await server.greeted()
            #expect(hello.token == "late")
        }
        try await server.stop()
    }

    @Test("A provider that has no token stops the client")
    func providerWithoutTokenStops() async throws {
        let server = try await FakeServer.start()
        var configuration = ClientConfiguration.test(server)
        configuration.token = .provider { throw NoTokenError() }
        let error = try await withClient(configuration) { client in try await client.stopped() }
        #expect((error as? ClientError)?.code == .refused)
        #expect(!server.hasUnexpectedConnection)
        try await server.stop()
    }

    @Test("[R9.2-2] [R9.2-4] a client that the server names keeps name and token, until it is told to forget them")
    func namedClient() async throws {
        let server = try await FakeServer.start()
        var configuration = ClientConfiguration.test(server)
        configuration.client = nil
        try await withClient(configuration) { client in
            let (first, hello) = try await server.greeted()
            #expect(hello.client == nil)
            #expect(hello.token == nil)
            first.send(try .welcome(client: "n4Xw8bQzLt", resume: .new, token: "t1"))
            #expect(try await client.online().client.description == "n4Xw8bQzLt")
            first.cut()
            let (second, named) = try await server.greeted()
            #expect(named.client?.description == "n4Xw8bQzLt")
            #expect(named.token == "t1")
            second.refuse(.unknownClient, forget: true)
            #expect(try await client.uplinkMayRepeat().isEmpty)
            #expect(try await client.reset() == .unknown)
            let (_, anew) = try await server.greeted()
            #expect(anew.client == nil)
            #expect(anew.token == nil)
            #expect(anew.position == nil)
            #expect(anew.outbox != hello.outbox)
        }
        try await server.stop()
    }
}
