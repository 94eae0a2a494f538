import GaplessCore
import NIOCore
import NIOHTTP1

/// What a handshake brought along that may prove who is there.
struct HandshakeCredentials: Sendable {
    /// Where the connection comes from, by its socket.
    let remote: RemoteAddress
    private let authorization: String?
    private let cookie: String?
    private let remoteAddress: String?
    private let isForwarded: Bool

    /// - Parameter head: of a handshake whose `Origin` was judged: it has none, or an allowed one.
    init(_ head: HTTPRequestHead, remoteAddress: SocketAddress?) {
        self.remote = RemoteAddress(remoteAddress)
        self.authorization = head.headers.first(name: "Authorization")
        // [R9.1-6]: without an Origin nobody vouches for the cookie.
        let cookies = head.headers.contains(name: "Origin") ? head.headers["Cookie"] : []
        self.cookie = cookies.isEmpty ? nil : cookies.joined(separator: "; ")
        self.remoteAddress = remoteAddress?.ipAddress
        self.isForwarded = head.headers.isForwarded
    }

    /// The credentials of a client that sent a token, or none.
    func credentials(for client: ClientID?, token: String?) -> Credentials {
        Credentials(
            token: token,
            authorization: self.authorization,
            cookie: self.cookie,
            remoteAddress: self.remoteAddress,
            isForwarded: self.isForwarded,
            client: client
        )
    }
}

extension HTTPHeaders {
    /// Whether a proxy passed the request on.
    var isForwarded: Bool {
        self.contains(name: "Forwarded") || self.contains(name: "X-Forwarded-For")
    }
}

extension RemoteAddress {
    /// The other end of a socket.
    fileprivate init(_ address: SocketAddress?) {
        switch address {
        // The family and the port come first, and with IPv6 the flow.
        case .v4(let address): self = withUnsafeBytes(of: address.address) { RemoteAddress(bytes: $0[4..<8]) }
        case .v6(let address): self = withUnsafeBytes(of: address.address) { RemoteAddress(bytes: $0[8..<24]) }
        case .unixDomainSocket, nil: self = .unknown
        }
    }
}
