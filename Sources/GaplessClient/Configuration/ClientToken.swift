/// Where a client's proof of identity comes from. Tokens travel in `HELLO` and `AUTH`, never in a URL, and are never logged.
public struct ClientToken: Sendable {
    enum Kind: Sendable {
        case none
        case fixed(String)
        case provider(@Sendable () async throws -> String)
    }

    let kind: Kind

    /// No token: for services that let everybody in, or that are proven to by `ClientConfiguration.authorization`.
    public static let none = ClientToken(kind: .none)

    /// Always the same token; when the server no longer takes it, the client stops.
    public static func fixed(_ token: String) -> ClientToken {
        ClientToken(kind: .fixed(token))
    }

    /// Asked before the first connection and whenever the server wants a new token, while messages go on.
    ///
    /// It is called on no thread in particular and never twice at once. When it throws, it is asked again after a while; when it
    /// throws ``NoTokenError``, the client stops if the server lets it do nothing without.
    public static func provider(_ provide: @escaping @Sendable () async throws -> String) -> ClientToken {
        ClientToken(kind: .provider(provide))
    }
}

/// Thrown by a provider of tokens that has none and will have none: the user signed out, say.
public struct NoTokenError: Error, Hashable, Sendable {
    /// The error has nothing to tell.
    public init() {}
}
