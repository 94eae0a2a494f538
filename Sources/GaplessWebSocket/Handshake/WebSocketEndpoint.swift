/// Where a WebSocket server listens: the parts of a `ws:` or `wss:` URL.
package struct WebSocketEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address; an IPv6 address without its brackets.
    package let host: String
    package let port: Int
    package let isTLS: Bool
    /// The path, and the query if there is one, as they are sent.
    package let path: String

    package init(host: String, port: Int, isTLS: Bool, path: String) {
        self.host = host
        self.port = port
        self.isTLS = isTLS
        self.path = path
    }

    /// Takes a URL apart. `http` and `https` are taken for `ws` and `wss`.
    ///
    /// - Parameter defaultPath: the path of a URL that has none.
    /// - Throws: `.invalidURL` also for user names and passwords in the URL (secrets do not belong there) and for fragments.
    package init(url: String, defaultPath: String = "/gapless") throws(WebSocketConnectError) {
        let parts = url.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw Self.invalid("has no scheme") }
        switch parts[0].lowercased() {
        case "ws", "http": self.isTLS = false
        case "wss", "https": self.isTLS = true
        default: throw Self.invalid("has a scheme other than ws and wss")
        }
        guard parts[1].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Self.invalid("has characters that must be percent-encoded")
        }
        guard !parts[1].contains("#") else { throw Self.invalid("has a fragment") }
        let authority = parts[1].prefix { $0 != "/" && $0 != "?" }
        let rest = parts[1][authority.endIndex...]
        guard !authority.contains("@") else { throw Self.invalid("has a user name; a token belongs into a header") }
        let (host, port) = try Self.split(authority)
        self.host = host
        self.port = port ?? (self.isTLS ? 443 : 80)
        if rest.isEmpty {
            self.path = defaultPath
        } else {
            self.path = rest.first == "?" ? "/" + rest : String(rest)
        }
    }

    /// The value of `Host`: without the port if it is the default one.
    package var hostHeader: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return self.port == (self.isTLS ? 443 : 80) ? host : "\(host):\(self.port)"
    }

    package var description: String { "\(self.isTLS ? "wss" : "ws")://\(self.hostHeader)\(self.path)" }

    private static func split(_ authority: Substring) throws(WebSocketConnectError) -> (host: String, port: Int?) {
        var host = authority
        var rest: Substring = ""
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { throw Self.invalid("has an address without its bracket") }
            host = authority[authority.index(after: authority.startIndex)..<end]
            rest = authority[authority.index(after: end)...]
            guard host.contains(":") else { throw Self.invalid("has brackets around something other than an IPv6 address") }
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            rest = authority[colon...]
        }
        guard !host.isEmpty else { throw Self.invalid("has no host") }
        guard !rest.isEmpty else { return (String(host), nil) }
        let digits = rest.dropFirst()
        guard rest.first == ":", digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = Int(digits), (1...65_535).contains(port)
        else {
            throw Self.invalid("has a port that is none")
        }
        return (String(host), port)
    }

    private static func invalid(_ what: String) -> WebSocketConnectError {
        WebSocketConnectError(.invalidURL, "the URL \(what)")
    }
}
