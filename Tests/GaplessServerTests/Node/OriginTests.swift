import GaplessTesting
import Testing

@testable import GaplessServer

/// Which web pages may open a connection.
@Suite(.serialized, .timeLimit(.minutes(10))) struct OriginTests {
    private func status(_ server: TestServer, origin: String?, host: String? = nil) async throws -> Int {
        var fields = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "gapless.v1",
        ]
        fields["Origin"] = origin
        if let host { fields["Host"] = host }
        return try await RawHTTP.head("GET", "/gapless", port: server.addresses.listen.port, headers: fields).status
    }

    private func run(
        _ rule: OriginRule,
        _ authentication: Authentication = .anonymous,
        _ test: @Sendable (TestServer) async throws -> Void
    ) async throws {
        var configuration = TestServer.configuration
        configuration.origins = rule
        try await TestServer.run(authenticator: authentication, configuration: configuration, test)
    }

    @Test func aPageOfTheSameHostMayConnect() async throws {
        // [R14-2]
        try await self.run(.sameHost) { server in
            let cases: [(String?, String?, Int)] = [
                (nil, nil, 101), ("https://a.example.com", "a.example.com", 101), ("https://A.example.com", "a.EXAMPLE.com", 101),
                ("https://a.example.com:8443", "a.example.com:8443", 101), ("https://a.example.com", "b.example.com", 403),
                ("https://a.example.com:8443", "a.example.com", 403), ("null", "a.example.com", 403), ("", "a.example.com", 403),
                ("https://a.example.com.evil.example", "a.example.com", 403), ("https://evil.example/a.example.com", "a.example.com", 403),
                ("https://a.example.com@evil.example", "a.example.com", 403),
            ]
            for (origin, host, expected) in cases {
                let status = try await self.status(server, origin: origin, host: host)
                #expect(status == expected, "\(origin ?? "-") \(host ?? "-")")
            }
        }
    }

    @Test func pagesThatAreNamedMayConnect() async throws {
        try await self.run(.allowing(["https://app.example.com", "https://old.example.com:8443"])) { server in
            let cases = [
                ("https://app.example.com", 101), ("https://old.example.com:8443", 101), ("http://app.example.com", 403),
                ("https://app.example.com:8443", 403), ("https://old.example.com", 403), ("https://x.app.example.com", 403), ("null", 403),
                ("http://a.example.com", 101),
            ]
            for (origin, expected) in cases {
                let status = try await self.status(server, origin: origin, host: "a.example.com")
                #expect(status == expected, "\(origin)")
            }
        }
    }

    @Test func everyPageMayConnectWhereThatIsWanted() async throws {
        try await self.run(.any) { server in
            for origin in ["https://evil.example.com", "null"] {
                let status = try await self.status(server, origin: origin, host: "a.example.com")
                #expect(status == 101, "\(origin)")
            }
        }
    }

    @Test func withoutAuthenticationNoRuleLetsAForeignNameIn() async throws {
        // [R14-3]: a page under a name of its own that leads to this machine.
        try await self.run(.any, .none) { server in
            let foreign = try await self.status(server, origin: "http://evil.example.com", host: "evil.example.com")
            #expect(foreign == 403)
            let program = try await self.status(server, origin: nil, host: "evil.example.com")
            #expect(program == 101)
        }
    }

    @Test(arguments: [
        ("localhost", true), ("LOCALHOST:80", true), ("127.0.0.1", true), ("127.9.9.9:1", true), ("[::1]", true), ("[::1]:8400", true),
        ("", false), ("localhost.evil.example", false), ("127.0.0.1.evil.example", false), ("[::2]:1", false), ("[::1", false),
        ("0.0.0.0", false), ("192.0.2.1", false), ("[", false), (":80", false),
    ])
    func loopbackHasItsNames(_ host: String, _ isLoopback: Bool) {
        #expect(HostHeader.isLoopback(host) == isLoopback)
    }

    @Test(arguments: [("A.Example.com:80", "a.example.com"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("a", "a"), ("", "")])
    func aHostIsANameAndPerhapsAPort(_ host: String, _ name: String) {
        #expect(HostHeader.name(in: host) == name)
    }
}
