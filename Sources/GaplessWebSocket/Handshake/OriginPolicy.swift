/// Which web pages may connect: a browser names the page's origin in `Origin`, and sends cookies whatever the page is.
///
/// Programs that are no browsers send no `Origin` and are not concerned.
package enum OriginPolicy: Hashable, Sendable {
    /// The page must come from the host and port that the request names in `Host`.
    case sameHost
    /// As `sameHost`, or one of these, such as `https://app.example.com`; a default port may be left out.
    case sameHostOr([String])
    /// Every page may connect.
    case any

    /// Whether a request with this `Origin` and `Host` may be accepted. `null`, which sandboxed pages send, is only allowed by `any`.
    package func allows(origin: String?, host: String) -> Bool {
        guard let origin else { return true }
        switch self {
        case .any:
            return true
        case .sameHost:
            return Self.isSameHost(origin, host)
        case .sameHostOr(let origins):
            guard !Self.isSameHost(origin, host) else { return true }
            guard let origin = Authority(origin: origin) else { return false }
            return origins.contains { Authority(origin: $0) == origin }
        }
    }

    private static func isSameHost(_ origin: String, _ host: String) -> Bool {
        guard let origin = Authority(origin: origin) else { return false }
        // The scheme that the browser saw is known from the origin alone: TLS may end at the balancer.
        return Authority(scheme: origin.scheme, hostAndPort: Substring(host)) == origin
    }

    /// Scheme, host and port, in the form in which they compare.
    private struct Authority: Equatable {
        let scheme: String
        let host: String
        let port: String

        init?(origin: String) {
            let parts = origin.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            let scheme = parts[0].lowercased()
            guard scheme == "http" || scheme == "https" else { return nil }
            self.init(scheme: scheme, hostAndPort: parts[1])
        }

        init?(scheme: String, hostAndPort: Substring) {
            guard !hostAndPort.isEmpty, !hostAndPort.contains(where: { "/?#@ \t".contains($0) }) else { return nil }
            // The last colon separates the port, unless it lies inside the brackets of an IPv6 address.
            var host = hostAndPort
            var port: Substring = ""
            if let colon = hostAndPort.lastIndex(of: ":"), !hostAndPort[colon...].contains("]") {
                host = hostAndPort[..<colon]
                port = hostAndPort[hostAndPort.index(after: colon)...]
            }
            guard !host.isEmpty, port.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
            self.scheme = scheme
            self.host = host.lowercased()
            self.port = port.isEmpty ? (scheme == "https" ? "443" : "80") : String(port)
        }
    }
}
