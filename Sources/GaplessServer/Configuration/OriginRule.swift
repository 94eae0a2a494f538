import GaplessWebSocket

/// Which web pages may open a connection (Protocol.md R14-2).
///
/// Browsers name the page in `Origin`; a handshake without the header is not from a page, and is let through.
public struct OriginRule: Hashable, Sendable {
    let policy: OriginPolicy

    private init(_ policy: OriginPolicy) {
        self.policy = policy
    }

    /// Pages of the host that the handshake is addressed to, and no others. The default.
    public static let sameHost = OriginRule(.sameHost)

    /// Every page of the world may connect, with the user's cookies. Only for services that take no cookies and are public anyway.
    public static let any = OriginRule(.any)

    /// Pages of the same host, and of these origins, each as a browser writes it: `https://app.example.com`, `https://example.com:8443`.
    public static func allowing(_ origins: [String]) -> OriginRule {
        OriginRule(.sameHostOr(origins))
    }
}
