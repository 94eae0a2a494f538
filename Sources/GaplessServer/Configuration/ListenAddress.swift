import NIOCore

/// Where a server listens: a host and a port, such as `127.0.0.1:8080` or `[::1]:0`.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or a numeric address, without brackets.
    public let host: String

    /// The port; 0 lets the system choose a free one.
    public let port: Int

    /// Joins the two.
    ///
    /// - Precondition: the host is not empty and the port is 0 through 65,535.
    public init(host: String, port: Int) {
        precondition(!host.isEmpty && (0...65_535).contains(port), "an address is a host and a port of 0 through 65535")
        self.host = host
        self.port = port
    }

    /// Parses `host:port`, with an IPv6 address in brackets; nil for anything else.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(where: { $0 == ":" || $0 == "[" || $0 == "]" }) {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: \.isWhitespace) else { return nil }
        self.init(host: String(host), port: Int(port))
    }

    /// What a socket is bound to.
    init?(_ address: SocketAddress) {
        guard let host = address.ipAddress, let port = address.port else { return nil }
        self.init(host: host, port: port)
    }

    /// `host:port`, with an IPv6 address in brackets.
    public var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }

    /// Whether only programs on the same machine can reach it.
    ///
    /// Numeric addresses only: what a name other than `localhost` leads to is not known before it is looked up.
    public var isLoopback: Bool {
        if self.host == "localhost" { return true }
        guard let address = try? SocketAddress(ipAddress: self.host, port: self.port) else { return false }
        return address.isLoopback
    }
}

extension SocketAddress {
    /// Whether the address is one of this machine's own: 127.0.0.0/8, `::1`, or the former inside the latter's notation.
    var isLoopback: Bool {
        // By their text, which is canonical: whose module the fields of a socket address belong to differs from build to build.
        switch self {
        case .v4: return self.ipAddress?.hasPrefix("127.") ?? false
        case .v6: return self.ipAddress == "::1" || (self.ipAddress?.hasPrefix("::ffff:127.") ?? false)
        case .unixDomainSocket: return true
        }
    }
}
