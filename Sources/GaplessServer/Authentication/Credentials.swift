public import GaplessCore

/// What a client shows to prove who it is. Its parts are secrets: never log them.
public struct Credentials: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The token of its `HELLO` or `AUTH`; when there is one, it counts before everything else.
    public var token: String?

    /// The `Authorization` header of the handshake.
    public var authorization: String?

    /// The `Cookie` header of the handshake; nil unless the handshake had an `Origin` and it is allowed.
    public var cookie: String?

    /// The address that the connection comes from, without the port; behind a balancer, the balancer's.
    public var remoteAddress: String?

    /// Whether the handshake carried `Forwarded` or `X-Forwarded-For`: a proxy stands between.
    public var isForwarded: Bool

    /// The client that wants to attach; nil when it asks for a name.
    public var client: ClientID?

    /// Joins the parts.
    public init(
        token: String? = nil,
        authorization: String? = nil,
        cookie: String? = nil,
        remoteAddress: String? = nil,
        isForwarded: Bool = false,
        client: ClientID? = nil
    ) {
        self.token = token
        self.authorization = authorization
        self.cookie = cookie
        self.remoteAddress = remoteAddress
        self.isForwarded = isForwarded
        self.client = client
    }

    /// The token, or what follows `Bearer` in the `Authorization` header; nil when there is neither.
    public var bearer: String? {
        if let token = self.token { return token }
        guard let authorization = self.authorization else { return nil }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return parts[1].isEmpty ? nil : String(parts[1])
    }

    /// The value of a cookie; nil when there is none of that name, or several.
    public func cookie(named name: String) -> String? {
        let values = (self.cookie ?? "").split(separator: ";").compactMap { pair -> Substring? in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].drop(while: { $0 == " " }) == name else { return nil }
            return parts[1]
        }
        return values.count == 1 ? String(values[0]) : nil
    }

    /// Which parts there are, never what they hold.
    public var description: String {
        var parts: [String] = []
        if self.token != nil { parts.append("token") }
        if self.authorization != nil { parts.append("authorization") }
        if self.cookie != nil { parts.append("cookie") }
        return "credentials(\(parts.joined(separator: ", ")))"
    }

    /// The same as `description`.
    public var debugDescription: String { self.description }
}
