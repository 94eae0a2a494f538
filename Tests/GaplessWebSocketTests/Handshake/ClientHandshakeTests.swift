import NIOHTTP1
import Testing

@testable import GaplessWebSocket

@Suite struct ClientHandshakeTests {
    private let endpoint = WebSocketEndpoint(host: "server.example.com", port: 80, isTLS: false, path: "/gapless")

    private func handshake(_ headers: HTTPHeaders = [:], subprotocol: String? = "gapless.v1") throws -> ClientHandshake {
        var random = SeededGenerator(seed: 1)
        return try ClientHandshake(endpoint: self.endpoint, subprotocol: subprotocol, headers: headers, using: &random)
    }

    private func code(_ error: (any Error)?) -> WebSocketConnectError.Code? { (error as? WebSocketConnectError)?.code }

    /// The right answer with changes: nil removes a field.
    private func check(_ changes: [(String, String?)], status: HTTPResponseStatus = .switchingProtocols) throws {
        let handshake = try self.handshake()
        guard case .accept(var headers) = ServerHandshake().judge(handshake.request) else {
            Issue.record("our own server refuses our own client")
            return
        }
        for (name, value) in changes {
            headers.remove(name: name)
            if let value { headers.add(name: name, value: value) }
        }
        try handshake.check(HTTPResponseHead(version: .http1_1, status: status, headers: headers), now: HTTPDate(secondsSince1970: 0))
    }

    // [R3.1-1]
    @Test func theRequestIsOneThatTheServerAccepts() throws {
        let handshake = try self.handshake(["Authorization": "Bearer abc"])
        #expect(handshake.request.headers["Sec-WebSocket-Protocol"] == ["gapless.v1"])
        #expect(handshake.request.method == .GET)
        #expect(handshake.request.uri == "/gapless")
        #expect(handshake.request.headers["Authorization"] == ["Bearer abc"])
        #expect(handshake.request.headers["Host"] == ["server.example.com"])
        #expect(!handshake.request.headers.contains(name: "Origin"))
        guard case .accept = ServerHandshake().judge(handshake.request) else {
            Issue.record("refused")
            return
        }
    }

    @Test(arguments: ["Host", "connection", "Sec-WebSocket-Key", "Sec-WebSocket-Extensions", "Content-Length"])
    func theHandshakesOwnFieldsCannotBeGiven(_ name: String) {
        let error = #expect(throws: WebSocketConnectError.self) { try self.handshake([name: "x"]) }
        #expect(self.code(error) == .invalidRequest)
    }

    @Test(arguments: [("X", "a\r\nEvil: b"), ("X", "a\nb"), ("X", "a\0"), ("X y", "a"), ("X:", "a"), ("", "a"), ("X\r\n", "a")])
    func aFieldThatWouldBreakTheRequestIsRefusedWithoutRepeatingIt(_ name: String, _ value: String) {
        let error = #expect(throws: WebSocketConnectError.self) { try self.handshake([name: value]) }
        #expect(self.code(error) == .invalidRequest)
        #expect(error.map { !"\($0)".contains("Evil") } == true)
    }

    @Test func theRightAnswerIsAccepted() throws {
        try self.check([])
        try self.check([("Upgrade", "WebSocket"), ("Connection", "upgrade, keep-alive")])
    }

    // [R3.1-4]
    @Test(arguments: [
        ("Sec-WebSocket-Accept", nil), ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), ("Sec-WebSocket-Protocol", nil),
        ("Sec-WebSocket-Protocol", "chat"), ("Sec-WebSocket-Protocol", "gapless.v1, chat"),
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ("Upgrade", nil), ("Upgrade", "h2c"), ("Connection", nil),
    ])
    func aWrongAnswerIsRefused(_ name: String, _ value: String?) {
        let error = #expect(throws: WebSocketConnectError.self) { try self.check([(name, value)]) }
        #expect(self.code(error) == .invalidResponse)
    }

    @Test(
        arguments: [
            (200, nil, nil), (301, nil, nil), (307, nil, nil), (401, nil, nil), (503, "7", 7), (503, "Thu, 01 Jan 1970 00:00:09 GMT", 9),
            (429, "-1", nil), (429, "99999999", 86_400), (503, "0", 0),
        ] as [(Int, String?, Int64?)]
    )
    func anotherStatusIsToldWithRetryAfter(_ status: Int, _ retryAfter: String?, _ seconds: Int64?) {
        let error = #expect(throws: WebSocketConnectError.self) {
            try self.check([("Retry-After", retryAfter), ("Location", "ws://elsewhere/")], status: .init(statusCode: status))
        }
        #expect(self.code(error) == .refused(status: UInt(status), retryAfterSeconds: seconds))
    }
}

@Suite struct WebSocketEndpointTests {
    @Test(arguments: [
        ("ws://a", "a", 80, false, "/gapless", "a"),
        ("wss://a", "a", 443, true, "/gapless", "a"),
        ("WS://a:8080/", "a", 8080, false, "/", "a:8080"),
        ("http://a/x?y=z", "a", 80, false, "/x?y=z", "a"),
        ("https://a:443", "a", 443, true, "/gapless", "a"),
        ("wss://a:80?q", "a", 80, true, "/?q", "a:80"),
        ("ws://[::1]:9", "::1", 9, false, "/gapless", "[::1]:9"),
        ("wss://[fe80::1]/p", "fe80::1", 443, true, "/p", "[fe80::1]"),
    ])
    func partsOfAURL(_ url: String, _ host: String, _ port: Int, _ isTLS: Bool, _ path: String, _ hostHeader: String) throws {
        let endpoint = try WebSocketEndpoint(url: url)
        #expect(endpoint == WebSocketEndpoint(host: host, port: port, isTLS: isTLS, path: path))
        #expect(endpoint.hostHeader == hostHeader)
        #expect(try WebSocketEndpoint(url: endpoint.description) == endpoint)
    }

    @Test(arguments: [
        "", "a", "a:80", "//a", "ftp://a", "ws://", "ws:///x", "ws://:80", "ws://a:", "ws://a:0", "ws://a:65536", "ws://a:8x", "ws://a:+8",
        "ws://user@a", "ws://user:password@a", "ws://a/#f", "ws://a b", "ws://a/é", "ws://a\r\n", "ws://[::1", "ws://[a]", "ws://[::1]8",
        "ws://::1",
    ])
    func notAURLOfAWebSocket(_ url: String) {
        let error = #expect(throws: WebSocketConnectError.self) { try WebSocketEndpoint(url: url) }
        #expect(error?.code == .invalidURL)
        #expect(error.map { !"\($0)".contains("password") } == true)
    }
}
