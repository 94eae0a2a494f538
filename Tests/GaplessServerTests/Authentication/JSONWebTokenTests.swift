import Crypto
import CryptoExtras
import Foundation
import GaplessServer
import JWTKit
import Testing

@Suite struct JSONWebTokenTests {
    struct Claims: JWTPayload {
        var iss: String? = "https://id.example.com"
        var aud: AudienceClaim? = "chat"
        var sub: String? = "alice"
        var device: String?
        var exp: Double? = 1_000_060
        var nbf: Double?

        func verify(using _: some JWTAlgorithm) async throws {}
    }

    private static let secret = Array("an HMAC secret of thirty-two bytes!".utf8)
    private static let now = Timestamp(milliseconds: 1_000_000_000)

    private func authenticator(_ keys: [JSONWebTokenKey]? = nil) throws -> JSONWebTokenAuthenticator {
        try JSONWebTokenAuthenticator(
            keys: keys ?? [try .hs256(secret: Self.secret)],
            audience: "chat",
            issuer: "https://id.example.com",
            now: { Self.now }
        )
    }

    private func token(_ claims: Claims = Claims(), secret: [UInt8] = secret, kid: String? = nil) async throws -> String {
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        var header = JWTHeader()
        header.kid = kid
        return try await keys.sign(claims, header: header)
    }

    private func identity(_ token: String, _ authenticator: JSONWebTokenAuthenticator? = nil) async throws -> Identity {
        try await (authenticator ?? self.authenticator()).authenticate(Credentials(token: token))
    }

    private func code(of token: String, _ authenticator: JSONWebTokenAuthenticator? = nil) async throws -> AuthenticationError.Code? {
        do {
            _ = try await self.identity(token, authenticator)
            return nil
        } catch let error as AuthenticationError {
            #expect(!error.message.contains(token))
            return error.code
        }
    }

    @Test func theSubjectIsTheUser() async throws {
        let expected = Identity(user: try #require(UserID("alice")), expires: Timestamp(milliseconds: 1_000_060_000))
        #expect(try await self.identity(try await self.token()) == expected)
    }

    @Test func theClaimDeviceNamesTheOnlyDevice() async throws {
        let identity = try await self.identity(try await self.token(Claims(device: "phone")))
        #expect(identity.device == .exactly(UserID("phone")))
    }

    @Test func anExpiredTokenIsToldApartFromAForgedOne() async throws {
        // [R9.1-4]
        #expect(try await self.code(of: self.token(Claims(exp: 1_000_000))) == .expired)
        #expect(try await self.code(of: self.token(Claims(exp: 999_000))) == .expired)
        let other = Array("another HMAC secret of thirty-two bytes".utf8)
        #expect(try await self.code(of: self.token(Claims(exp: 999_000), secret: other)) == .refused)
    }

    @Test(arguments: [
        Claims(iss: "https://id.example.org"), Claims(iss: nil), Claims(aud: "mail"), Claims(aud: nil), Claims(exp: nil), Claims(sub: nil),
        Claims(sub: "al/ice"), Claims(sub: ""), Claims(sub: "älice"), Claims(sub: ".."), Claims(device: "a/b"), Claims(device: ""),
        Claims(nbf: 1_000_061),
    ])
    func whatAClaimDoesNotSayIsRefused(_ claims: Claims) async throws {
        #expect(try await self.code(of: self.token(claims)) == .refused)
    }

    @Test func clocksMayDifferByAMinuteAtTheBeginning() async throws {
        #expect(try await self.code(of: self.token(Claims(nbf: 1_000_060))) == nil)
    }

    @Test func oneOfSeveralAudiencesIsEnough() async throws {
        let claims = Claims(aud: AudienceClaim(value: ["mail", "chat"]))
        #expect(try await self.code(of: self.token(claims)) == nil)
    }

    @Test func theKeyFixesTheAlgorithm() async throws {
        let key = EdDSAKeyPair()
        let authenticator = try self.authenticator([key.jsonWebTokenKey])
        #expect(try await self.code(of: key.sign(Claims()), authenticator) == nil)
        // An HMAC under the bytes of the public key, and no signature at all: the two classic forgeries.
        let publicBytes = Array(key.publicPEM.utf8)
        #expect(try await self.code(of: self.token(Claims(), secret: publicBytes), authenticator) == .refused)
        let payload = #"{"iss":"https://id.example.com","aud":"chat","sub":"alice","exp":1000060}"#
        let unsigned = "\(Self.base64(#"{"alg":"none"}"#)).\(Self.base64(payload))."
        #expect(try await self.code(of: unsigned, authenticator) == .refused)
    }

    @Test func everyKindOfKeyVerifies() async throws {
        let ed = EdDSAKeyPair()
        let elliptic = try ECDSAKeyPair()
        let rsa = try RSAKeyPair()
        let authenticator = try self.authenticator([
            ed.jsonWebTokenKey, elliptic.jsonWebTokenKey, rsa.jsonWebTokenKey, try .hs256(secret: Self.secret),
        ])
        #expect(try await self.code(of: ed.sign(Claims()), authenticator) == nil)
        #expect(try await self.code(of: elliptic.sign(Claims()), authenticator) == nil)
        #expect(try await self.code(of: rsa.sign(Claims()), authenticator) == nil)
        #expect(try await self.code(of: self.token(), authenticator) == nil)
        #expect(try await self.code(of: EdDSAKeyPair().sign(Claims()), authenticator) == .refused)
    }

    @Test func aTokenThatNamesAKeyIsVerifiedWithThatKeyOnly() async throws {
        let first = try JSONWebTokenKey.hs256(secret: Self.secret, id: "first")
        let second = try JSONWebTokenKey.hs256(secret: Array(repeating: 7, count: 32), id: "second")
        let authenticator = try self.authenticator([first, second])
        #expect(try await self.code(of: self.token(kid: "first"), authenticator) == nil)
        #expect(try await self.code(of: self.token(kid: "second"), authenticator) == .refused)
        #expect(try await self.code(of: self.token(kid: "third"), authenticator) == .refused)
        #expect(try await self.code(of: self.token(), authenticator) == nil)
    }

    @Test(arguments: ["", "x", "a.b", "a.b.c", "....", "e30.e30.", String(repeating: "x", count: 5_000)])
    func whatIsNoTokenIsRefused(_ token: String) async throws {
        #expect(try await self.code(of: token) == .refused)
    }

    @Test func aTokenThatIsChangedAnywhereIsRefused() async throws {
        let token = try await self.token()
        for index in token.indices where token[index] != "." && token.index(after: index) != token.endIndex {
            var changed = token
            changed.replaceSubrange(index...index, with: token[index] == "A" ? "B" : "A")
            #expect(try await self.code(of: changed) == .refused, "\(token.distance(from: token.startIndex, to: index))")
        }
    }

    @Test func keysAudienceAndIssuerAreNeeded() throws {
        let key = try JSONWebTokenKey.hs256(secret: Self.secret)
        #expect(throws: ConfigurationError.self) { try JSONWebTokenAuthenticator(keys: [], audience: "a", issuer: "i") }
        #expect(throws: ConfigurationError.self) { try JSONWebTokenAuthenticator(keys: [key], audience: "", issuer: "i") }
        #expect(throws: ConfigurationError.self) { try JSONWebTokenAuthenticator(keys: [key], audience: "a", issuer: "") }
        #expect(throws: ConfigurationError.self) { try JSONWebTokenKey.hs256(secret: Array(repeating: 1, count: 31)) }
        #expect(throws: ConfigurationError.self) { try JSONWebTokenKey.rs256(pem: "no key") }
        #expect(throws: ConfigurationError.self) { try JSONWebTokenKey.jwk(#"{"kty":"RSA","alg":"HS256","n":"AQAB","e":"AQAB"}"#) }
        #expect(throws: ConfigurationError.self) { try JSONWebTokenKey.jwk(#"{"kty":"EC","crv":"P-384","x":"","y":""}"#) }
    }

    @Test func aFileHoldsKeysAudienceAndIssuer() async throws {
        let key = EdDSAKeyPair()
        let file = try TemporaryFile(
            #"{"audience":"chat","issuer":"https://id.example.com","keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"\#(key.x)"}]}"#
        )
        let authenticator = try JSONWebTokenAuthenticator(path: file.path)
        var claims = Claims()
        claims.exp = Date().timeIntervalSince1970 + 86_400
        #expect(try await self.code(of: key.sign(claims), authenticator) == nil)
        for content in ["{}", #"{"audience":"a","issuer":"i","keys":[]}"#, #"{"audience":"a","issuer":"i","keys":[{"kty":"OKP"}]}"#] {
            let wrong = try TemporaryFile(content)
            #expect(throws: ConfigurationError.self) { try JSONWebTokenAuthenticator(path: wrong.path) }
        }
    }

    private static func base64(_ text: String) -> String {
        Data(text.utf8).base64EncodedString().replacing("=", with: "").replacing("+", with: "-").replacing("/", with: "_")
    }
}

private struct EdDSAKeyPair {
    let key = Curve25519.Signing.PrivateKey()

