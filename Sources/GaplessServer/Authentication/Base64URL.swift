import Foundation

/// Base64 in the alphabet for URLs, without padding (RFC 4648 §5).
enum Base64URL {
    /// The text of some bytes.
    static func encode(_ bytes: some Collection<UInt8>) -> String {
        var text = Data(bytes).base64EncodedString()
        text.replace("+", with: "-")
        text.replace("/", with: "_")
        text.replace("=", with: "")
        return text
    }

    /// The bytes of a text; nil for anything but the one text that `encode` gives.
    static func decode(_ text: String) -> [UInt8]? {
        var standard = text
        standard.replace("-", with: "+")
        standard.replace("_", with: "/")
        standard += String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
        guard let bytes = Data(base64Encoded: standard), self.encode(bytes) == text else { return nil }
        return Array(bytes)
    }
}
