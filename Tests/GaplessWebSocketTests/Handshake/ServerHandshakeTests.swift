import NIOHTTP1
import Testing

@testable import GaplessWebSocket

@Suite struct ServerHandshakeTests {
    /// The request of RFC 6455 §1.2, for our subprotocol, with changes: nil removes a field.
    private func request(
        _ changes: [(String, String?)] = [],
        method: HTTPMethod = .GET,
        uri: String = "/gapless",
        version: HTTPVersion = .http1_1
    ) -> HTTPRequestHead {
        var headers: HTTPHeaders = [
            "Host": "server.example.com", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Protocol": "gapless.v1", "Sec-WebSocket-Version": "13",
        ]
        for (name, value) in changes {
            headers.remove(name: name)
            if let value { headers.add(name: name, value: value) }
        }
        return HTTPRequestHead(version: version, method: method, uri: uri, headers: headers)
    }

    private func status(_ request: HTTPRequestHead, _ handshake: ServerHandshake = ServerHandshake()) -> Int {
        switch handshake.judge(request) {
        case .accept: 101
        case .refuse(let answer): Int(answer.status.code)
        }
    }

    @Test("[R3.1-3] the example of the standard is accepted, and the subprotocol selected")
    func theExampleOfTheStandardIsAccepted() {
        let expected: HTTPHeaders = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            "Sec-WebSocket-Protocol": "gapless.v1",
        ]
        #expect(ServerHandshake().judge(self.request()) == .accept(expected))
    }

    @Test(
        "[R3.1-5] requests that are right are accepted, and extensions declined",
        arguments: [
            [("Upgrade", "WebSocket"), ("Connection", "keep-alive, UPGRADE")],
            [("Upgrade", "h2c , websocket")],
            [("Sec-WebSocket-Protocol", "chat, gapless.v1"), ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")],
            [("Origin", "https://server.example.com")],
            [("Content-Length", "0")],
            [("Cookie", "a=b"), ("Authorization", "Bearer x")],
        ]
    )
    func formsThatAreRight(_ changes: [(String, String)]) {
        guard case .accept(let headers) = ServerHandshake().judge(self.request(changes.map { ($0.0, $0.1) })) else {
            Issue.record("refused")
            return
        }
        // Declined by silence. [R3.1-3] [R3.1-5]
        #expect(!headers.contains(name: "Sec-WebSocket-Extensions"))
        #expect(headers["Sec-WebSocket-Protocol"] == ["gapless.v1"])
    }

    @Test func listsMayStandInSeveralFields() {
        var request = self.request([("Sec-WebSocket-Protocol", "chat"), ("Connection", "keep-alive")])
        request.headers.add(name: "sec-websocket-protocol", value: "superchat, gapless.v1")
        request.headers.add(name: "connection", value: "Upgrade")
        #expect(self.status(request) == 101)
    }

    @Test("[R3.1-7] the query is ignored")
    func theQueryIsIgnored() {
        #expect(self.status(self.request(uri: "/gapless?token=secret")) == 101)
    }

    @Test(
        "[R3.1-2] a request that is no handshake, or does not offer the subprotocol, gets 400",
        arguments: [
            ("Upgrade", nil), ("Upgrade", "h2c"), ("Upgrade", "websocketx"), ("Connection", nil), ("Connection", "keep-alive"),
            ("Host", nil),
            ("Host", ""),
            ("Sec-WebSocket-Key", nil), ("Sec-WebSocket-Key", ""), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"),
            ("Sec-WebSocket-Key", "c2hvcnQ="),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSE="), ("Sec-WebSocket-Key", "!!!!IHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Protocol", nil), ("Sec-WebSocket-Protocol", "chat"), ("Sec-WebSocket-Protocol", "GAPLESS.V1"),
            ("Sec-WebSocket-Protocol", "gapless.v10"), ("Content-Length", "5"), ("Transfer-Encoding", "chunked"),
        ]
    )
    func badRequests(_ name: String, _ value: String?) {
        #expect(self.status(self.request([(name, value)])) == 400)
    }

    @Test(arguments: [nil, "12", "8", "013", "13, 8", ""] as [String?])
    func anotherVersionIsToldWhichIsSpoken(_ version: String?) {
        guard case .refuse(let answer) = ServerHandshake().judge(self.request([("Sec-WebSocket-Version", version)])) else {
            Issue.record("accepted")
            return
        }
        #expect(answer.status == .upgradeRequired)
        #expect(answer.headers["Sec-WebSocket-Version"] == ["13"])
    }

    @Test(arguments: ["Host", "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Authorization"])
    func whatMayOccurOnceOccursOnce(_ name: String) {
        var request = self.request([("Origin", "http://server.example.com"), ("Authorization", "Bearer x")])
        request.headers.add(name: name.lowercased(), value: request.headers.first(name: name) ?? "")
        #expect(self.status(request) == 400)
    }

    @Test func otherMethodsVersionsAndPaths() {
        #expect(self.status(self.request(method: .POST)) == 405)
        #expect(self.status(self.request(method: .HEAD)) == 405)
        #expect(self.status(self.request(version: .http1_0)) == 400)
        #expect(self.status(self.request(uri: "/")) == 404)
        #expect(self.status(self.request(uri: "/gapless/")) == 404)
        #expect(self.status(self.request(uri: "/GAPLESS")) == 404)
        #expect(self.status(self.request(uri: "http://server.example.com/gapless")) == 404)
    }

    @Test("[R14-2] foreign pages get 403, whoever would authenticate them")
    func foreignPagesAreForbidden() {
        #expect(self.status(self.request([("Origin", "https://evil.example.com")])) == 403)
        #expect(self.status(self.request([("Origin", "null")])) == 403)
        #expect(self.status(self.request([("Origin", "https://evil.example.com")]), ServerHandshake(origins: .any)) == 101)
        let listed = ServerHandshake(origins: .sameHostOr(["https://app.example.com"]))
        #expect(self.status(self.request([("Origin", "https://app.example.com")]), listed) == 101)
    }

    @Test func foreignHostsAreForbiddenWhereAListSaysSo() {
        let local = ServerHandshake(hosts: ["localhost:8080", "127.0.0.1:8080"])
        #expect(self.status(self.request([("Host", "LOCALHOST:8080")]), local) == 101)
        // DNS rebinding: the page and the host agree, but the name is not ours.
        #expect(self.status(self.request([("Host", "evil.com:8080"), ("Origin", "http://evil.com:8080")]), local) == 403)
    }

    @Test func withoutASubprotocolNoneIsSelected() {
        guard case .accept(let headers) = ServerHandshake(subprotocol: nil).judge(self.request([("Sec-WebSocket-Protocol", nil)])) else {
            Issue.record("refused")
            return
        }
        #expect(!headers.contains(name: "Sec-WebSocket-Protocol"))
    }
}

@Suite struct HandshakeKeyTests {
    @Test func aNewKeyIsOneThatIsAccepted() throws {
        var random = SeededGenerator(seed: 3)
        let key = HandshakeKey(using: &random)
        #expect(HandshakeKey(key.rawValue) == key)
        #expect(HandshakeKey(using: &random) != key)
    }
}
