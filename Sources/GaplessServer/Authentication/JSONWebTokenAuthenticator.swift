import Foundation
public import GaplessCore
import GaplessStore
import JWTKit

/// Verifies JSON Web Tokens: signature, audience, issuer and times; `sub` is the user, `device` the only device, when it is there.
///
/// Keys, audience and issuer can come from a JSON file:
///
/// ```json
/// {
///   "audience": "chat",
///   "issuer": "https://id.example.com",
///   "keys": [ { "kty": "OKP", "crv": "Ed25519", "kid": "2026-01", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" } ]
/// }
/// ```
///
/// The keys are JSON Web Keys as `JSONWebTokenKey.jwk` takes them. A user or device with a character that names cannot have is refused,
/// never split or folded.
public struct JSONWebTokenAuthenticator: Authenticator {
    /// How far the clocks of issuer and node may be apart when a token is not valid *yet*. Expiry has no such grace.
    public static let leeway: Duration = .seconds(60)

    /// The most keys.
    public static let maxKeys = 64

    private let verifiers: [Verifier]
    private let audience: String
    private let issuer: String
    private let now: @Sendable () -> Timestamp

    /// Verifies with these keys.
    ///
    /// - Parameters:
    ///   - keys: 1 through 64 keys.
    ///   - audience: what `aud` has to hold.
    ///   - issuer: what `iss` has to be.
    /// - Throws: `ConfigurationError` when there is no key, or more than 64, or audience or issuer is empty.
    public init(keys: [JSONWebTokenKey], audience: String, issuer: String) throws(ConfigurationError) {
        try self.init(keys: keys, audience: audience, issuer: issuer, now: GatewayClock.system.wallClock)
    }

    package init(
        keys: [JSONWebTokenKey],
        audience: String,
        issuer: String,
        now: @escaping @Sendable () -> Timestamp
    ) throws(ConfigurationError) {
        guard (1...Self.maxKeys).contains(keys.count) else {
            throw ConfigurationError("jwt.keys", "There must be 1 through \(Self.maxKeys) keys.")
        }
        guard !audience.isEmpty else { throw ConfigurationError("jwt.audience", "The audience must not be empty.") }
        guard !issuer.isEmpty else { throw ConfigurationError("jwt.issuer", "The issuer must not be empty.") }
        self.verifiers = keys.map(Verifier.init)
        self.audience = audience
        self.issuer = issuer
        self.now = now
    }

    /// Verifies with what a file says.
    ///
    /// - Throws: `ConfigurationError` when the file cannot be read, is not well formed, or holds a key that cannot be used.
    public init(path: String) throws(ConfigurationError) {
        let content = try SettingsFile.read(path, as: Content.self)
        var keys: [JSONWebTokenKey] = []
        do {
            for key in content.keys { keys.append(try key.key) }
        } catch {
            throw ConfigurationError(path, error.message)
        }
        try self.init(keys: keys, audience: content.audience, issuer: content.issuer)
    }

    /// Whom the token of the credentials belongs to.
    ///
    /// - Throws: `AuthenticationError` with `expired` when the token is genuine and its time is over, with `refused` otherwise.
    public func authenticate(_ credentials: Credentials) async throws -> Identity {
        guard let token = credentials.bearer else { throw AuthenticationError(.refused, "A token is needed.") }
        return try self.identity(of: try await self.verifiedClaims(of: token))
    }

    /// The claims of a token whose signature is genuine.
    private func verifiedClaims(of token: String) async throws -> Claims {
        guard token.utf8.count <= Limits.maxCredentialBytes else { throw AuthenticationError(.refused, "The token is too long.") }
        let header: JWTHeader
        do {
            header = try DefaultJWTParser().parse(Array(token.utf8), as: Claims.self).header
        } catch {
            throw AuthenticationError(.refused, "The token is not well formed.")
        }
        guard header.fields["crit"] == nil else { throw AuthenticationError(.refused, "The token asks for what is not supported.") }
        for verifier in self.verifiers where verifier.fits(algorithm: header.alg, keyID: header.kid) {
            if let claims = await verifier.verify(token) { return claims }
        }
        throw AuthenticationError(.refused, "The token cannot be verified.")
    }

