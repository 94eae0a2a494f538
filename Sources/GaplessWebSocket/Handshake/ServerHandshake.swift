package import NIOHTTP1

/// The server's judgement of a WebSocket handshake (RFC 6455 §4.2), apart from any connection.
package struct ServerHandshake: Sendable {
    /// The path of the WebSocket; a query is ignored, so that no secret is ever taken from a URL.
    package var path: String
    /// The one subprotocol that is spoken. A request that does not offer it is refused. Nil: none is spoken and none selected.
    package var subprotocol: String?
    package var origins: OriginPolicy
    /// The values of `Host` that are answered, without regard to case; nil = all. A list keeps foreign names that resolve to this
    /// machine (DNS rebinding) from passing as the same host.
    package var hosts: [String]?

    package init(path: String = "/gapless", subprotocol: String? = "gapless.v1", origins: OriginPolicy = .sameHost, hosts: [String]? = nil)
    {
        self.path = path
        self.subprotocol = subprotocol
        self.origins = origins
        self.hosts = hosts
    }

    /// What a request gets.
    package enum Verdict: Equatable, Sendable {
        /// 101 with these header fields. Every extension that was offered is declined by not naming it.
        case accept(HTTPHeaders)
        case refuse(HTTPAnswer)
    }

    /// Header fields of which a second one would leave open which counts.
    private static let singletons = [
        "Host", "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Authorization", "Content-Length",
    ]

    /// Judges a request.
    package func judge(_ head: HTTPRequestHead) -> Verdict {
        guard head.version == .http1_1 else { return Self.bad("WebSocket needs HTTP/1.1.") }
        guard head.method == .GET else {
            return .refuse(HTTPAnswer(.methodNotAllowed, headers: ["Allow": "GET"], text: "A WebSocket begins with GET."))
        }
        guard Self.path(of: head.uri) == self.path[...] else { return .refuse(HTTPAnswer(.notFound, text: "There is nothing here.")) }
        for name in Self.singletons where head.headers[name].count > 1 {
            return Self.bad("The header \(name) occurs twice.")
        }
        guard let host = head.headers.first(name: "Host"), !host.isEmpty else { return Self.bad("The header Host is missing.") }
        guard head.headers.first(name: "Content-Length") ?? "0" == "0", !head.headers.contains(name: "Transfer-Encoding") else {
            return Self.bad("A WebSocket handshake has no body.")
        }
        guard head.headers.hasToken("websocket", in: "Upgrade"), head.headers.hasToken("upgrade", in: "Connection") else {
            return Self.bad("This path speaks WebSocket; the headers Upgrade: websocket and Connection: Upgrade are missing.")
        }
        guard head.headers.first(name: "Sec-WebSocket-Version") == "13" else {
            return .refuse(
                HTTPAnswer(.upgradeRequired, headers: ["Sec-WebSocket-Version": "13"], text: "Only version 13 of WebSocket is spoken here.")
            )
        }
        guard let key = head.headers.first(name: "Sec-WebSocket-Key").flatMap({ HandshakeKey($0) }) else {
            return Self.bad("The header Sec-WebSocket-Key is not 16 bytes in base64.")
        }
        if let subprotocol = self.subprotocol, !head.headers[canonicalForm: "Sec-WebSocket-Protocol"].contains(subprotocol[...]) {
            return Self.bad("The subprotocol \(subprotocol) is not offered.")
        }
        if let hosts = self.hosts, !hosts.contains(where: { $0.lowercased() == host.lowercased() }) {
            return .refuse(HTTPAnswer(.forbidden, text: "This Host is not served here."))
        }
        guard self.origins.allows(origin: head.headers.first(name: "Origin"), host: host) else {
            return .refuse(HTTPAnswer(.forbidden, text: "This Origin is not allowed."))
        }
        var headers: HTTPHeaders = ["Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": key.accept]
        if let subprotocol = self.subprotocol { headers.add(name: "Sec-WebSocket-Protocol", value: subprotocol) }
        return .accept(headers)
    }

    /// The path of a request in origin form, without its query.
    package static func path(of uri: String) -> Substring {
        uri.prefix { $0 != "?" }
    }

    private static func bad(_ sentence: String) -> Verdict {
        .refuse(HTTPAnswer(.badRequest, text: sentence))
    }
}

extension HTTPHeaders {
    /// Whether the comma-separated list under this name, in one field or several, has the token, without regard to case.
    package func hasToken(_ token: String, in name: String) -> Bool {
        self[canonicalForm: name].contains { $0.lowercased() == token }
    }
}
