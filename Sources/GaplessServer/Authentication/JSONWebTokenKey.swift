import Foundation
import JWTKit

/// A key that JSON Web Tokens are verified with. The key fixes the algorithm; what a token says about its own is only compared with it.
public struct JSONWebTokenKey: Sendable, CustomStringConvertible {
    /// The algorithms that keys can be for.
    enum Algorithm: String, Sendable {
        case hs256 = "HS256"
        case rs256 = "RS256"
        case es256 = "ES256"
        case eddsa = "EdDSA"
    }

    enum Material: Sendable {
        case hmac(HMACKey)
        case rsa(Insecure.RSA.PublicKey)
        case ecdsa(ES256PublicKey)
        case eddsa(EdDSA.PublicKey)
    }

    /// The key's id; a token that names one is verified with the key of that id only. Nil for a key that tries every token.
    public let id: String?

    let material: Material

    private init(id: String?, material: Material) {
        self.id = id
        self.material = material
    }

    /// A shared secret of at least 32 bytes.
    ///
    /// - Throws: `ConfigurationError` for anything else.
    public static func hs256(secret: [UInt8], id: String? = nil) throws(ConfigurationError) -> JSONWebTokenKey {
        guard secret.count >= 32 else { throw ConfigurationError("jwt.key", "A secret for HS256 has at least 32 bytes.") }
        return JSONWebTokenKey(id: id, material: .hmac(HMACKey(from: secret)))
    }

    /// An RSA public key of at least 2,048 bits, as PEM.
    ///
    /// - Throws: `ConfigurationError` for anything else.
    public static func rs256(pem: String, id: String? = nil) throws(ConfigurationError) -> JSONWebTokenKey {
        JSONWebTokenKey(id: id, material: .rsa(try Self.parse("an RSA public key") { try Insecure.RSA.PublicKey(pem: pem) }))
    }

    /// A public key on the curve P-256, as PEM.
    ///
    /// - Throws: `ConfigurationError` for anything else.
    public static func es256(pem: String, id: String? = nil) throws(ConfigurationError) -> JSONWebTokenKey {
        JSONWebTokenKey(id: id, material: .ecdsa(try Self.parse("a P-256 public key") { try ES256PublicKey(pem: pem) }))
    }

    /// An Ed25519 public key, as PEM.
    ///
    /// - Throws: `ConfigurationError` for anything else.
    public static func eddsa(pem: String, id: String? = nil) throws(ConfigurationError) -> JSONWebTokenKey {
        JSONWebTokenKey(id: id, material: .eddsa(try Self.parse("an Ed25519 public key") { try EdDSA.PublicKey(pem: pem) }))
    }

    /// A JSON Web Key of type `oct`, `RSA`, `EC` on P-256 or `OKP` on Ed25519; the type fixes the algorithm, and `alg` may repeat it.
    ///
    /// - Throws: `ConfigurationError` for anything else.
    public static func jwk(_ json: String) throws(ConfigurationError) -> JSONWebTokenKey {
        let fields = try Self.parse("a JSON Web Key") { try JSONDecoder().decode(WebKey.self, from: Data(json.utf8)) }
        return try fields.key
    }

    /// The key's id and algorithm, never its secret.
    public var description: String { "\(self.algorithm.rawValue) key \(self.id ?? "without an id")" }

    var algorithm: Algorithm {
        switch self.material {
        case .hmac: .hs256
        case .rsa: .rs256
        case .ecdsa: .es256
        case .eddsa: .eddsa
        }
    }

    /// Runs a parser of another library, whose errors may hold secrets.
    fileprivate static func parse<Result>(_ kind: String, _ body: () throws -> Result) throws(ConfigurationError) -> Result {
        do { return try body() } catch { throw ConfigurationError("jwt.key", "This is not \(kind).") }
    }

    /// The fields of a JSON Web Key that matter here (RFC 7517, 7518, 8037).
    struct WebKey: Decodable {
        var kty: String
        var alg: String?
        var kid: String?
        var crv: String?
        var k: String?
        var n: String?
        var e: String?
        var x: String?
        var y: String?

        var key: JSONWebTokenKey {
            get throws(ConfigurationError) {
                let key = JSONWebTokenKey(id: self.kid, material: try self.material)
                guard self.alg == nil || self.alg == key.algorithm.rawValue else {
                    throw ConfigurationError(
                        "jwt.key",
                        "A key of type \(self.kty) is for \(key.algorithm.rawValue), not for \(self.alg ?? "")."
                    )
                }
                return key
            }
        }

        private var material: Material {
            get throws(ConfigurationError) {
                switch (self.kty, self.crv) {
                case ("oct", _):
                    guard let k = self.k, let secret = Base64URL.decode(k), secret.count >= 32 else {
                        throw ConfigurationError("jwt.key", "A secret for HS256 has at least 32 bytes.")
                    }
                    return .hmac(HMACKey(from: secret))
                case ("RSA", _):
                    return .rsa(
                        try parse("an RSA public key") { try Insecure.RSA.PublicKey(modulus: self.n ?? "", exponent: self.e ?? "") }
                    )
                case ("EC", "P-256"):
                    return .ecdsa(try parse("a P-256 public key") { try ES256PublicKey(parameters: (self.x ?? "", self.y ?? "")) })
                case ("OKP", "Ed25519"):
                    return .eddsa(try parse("an Ed25519 public key") { try EdDSA.PublicKey(x: self.x ?? "", curve: .ed25519) })
                default:
                    throw ConfigurationError("jwt.key", "Keys of type \(self.kty)\(self.crv.map { " on \($0)" } ?? "") are not supported.")
                }
            }
        }
    }
}
