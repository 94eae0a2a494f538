import GaplessWebSocket

/// A URL of the service, taken apart and checked.
struct ClientEndpoint: Hashable, Sendable {
    /// Where to connect.
    let webSocket: WebSocketEndpoint

    /// Takes a URL apart.
    ///
    /// - Throws: when it is no URL of a WebSocket, or carries what looks like a secret: URLs end up in logs (Protocol.md [R3.1-6]).
    init(_ url: String) throws(ClientConfigurationError) {
        do {
            self.webSocket = try WebSocketEndpoint(url: url)
        } catch {
            throw ClientConfigurationError("endpoints", "\(Self.withoutSecrets(url)): \(error.message)")
        }
        guard !Self.hasSecret(self.webSocket.path) else {
            throw ClientConfigurationError("endpoints", "\(Self.withoutSecrets(url)): a secret does not belong into a URL; set a token")
        }
    }

    /// Names of parameters that are refused: what they hold is meant to be kept from others.
    private static let secretNames: [String] = [
        "access_token", "accesstoken", "api_key", "api-key", "apikey", "auth", "authorization", "bearer", "credential", "id_token", "jwt",
        "key", "passwd", "password", "pwd", "secret", "session", "sig", "signature", "token",
    ]

    private static func hasSecret(_ path: String) -> Bool {
        guard let query = path.split(separator: "?", maxSplits: 1).dropFirst().first else { return false }
        return query.split(whereSeparator: { $0 == "&" || $0 == ";" }).contains { parameter in
            let name = parameter.prefix { $0 != "=" }.lowercased()
            return Self.secretNames.contains(name)
        }
    }

    /// The URL as it may be shown.
    static func withoutSecrets(_ url: String) -> String {
        let bare = url.prefix { $0 != "?" && $0 != "#" }
        guard let at = bare.lastIndex(of: "@") else { return String(bare) }
        let scheme = bare.firstRange(of: "://").map { bare[..<$0.upperBound] } ?? ""
        return "\(scheme)\(bare[bare.index(after: at)...])"
    }
}
