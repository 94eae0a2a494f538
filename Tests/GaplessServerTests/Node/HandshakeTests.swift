import GaplessServer
import GaplessTesting
import GaplessWebSocket
import NIOHTTP1
import Testing

/// What a connection is refused before it says anything, and what the public port answers besides.
@Suite(.serialized, .timeLimit(.minutes(10))) struct HandshakeTests {
    private func status(_ server: TestServer, path: String = "/gapless", _ headers: [String: String?] = [:]) async throws -> Int {
        var fields: [String: String?] = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "gapless.v1",
        ]
        fields.merge(headers) { $1 }
        let port = server.addresses.listen.port
        return try await RawHTTP.head("GET", path, port: port, headers: fields.compactMapValues { $0 }).status
    }

    @Test func aHandshakeIsJudgedBeforeTheUpgrade() async throws {
        try await TestServer.run { server in
            let own = "http://127.0.0.1:\(server.addresses.listen.port)"
            let cases: [([String: String?], Int)] = [
                ([:], 101),
                (["Sec-WebSocket-Protocol": nil], 400),  // [R3.1-2]
                (["Sec-WebSocket-Protocol": "gapless.v0"], 400),
                (["Sec-WebSocket-Protocol": "gapless.v2, gapless.v1"], 101),  // [R3.1-3]
                (["Sec-WebSocket-Extensions": "permessage-deflate"], 101),  // [R3.1-5]
                (["Sec-WebSocket-Version": "8"], 426),
                (["Origin": own], 101),
                (["Origin": "https://evil.example.com"], 403),  // [R14-2]
                (["Origin": "null"], 403),
                // A page whose own name leads to this machine.
                (["Host": "evil.example.com", "Origin": "http://evil.example.com"], 403),
                (["X-Forwarded-For": "192.0.2.1"], 403),  // [R14-3]
                (["Forwarded": "for=192.0.2.1"], 403),
            ]
            for (headers, expected) in cases {
                let status = try await self.status(server, headers)
                #expect(status == expected, "\(headers)")
            }
            let elsewhere = try await self.status(server, path: "/other")
            #expect(elsewhere == 404)
            let withQuery = try await self.status(server, path: "/gapless?token=x")  // [R3.1-7]
            #expect(withQuery == 101)
        }
    }

    @Test func otherOriginsCanBeAllowed() async throws {
        var configuration = TestServer.configuration
        configuration.origins = .allowing(["https://app.example.com"])
        try await TestServer.run(authenticator: .anonymous, configuration: configuration) { server in
            let allowed = try await self.status(server, ["Origin": "https://app.example.com"])
            #expect(allowed == 101)
            let refused = try await self.status(server, ["Origin": "https://app.example.com:8443"])
            #expect(refused == 403)
            // The server names everybody: it may stand behind a proxy.
            let forwarded = try await self.status(server, ["X-Forwarded-For": "192.0.2.1"])
            #expect(forwarded == 101)
        }
    }

    @Test func healthIsToldOnThePublicPort() async throws {
        try await TestServer.run { server in
            let port = server.addresses.listen.port
            let live = try await RawHTTP.call("GET", "/live", port: port)
            #expect(live.status == 200)
            let ready = try await RawHTTP.call("GET", "/ready?verbose", port: port)
            #expect(ready.status == 200)
            let other = try await RawHTTP.call("GET", "/v1/clients", port: port)
            #expect(other.status == 404)
            let post = try await RawHTTP.call("POST", "/live", port: port)
            #expect(post.status == 405)
        }
    }
}
