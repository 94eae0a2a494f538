import Crypto
import CryptoExtras
import Foundation
import JWTKit
import Testing

@testable import GaplessServer

/// The key fixes the algorithm: every kind of key verifies its own tokens and nobody else's.
@Suite struct JSONWebTokenAlgorithmTests {
    private typealias Claims = JSONWebTokenTests.Claims

    enum Kind: String, CaseIterable, Sendable {
        case hs256, rs256, es256, eddsa
    }

    /// One private key of each kind, and its public half.
    private struct Signer {
        let keys = JWTKeyCollection()
        let verifier: JSONWebTokenKey

        init(_ kind: Kind) async throws {
            switch kind {
            case .hs256:
                let secret = Array("an HMAC secret of thirty-two bytes!".utf8)
                await self.keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
                self.verifier = try .hs256(secret: secret)
            case .rs256:
                let key = try JWTKit.Insecure.RSA.PrivateKey(backing: _RSA.Signing.PrivateKey(keySize: .bits2048))
                await self.keys.add(rsa: key, digestAlgorithm: .sha256)
                self.verifier = try .rs256(pem: key.publicKey.pemRepresentation)
            case .es256:
                let key = P256.Signing.PrivateKey()
                await self.keys.add(ecdsa: try ES256PrivateKey(backing: key))
                self.verifier = try .es256(pem: key.publicKey.pemRepresentation)
            case .eddsa:
                let key = Curve25519.Signing.PrivateKey()
                await self.keys.add(eddsa: EdDSA.PrivateKey(backing: key))
                let x = Base64URL.encode(Array(key.publicKey.rawRepresentation))
                self.verifier = try .jwk(#"{"kty":"OKP","crv":"Ed25519","x":"\#(x)"}"#)
            }
        }

        func sign() async throws -> String {
            try await self.keys.sign(Claims())
        }
    }

    private func authenticator(_ key: JSONWebTokenKey) throws -> JSONWebTokenAuthenticator {
        try JSONWebTokenAuthenticator(
            keys: [key],
            audience: "chat",
            issuer: "https://id.example.com",
            now: { Timestamp(milliseconds: 1_000_000_000) }
        )
    }

    private func refusal(_ token: String, _ authenticator: JSONWebTokenAuthenticator) async -> AuthenticationError.Code? {
        do {
            _ = try await authenticator.authenticate(Credentials(token: token))
            return nil
        } catch {
            return (error as? AuthenticationError)?.code
        }
    }

    @Test(arguments: Kind.allCases)
    func aKeyVerifiesItsOwnTokensAndNoOthers(_ kind: Kind) async throws {
        let authenticator = try self.authenticator(try await Signer(kind).verifier)
        for other in Kind.allCases {
            let stranger = try await Signer(other).sign()
            // The secret of HS256 is always the same here, as that of one service is.
            let expected: AuthenticationError.Code? = kind == .hs256 && other == .hs256 ? nil : .refused
            #expect(await self.refusal(stranger, authenticator) == expected, "\(kind) \(other)")
        }
        let signer = try await Signer(kind)
        let token = try await signer.sign()
        #expect(await self.refusal(token, try self.authenticator(signer.verifier)) == nil)
    }