    var x: String {
        self.key.publicKey.rawRepresentation.base64EncodedString().replacing("=", with: "").replacing("+", with: "-")
            .replacing("/", with: "_")
    }

    var publicPEM: String { self.x }

    var jsonWebTokenKey: JSONWebTokenKey {
        get throws { try .jwk(#"{"kty":"OKP","crv":"Ed25519","x":"\#(self.x)"}"#) }
    }

    func sign(_ claims: JSONWebTokenTests.Claims) async throws -> String {
        let keys = JWTKeyCollection()
        await keys.add(eddsa: EdDSA.PrivateKey(backing: self.key))
        return try await keys.sign(claims)
    }
}

private struct ECDSAKeyPair {
    let key = P256.Signing.PrivateKey()
    let jsonWebTokenKey: JSONWebTokenKey

    init() throws {
        self.jsonWebTokenKey = try .es256(pem: self.key.publicKey.pemRepresentation)
    }

    func sign(_ claims: JSONWebTokenTests.Claims) async throws -> String {
        let keys = JWTKeyCollection()
        await keys.add(ecdsa: try ES256PrivateKey(backing: self.key))
        return try await keys.sign(claims)
    }
}

private struct RSAKeyPair {
    let key: JWTKit.Insecure.RSA.PrivateKey
    let jsonWebTokenKey: JSONWebTokenKey

    init() throws {
        self.key = try JWTKit.Insecure.RSA.PrivateKey(backing: _RSA.Signing.PrivateKey(keySize: .bits2048))
        self.jsonWebTokenKey = try .rs256(pem: self.key.publicKey.pemRepresentation)
    }

    func sign(_ claims: JSONWebTokenTests.Claims) async throws -> String {
        let keys = JWTKeyCollection()
        await keys.add(rsa: self.key, digestAlgorithm: .sha256)
        return try await keys.sign(claims)
    }
}
