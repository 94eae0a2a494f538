import GaplessServer
import GaplessTesting
import GaplessWebSocket
import NIOHTTP1
import Testing

/// What a connection is refused before it says anything, and what the public port answers besides.
@Suite(.serialized, .timeLimit(.minutes(10))) struct HandshakeTests {
    private func status(_ server: TestServer, path: String = "/gapless", _ headers: [String: String?] = [:]) async throws -> Int {
        try await self.answer(server, path: path, headers).status
    }

    private func answer(
        _ server: TestServer,
        path: String = "/gapless",
        _ headers: [String: String?] = [:]
    ) async throws -> RawHTTP.Answer {
        var fields: [String: String?] = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "gapless.v1",
        ]
        fields.merge(headers) { $1 }
        let port = server.addresses.listen.port
        return try await RawHTTP.head("GET", path, port: port, headers: fields.compactMapValues { $0 })
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

    @Test("[R3.1-3] [R3.1-5] gapless.v1 is selected wherever it stands in the offer, and no extension is")
    func whatIsSelected() async throws {
        try await TestServer.run { server in
            for offer in ["gapless.v1", "gapless.v1, chat", "chat, gapless.v2,gapless.v1"] {
                let answer = try await self.answer(
                    server,
                    ["Sec-WebSocket-Protocol": offer, "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits, x-webkit"]
                )
                #expect(answer.status == 101 && answer.headers["sec-websocket-protocol"] == "gapless.v1", "\(offer)")
                #expect(answer.headers["sec-websocket-extensions"] == nil, "\(offer)")
            }
        }
    }

    @Test("[R3.1-7] a token in the URL is no proof")
    func tokenInTheURL() async throws {
        let file = try TemporaryFile(#"{"tokens":[{"token":"good-token-of-alice","user":"alice"}]}"#)
        try await TestServer.run(authenticator: .tokens(file: file.path)) { server in
            let client = try await RawClient.connect(server.url + "?token=good-token-of-alice&access_token=good-token-of-alice")
            client.send(Greeting().text)
            try await client.expectEnd(4302)
            let proved = try await RawClient.connect(server.url)
            proved.send(Greeting(token: "good-token-of-alice").text)
            try await proved.expect("WELCOME ")
        }
    }

    @Test("[R14-2] [R9.1-6] a foreign page is refused under every way of authentication, with a good cookie too")
    func foreignPages() async throws {
        let alice = try #require(UserID("alice"))
        let file = try TemporaryFile(#"{"tokens":[{"token":"good-token-of-alice","user":"alice"}]}"#)
        let ways: [Authentication] = try [
            .anonymous, .tokens(file: file.path),
            .custom { credentials in
                guard credentials.cookie(named: "session") == "s3cret" else { throw AuthenticationError(.refused, "No session.") }
                return Identity(user: alice)
            },
        ]
        for way in ways {
            try await TestServer.run(authenticator: way) { server in
                let headers = ["Cookie": "session=s3cret", "Authorization": "Bearer good-token-of-alice"]
                for origin in ["https://evil.example.com", "null", "http://127.0.0.1"] {
                    let status = try await self.status(server, headers.merging(["Origin": origin]) { $1 })
                    #expect(status == 403, "\(origin)")
                }
                let own = "http://127.0.0.1:\(server.addresses.listen.port)"
                let status = try await self.status(server, headers.merging(["Origin": own]) { $1 })
                #expect(status == 101)
            }
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
