import Crypto
import Foundation
import GaplessCore
import GaplessStore

/// Names clients, and makes and verifies the tokens of those named (Protocol.md §9.2).
///
/// A token is `1.KEY.TIME.MAC`: its version, the id of a key, the time in seconds at which it was made, and the HMAC-SHA256 of key, time and
/// client under that key. Nothing about a client is stored; the two keys are the store's, so every node verifies every token.
struct ClientTokens: Sendable {
    private let keys: [TokenKey]

    /// - Parameter keys: those of the store, newest first; at least one.
    init(keys: [TokenKey]) {
        precondition(!keys.isEmpty, "a store has a key for tokens")
        self.keys = keys
    }

    /// A new client, by a name of 128 random bits that nobody else has.
    static func makeName(using random: inout some RandomNumberGenerator) -> ClientID {
        var bytes: [UInt8] = []
        for _ in 0..<2 { withUnsafeBytes(of: random.next()) { bytes.append(contentsOf: $0) } }
        guard let client = ClientID(Base64URL.encode(bytes)) else {
            preconditionFailure("base64 for URLs has only characters that names may have")
        }
        return client
    }

    /// A token for a client.
    func token(for client: ClientID, now: Timestamp) -> String {
        let key = self.keys[0]
        let seconds = now.milliseconds / 1_000
        let mac = HMAC<SHA256>.authenticationCode(for: Self.message(client, key.id, seconds), using: SymmetricKey(data: key.secret))
        return "1.\(key.id).\(seconds).\(Base64URL.encode(Array(mac)))"
    }

    /// Whether a token is genuine and this client's. It proves that until its key is gone.
    func verify(_ token: String, for client: ClientID) -> Bool {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "1", let seconds = UInt64(parts[2]), String(seconds) == parts[2],
            let mac = Base64URL.decode(String(parts[3])), let key = self.keys.first(where: { $0.id == parts[1] })
        else { return false }
        // Compares in constant time.
        return HMAC<SHA256>.isValidAuthenticationCode(
            mac,
            authenticating: Self.message(client, key.id, seconds),
            using: SymmetricKey(data: key.secret)
        )
    }

    /// What the MAC is made over. No part can hold a line end, so no two triples read the same.
    private static func message(_ client: ClientID, _ key: String, _ seconds: UInt64) -> Data {
        Data("gapless client token\n1\n\(key)\n\(seconds)\n\(client)".utf8)
    }
}
