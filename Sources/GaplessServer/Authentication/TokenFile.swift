import Crypto
import Foundation
public import GaplessCore

/// Fixed tokens, each of which proves one user or one client.
///
/// They come from a JSON file:
///
/// ```json
/// {
///   "tokens": [
///     { "token": "3mNqv0Zb1rXk8LqC", "user": "alice" },
///     { "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "user": "bob", "device": "phone" }
///   ]
/// }
/// ```
///
/// A token is given as it is, of 16 to 4,096 bytes, or by the SHA-256 of its bytes in hexadecimal digits; without `device` it is good for
/// every client of the user. Fields that are not in this example are refused.
public struct TokenFile: Authenticator {
    private struct Entry: Sendable {
        let digest: [UInt8]
        let identity: Identity
    }

    private let entries: [Entry]

    /// Reads a file.
    ///
    /// - Throws: `ConfigurationError` when it cannot be read, is not well formed, or names a token twice.
    public init(path: String) throws(ConfigurationError) {
        let lines = try SettingsFile.read(path, as: Content.self).tokens
        var seen: Set<[UInt8]> = []
        for line in lines where !seen.insert(line.digest).inserted {
            throw ConfigurationError(path, "A token of \(line.identity.user) is there twice.")
        }
        guard !lines.isEmpty else { throw ConfigurationError(path, "There is no token in the file.") }
        self.entries = lines.map { Entry(digest: $0.digest, identity: $0.identity) }
    }

    /// Whom the token of the credentials belongs to.
    ///
    /// - Throws: `AuthenticationError` with `refused` when there is no token, or one that the file does not hold.
    public func authenticate(_ credentials: Credentials) async throws -> Identity {
        guard let token = credentials.bearer else { throw AuthenticationError(.refused, "A token is needed.") }
        guard let identity = self.identity(of: token) else { throw AuthenticationError(.refused, "The token is not known.") }
        return identity
    }

    /// Whom a token belongs to. Every entry is compared, each in constant time, so that the time tells nothing about them.
    private func identity(of token: String) -> Identity? {
        let digest = SHA256.hash(data: Array(token.utf8))
        var found: Identity?
        for entry in self.entries where digest == entry.digest { found = entry.identity }
        return found
    }
}

extension TokenFile {
    private struct Content: Decodable {
        enum CodingKeys: String, CodingKey, CaseIterable { case tokens }

        let tokens: [Line]

        init(from decoder: any Decoder) throws {
            self.tokens = try decoder.strictContainer(keyedBy: CodingKeys.self).decode([Line].self, forKey: .tokens)
        }
    }

    private struct Line: Decodable {
        enum CodingKeys: String, CodingKey, CaseIterable { case token, sha256, user, device }

        let digest: [UInt8]
        let identity: Identity

        init(from decoder: any Decoder) throws {
            let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
            let token = try container.decodeIfPresent(String.self, forKey: .token)
            let sha256 = try container.decodeIfPresent(String.self, forKey: .sha256)
            switch (token, sha256) {
            case (let token?, nil):
                guard (16...Limits.maxCredentialBytes).contains(token.utf8.count) else {
                    throw DecodingError.dataCorruptedError(forKey: .token, in: container, debugDescription: "A token has 16 to 4096 bytes.")
                }
                self.digest = Array(SHA256.hash(data: Array(token.utf8)))
            case (nil, let text?):
                guard let digest = Self.digest(text) else {
                    throw DecodingError.dataCorruptedError(forKey: .sha256, in: container, debugDescription: "Not 64 hexadecimal digits.")
                }
                self.digest = digest
            case (nil, nil), (.some, .some):
                throw DecodingError.dataCorruptedError(
                    forKey: .token,
                    in: container,
                    debugDescription: "Give token or sha256, one of them."
                )
            }
            let user = try Self.name(in: container, .user)
            let device = container.contains(.device) ? try Self.name(in: container, .device) : nil
            self.identity = Identity(user: user, device: device.map { .exactly($0) } ?? .any)
        }

        private static func name(in container: KeyedDecodingContainer<CodingKeys>, _ key: CodingKeys) throws -> UserID {
            guard let name = UserID(try container.decode(String.self, forKey: key)) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key,
                    in: container,
                    debugDescription: "Not 1 to 64 of the allowed characters."
                )
            }
            return name
        }

        /// Reads 64 hexadecimal digits.
        private static func digest(_ text: String) -> [UInt8]? {
            text.utf8.count == 64 ? Hexadecimal.decode(text) : nil
        }
    }
}
