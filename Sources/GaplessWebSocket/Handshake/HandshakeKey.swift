import Crypto

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The key of a WebSocket handshake and the answer to it (RFC 6455 §4.1 and §4.2.2).
///
/// It proves that the other side speaks WebSocket and is no cache or confused HTTP server. It is no secret and no protection.
package struct HandshakeKey: Hashable, Sendable {
    /// Base64 of 16 bytes, as it stands in `Sec-WebSocket-Key`.
    package let rawValue: String

    /// A key that came in a request; nil unless it is the base64 of 16 bytes.
    package init?(_ text: String) {
        guard text.utf8.count == 24, Data(base64Encoded: text)?.count == 16 else { return nil }
        self.rawValue = text
    }

    /// A new key for a request.
    package init(using random: inout some RandomNumberGenerator) {
        let bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        self.rawValue = Data(bytes).base64EncodedString()
    }

    /// What must stand in `Sec-WebSocket-Accept`.
    package var accept: String {
        Data(Insecure.SHA1.hash(data: Data((self.rawValue + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))).base64EncodedString()
    }
}
