package import NIOHTTP1

/// The client's request for a WebSocket and its check of the answer (RFC 6455 §4.1), apart from any connection.
package struct ClientHandshake: Sendable {
    package let request: HTTPRequestHead
    private let key: HandshakeKey
    private let subprotocol: String?

    /// Header fields that the handshake itself writes.
    private static let reserved = [
        "Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions",
        "Content-Length", "Transfer-Encoding",
    ]

    /// Prepares a request.
    ///
    /// - Parameter headers: more header fields, such as `Authorization`. Refused if they would break the request or change the handshake.
    package init(
        endpoint: WebSocketEndpoint,
        subprotocol: String? = "gapless.v1",
        headers: HTTPHeaders = [:],
        using random: inout some RandomNumberGenerator
    ) throws(WebSocketConnectError) {
        for (name, value) in headers {
            guard !Self.reserved.contains(where: { $0.lowercased() == name.lowercased() }) else {
                throw WebSocketConnectError(.invalidRequest, "the header \(name) belongs to the handshake")
            }
            guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }),
                value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 })
            else {
                // The value may be a token: it is not repeated here.
                throw WebSocketConnectError(.invalidRequest, "a header has characters that are not allowed")
            }
        }
        let key = HandshakeKey(using: &random)
        var fields: HTTPHeaders = [
            "Host": endpoint.hostHeader,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key.rawValue,
            "Sec-WebSocket-Version": "13",
        ]
        if let subprotocol { fields.add(name: "Sec-WebSocket-Protocol", value: subprotocol) }
        fields.add(contentsOf: headers)
        self.request = HTTPRequestHead(version: .http1_1, method: .GET, uri: endpoint.path, headers: fields)
        self.key = key
        self.subprotocol = subprotocol
    }

    /// Checks the answer; throws if it is not the one to our request.
    ///
    /// - Parameter now: the time of day, for a `Retry-After` that is a date in an answer without a `Date`.
    func check(_ head: HTTPResponseHead, now: HTTPDate) throws(WebSocketConnectError) {
        guard head.status == .switchingProtocols else {
            throw WebSocketConnectError(
                .refused(status: head.status.code, retryAfterSeconds: RetryAfter.seconds(in: head.headers, now: now)),
                "the server answered with HTTP \(head.status.code)"
            )
        }
        guard head.version == .http1_1, head.headers.hasToken("websocket", in: "Upgrade"),
            head.headers.hasToken("upgrade", in: "Connection")
        else {
            throw WebSocketConnectError(.invalidResponse, "the answer does not upgrade to WebSocket")
        }
        guard head.headers["Sec-WebSocket-Accept"] == [self.key.accept] else {
            throw WebSocketConnectError(.invalidResponse, "the answer has another key")
        }
        guard head.headers["Sec-WebSocket-Protocol"] == (self.subprotocol.map { [$0] } ?? []) else {
            throw WebSocketConnectError(.invalidResponse, "the answer does not select the subprotocol that was offered")
        }
        guard !head.headers.contains(name: "Sec-WebSocket-Extensions") else {
            throw WebSocketConnectError(.invalidResponse, "the answer selects an extension that was not offered")
        }
    }
}
