/// Which web pages may open a connection (Protocol.md R14-2).
///
/// Browsers name the page in `Origin`; a handshake without the header is not from a page, and is let through.
public struct OriginRule: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
        case listed(Set<String>)
        case any
    }

    private let kind: Kind

    /// Pages of the host that the handshake is addressed to, and no others. The default.
    public static let sameHost = OriginRule(kind: .listed([]))

    /// Every page of the world may connect, with the user's cookies. Only for services that take no cookies and are public anyway.
    public static let any = OriginRule(kind: .any)

    /// Pages of the same host, and of these origins, each as a browser writes it: `https://app.example.com`, `https://example.com:8443`.
    public static func allowing(_ origins: [String]) -> OriginRule {
        OriginRule(kind: .listed(Set(origins.map { $0.lowercased() })))
    }

    /// Whether a page may connect.
    ///
    /// - Parameters:
    ///   - origin: the header `Origin`; nil when there is none.
    ///   - host: the header `Host`.
    package func allows(origin: String?, host: String?) -> Bool {
        guard let origin = origin?.lowercased() else { return true }
        switch self.kind {
        case .any: return true
        case .listed(let origins): return origins.contains(origin) || Self.isSameHost(origin, host: host?.lowercased())
        }
    }

    /// Whether the origin's host and port are those of `Host`. A default port may be left out on either side.
    private static func isSameHost(_ origin: String, host: String?) -> Bool {
        guard let host, !host.isEmpty else { return false }
        for (scheme, port) in [("http://", ":80"), ("https://", ":443")] where origin.hasPrefix(scheme) {
            let authority = origin.dropFirst(scheme.count)
            return self.dropping(port, from: authority) == self.dropping(port, from: host[...])
        }
        return false
    }

    private static func dropping(_ port: String, from authority: Substring) -> Substring {
        authority.hasSuffix(port) ? authority.dropLast(port.count) : authority
    }
}
