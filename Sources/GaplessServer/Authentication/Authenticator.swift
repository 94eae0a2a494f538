public import GaplessCore

/// Decides who a client is.
///
/// It is asked for each `HELLO`, with a position or without, and for each `AUTH`. Whether the identity may attach as the client that it
/// asks for is not its business: the node compares the two.
public protocol Authenticator: Sendable {
    /// Who shows these credentials.
    ///
    /// - Throws: `AuthenticationError` when that cannot be told, which ends the connection with the code that it names; any other error
    ///   ends it with 4103, and the client comes back later.
    func authenticate(_ credentials: Credentials) async throws -> Identity
}

/// Why credentials prove nothing (Protocol.md §9.1).
public struct AuthenticationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of refusal.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The kind's name.
        public let description: String

        /// No proof, or one that cannot be verified: 4302.
        public static let refused = Code(description: "refused")
        /// A genuine proof that has expired: 4300.
        public static let expired = Code(description: "expired")
        /// Known, and not allowed in: 4450.
        public static let forbidden = Code(description: "forbidden")
        /// The token of a client that the server named cannot be verified: 4200, the client starts anew.
        public static let unknownClient = Code(description: "unknownClient")
        /// The proof cannot be checked now: 4103, the client comes back later.
        public static let unavailable = Code(description: "unavailable")
    }

    /// The kind.
    public let code: Code

    /// One sentence for people, which the client gets to see: no secrets in it.
    public let message: String

    /// Joins the two.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The kind and the sentence.
    public var description: String { "\(self.code): \(self.message)" }
}

/// The ways of authentication that a server can be given.
public struct Authentication: Sendable {
    package enum Way: Sendable {
        /// Everybody is whom they say they are; loopback only.
        case none
        /// The server names its clients.
        case anonymous
        /// Each hello proves an identity.
        case authenticator(any Authenticator)
        /// The same, by a service that is asked over HTTP while the server runs.
        case webhook(WebhookConfiguration)
    }

    package let way: Way

    private init(_ way: Way) {
        self.way = way
    }

    /// Everybody is whom they say they are: for development. Such a server listens on loopback addresses only, and refuses what came
    /// through a proxy (Protocol.md R14-3).
    public static let none = Authentication(.none)

    /// Everybody is let in, and the server names them all; nobody chooses a name (Protocol.md §9.2).
    public static let anonymous = Authentication(.anonymous)

    /// An authenticator of your own.
    public static func using(_ authenticator: some Authenticator) -> Authentication {
        Authentication(.authenticator(authenticator))
    }

    /// A closure of your own.
    public static func custom(_ authenticate: @escaping @Sendable (Credentials) async throws -> Identity) -> Authentication {
        Authentication(.authenticator(ClosureAuthenticator(authenticate)))
    }

    /// A service in any language: each proof is posted to its URL, and the answer says who the client is, see <doc:Webhooks>.
    ///
    /// 200 with `{"user":"alice"}` lets it in, 401 refuses the proof with 4302, 403 forbids the client with 4450; anything else, and no answer, is
    /// 4103: the client comes back later. Answers are not remembered: each `HELLO` and each `AUTH` is a call.
    public static func webhook(_ configuration: WebhookConfiguration) -> Authentication {
        Authentication(.webhook(configuration))
    }

    /// Fixed tokens from a file; its form is told by `TokenFile`.
    ///
    /// - Throws: `ConfigurationError` when the file cannot be read or is not well formed.
    public static func tokens(file path: String) throws(ConfigurationError) -> Authentication {
        Authentication(.authenticator(try TokenFile(path: path)))
    }

    /// JSON Web Tokens; `sub` is the user, and the optional claim `device` the only device that may attach.
    ///
    /// - Throws: `ConfigurationError` when there is no key, no audience or no issuer.
    public static func jwt(_ keys: [JSONWebTokenKey], audience: String, issuer: String) throws(ConfigurationError) -> Authentication {
        Authentication(.authenticator(try JSONWebTokenAuthenticator(keys: keys, audience: audience, issuer: issuer)))
    }

    /// JSON Web Tokens, with keys, audience and issuer from a file; its form is told by `JSONWebTokenAuthenticator`.
    ///
    /// - Throws: `ConfigurationError` when the file cannot be read or is not well formed.
    public static func jwt(file path: String) throws(ConfigurationError) -> Authentication {
        Authentication(.authenticator(try JSONWebTokenAuthenticator(path: path)))
    }
}

/// A closure as an authenticator.
private struct ClosureAuthenticator: Authenticator {
    private let body: @Sendable (Credentials) async throws -> Identity

    init(_ body: @escaping @Sendable (Credentials) async throws -> Identity) {
        self.body = body
    }

    func authenticate(_ credentials: Credentials) async throws -> Identity {
        try await self.body(credentials)
    }
}