    @Test(arguments: Kind.allCases)
    func aTokenThatNamesAnotherAlgorithmIsRefused(_ kind: Kind) async throws {
        let signer = try await Signer(kind)
        let authenticator = try self.authenticator(signer.verifier)
        let parts = try await signer.sign().split(separator: ".")
        for algorithm in ["none", "None", "", "HS384", "HS512", "RS384", "PS256", "ES384", "hs256"] {
            let header = Base64URL.encode(Array(#"{"alg":"\#(algorithm)","typ":"JWT"}"#.utf8))
            #expect(await self.refusal("\(header).\(parts[1]).\(parts[2])", authenticator) == .refused, "\(algorithm)")
            #expect(await self.refusal("\(header).\(parts[1]).", authenticator) == .refused, "\(algorithm)")
        }
    }

    @Test(arguments: [
        "", ".", "..", "...", "a", "a.b", "a.b.c", "e30.e30.", "e30.e30.e30", "W10.W10.W10", "bnVsbA.bnVsbA.bnVsbA", "e30=.e30=.e30=",
        "é.é.é", "e30.e30.e30.e30", " e30.e30.e30",
    ])
    func whatIsNoTokenIsRefused(_ text: String) async throws {
        let authenticator = try self.authenticator(try await Signer(.hs256).verifier)
        #expect(await self.refusal(text, authenticator) == .refused)
    }

    @Test func aTokenThatIsTooLongIsNotLookedAt() async throws {
        let authenticator = try self.authenticator(try await Signer(.hs256).verifier)
        let error = await #expect(throws: AuthenticationError.self) {
            try await authenticator.authenticate(Credentials(token: String(repeating: "x", count: 4_097)))
        }
        #expect(error?.message == "The token is too long.")
    }

    @Test func claimsOfAnotherTypeAreRefused() async throws {
        let secret = SymmetricKey(data: Array("an HMAC secret of thirty-two bytes!".utf8))
        let authenticator = try self.authenticator(try await Signer(.hs256).verifier)
        let head = Base64URL.encode(Array(#"{"alg":"HS256"}"#.utf8))
        let good = #""iss":"https://id.example.com","aud":"chat","sub":"alice","exp":1000060"#
        func token(_ payload: String) -> String {
            let signed = "\(head).\(Base64URL.encode(Array(payload.utf8)))"
            let mac = HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: secret)
            return "\(signed).\(Base64URL.encode(Array(mac)))"
        }
        #expect(await self.refusal(token("{\(good)}"), authenticator) == nil)
        for payload in [
            #"{"iss":"https://id.example.com","aud":"chat","sub":"alice","exp":"1000060"}"#,
            #"{"iss":"https://id.example.com","aud":"chat","sub":7,"exp":1000060}"#,
            #"{"iss":"https://id.example.com","aud":7,"sub":"alice","exp":1000060}"#,
            #"{"iss":["https://id.example.com"],"aud":"chat","sub":"alice","exp":1000060}"#,
            #"{"iss":"https://id.example.com","aud":[],"sub":"alice","exp":1000060}"#,
            #"{"iss":"https://id.example.com","aud":"chat","sub":"alice","exp":-1}"#, "[]", "{}", "",
        ] {
            #expect(await self.refusal(token(payload), authenticator) == .refused, "\(payload)")
        }
    }

    @Test func aTokenMayEndAnyTimeInTheFuture() async throws {
        let keys = JWTKeyCollection()
        let secret = Array("an HMAC secret of thirty-two bytes!".utf8)
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        let authenticator = try self.authenticator(.hs256(secret: secret))
        for exp in [1_000_000.001, 9_007_199_254_740, 1e15, 1e300] {
            let token = try await keys.sign(Claims(exp: exp))
            let identity = try await authenticator.authenticate(Credentials(token: token))
            #expect(try #require(identity.expires).milliseconds == UInt64(min(exp * 1_000, 9_007_199_254_740_991)), "\(exp)")
        }
    }

    // MARK: Keys

    @Test func keysAreCounted() async throws {
        let key = try await Signer(.hs256).verifier
        for (count, isGood) in [(0, false), (1, true), (64, true), (65, false)] {
            let keys = Array(repeating: key, count: count)
            let authenticator = try? JSONWebTokenAuthenticator(keys: keys, audience: "chat", issuer: "i")
            #expect((authenticator != nil) == isGood, "\(count)")
        }
    }

    @Test func aKeyTellsItsKindAndNeverItsSecret() throws {
        let key = try JSONWebTokenKey.hs256(secret: Array("hush, a secret of thirty-two bytes".utf8), id: "2026-01")
        #expect(key.description == "HS256 key 2026-01")
        #expect(try JSONWebTokenKey.hs256(secret: Array(repeating: 7, count: 32)).description == "HS256 key without an id")
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"kty":"oct"}"#, #"{"kty":"oct","k":"AAAA"}"#, #"{"kty":"oct","k":"not base64 !"}"#, #"{"kty":"RSA"}"#,
        #"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, #"{"kty":"EC","crv":"P-256"}"#, #"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
        #"{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}"#, #"{"kty":"OKP","crv":"Ed25519"}"#, #"{"kty":"OKP","crv":"X25519","x":"AA"}"#,
        #"{"kty":"OKP","crv":"Ed448","x":"AA"}"#, #"{"kty":"other"}"#,
    ])
    func whatIsNoKeyIsRefused(_ json: String) {
        let error = #expect(throws: ConfigurationError.self) { try JSONWebTokenKey.jwk(json) }
        #expect(error?.setting == "jwt.key")
    }

    @Test(arguments: ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
    func whatIsNoPEMIsRefused(_ pem: String) {
        #expect(throws: ConfigurationError.self) { try JSONWebTokenKey.rs256(pem: pem) }
        #expect(throws: ConfigurationError.self) { try JSONWebTokenKey.es256(pem: pem) }
        #expect(throws: ConfigurationError.self) { try JSONWebTokenKey.eddsa(pem: pem) }
    }

    @Test func aKeyOfAnotherCurveIsRefused() {
        let pem = P384.Signing.PrivateKey().publicKey.pemRepresentation
        #expect(throws: ConfigurationError.self) { try JSONWebTokenKey.es256(pem: pem) }
        #expect(throws: ConfigurationError.self) { try JSONWebTokenKey.rs256(pem: pem) }
    }

    @Test(arguments: ["HS256", "RS256", "ES256", "EdDSA"])
    func aWebKeyMayRepeatItsAlgorithmOnly(_ algorithm: String) throws {
        let k = Base64URL.encode(Array(repeating: 7, count: 32))
        let json = #"{"kty":"oct","k":"\#(k)","alg":"\#(algorithm)","kid":"one","use":"sig"}"#
        if algorithm == "HS256" {
            #expect(try JSONWebTokenKey.jwk(json).id == "one")
        } else {
            let error = #expect(throws: ConfigurationError.self) { try JSONWebTokenKey.jwk(json) }
            #expect(error?.message == "A key of type oct is for HS256, not for \(algorithm).")
            #expect(error?.message.contains(k) == false)
        }
    }
}
