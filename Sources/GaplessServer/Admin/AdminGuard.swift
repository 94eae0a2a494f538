import Crypto
import Hummingbird

/// Who may call the HTTP API.
///
/// A web page in a browser on this machine reaches loopback as well as any program does. It cannot choose `Host`, `Origin` and
/// `Sec-Fetch-Site`, and cannot send JSON or a bearer key to a foreign origin without being allowed to; so these are looked at first.
struct AdminGuard: Sendable {
    private let hosts: Set<String>
    private let keyDigest: SHA256Digest?

    init(_ configuration: AdminConfiguration) {
        let own = configuration.listen.host.contains(":") ? "[\(configuration.listen.host)]" : configuration.listen.host
        self.hosts = Set(configuration.hosts.union([own]).map { $0.lowercased() })
        self.keyDigest = configuration.key.map { SHA256.hash(data: Array($0.utf8)) }
    }

    /// What the guard looks at in a call.
    struct Call: Sendable {
        var method: String
        var host: String?
        var origin: String?
        var fetchSite: String?
        var authorization: String?
        var contentType: String?
    }

    /// Throws when the call is not allowed.
    func check(_ call: Call) throws(AdminError) {
        let hasKey = self.hasKey(call)
        // A page cannot know the key: whoever has it may use any name.
        guard let host = call.host, hasKey || self.hosts.contains(HostHeader.name(in: host)) else {
            throw AdminError(.forbidden, "This Host is not served here.")
        }
        if let origin = call.origin, !self.isOwn(origin, host: host) {
            throw AdminError(.forbidden, "Calls from other web pages are refused.")
        }
        if let site = call.fetchSite, site != "same-origin", site != "none" {
            throw AdminError(.forbidden, "Calls from other web pages are refused.")
        }
        guard self.keyDigest == nil || hasKey else {
            throw AdminError(.unauthorized, "A call needs the header Authorization: Bearer with the admin key.")
        }
        // Of the methods that change something a page can send POST alone without being allowed to by a preflight.
        guard call.method != "POST" || hasKey || Self.isJSON(call.contentType) else {
            throw AdminError(.mediaType, "A POST needs Content-Type application/json or application/x-ndjson.")
        }
    }

    /// Whether the call carries the key. Digests are compared, in constant time, so that the time tells nothing about the key.
    private func hasKey(_ call: Call) -> Bool {
        guard let digest = self.keyDigest, let bearer = Credentials(authorization: call.authorization).bearer else { return false }
        return SHA256.hash(data: Array(bearer.utf8)) == digest
    }

    private func isOwn(_ origin: String, host: String) -> Bool {
        origin.lowercased() == "http://\(host.lowercased())"
    }

    /// Whether the type is one that a page cannot send to a foreign origin by itself.
    static func isJSON(_ contentType: String?) -> Bool {
        switch Self.mediaType(contentType) {
        case "application/json", "application/x-ndjson": true
        default: false
        }
    }

    /// The type without its parameters.
    static func mediaType(_ contentType: String?) -> String {
        let type = (contentType ?? "").prefix { $0 != ";" }
        return type.lowercased().filter { $0 != " " }
    }
}