    /// Whom genuine claims speak of.
    private func identity(of claims: Claims) throws -> Identity {
        guard claims.iss == self.issuer else { throw AuthenticationError(.refused, "The token comes from another issuer.") }
        guard claims.aud?.names.contains(self.audience) == true else {
            throw AuthenticationError(.refused, "The token is for another audience.")
        }
        let now = self.now()
        if let from = claims.nbf.flatMap(Timestamp.init(seconds:)), now + Self.leeway < from {
            throw AuthenticationError(.refused, "The token is not valid yet.")
        }
        guard let exp = claims.exp, let expires = Timestamp(seconds: exp) else {
            throw AuthenticationError(.refused, "The token has no time of expiry.")
        }
        guard now < expires else { throw AuthenticationError(.expired, "The token has expired.") }
        guard let user = claims.sub.flatMap(UserID.init) else { throw AuthenticationError(.refused, "The token names no user.") }
        guard let text = claims.device else { return Identity(user: user, expires: expires) }
        guard let device = UserID(text) else { throw AuthenticationError(.refused, "The token names a device that is none.") }
        return Identity(user: user, device: .exactly(device), expires: expires)
    }
}

extension JSONWebTokenAuthenticator {
    private struct Content: Decodable {
        enum CodingKeys: String, CodingKey, CaseIterable { case audience, issuer, keys }

        let audience: String
        let issuer: String
        let keys: [JSONWebTokenKey.WebKey]

        init(from decoder: any Decoder) throws {
            let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
            self.audience = try container.decode(String.self, forKey: .audience)
            self.issuer = try container.decode(String.self, forKey: .issuer)
            self.keys = try container.decode([JSONWebTokenKey.WebKey].self, forKey: .keys)
        }
    }

    /// What tokens claim; times are judged here and not by the library, which would not tell an expired token from a forged one.
    struct Claims: JWTPayload {
        var iss: String?
        var aud: Audience?
        var sub: String?
        var device: String?
        var exp: Double?
        var nbf: Double?

        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    /// One audience, or a list of them (RFC 7519 §4.1.3).
    ///
    /// The library's own type traps on an empty list, which anybody can send.
    struct Audience: Codable, Sendable {
        let names: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let name = try? container.decode(String.self) {
                self.names = [name]
            } else {
                self.names = try container.decode([String].self)
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(self.names)
        }
    }

    /// One key, ready to verify.
    private struct Verifier: Sendable {
        let key: JSONWebTokenKey

        init(_ key: JSONWebTokenKey) {
            self.key = key
        }

        /// Whether a token that says this about itself may be verified with this key.
        func fits(algorithm: String?, keyID: String?) -> Bool {
            algorithm == self.key.algorithm.rawValue && (keyID == nil || self.key.id == nil || keyID == self.key.id)
        }

        /// The claims; nil when the signature is not this key's.
        func verify(_ token: String) async -> Claims? {
            let collection = JWTKeyCollection()
            switch self.key.material {
            case .hmac(let key): await collection.add(hmac: key, digestAlgorithm: .sha256)
            case .rsa(let key): await collection.add(rsa: key, digestAlgorithm: .sha256)
            case .ecdsa(let key): await collection.add(ecdsa: key)
            case .eddsa(let key): await collection.add(eddsa: key)
            }
            return try? await collection.verify(token, as: Claims.self)
        }
    }
}

extension Timestamp {
    /// A moment in seconds since the UNIX epoch, as tokens give it; nil when it is none.
    init?(seconds: Double) {
        let milliseconds = seconds * 1_000
        guard milliseconds.isFinite, milliseconds >= 0 else { return nil }
        self.init(milliseconds: UInt64(min(milliseconds, Double(Limits.maxInteger))))
    }
}
