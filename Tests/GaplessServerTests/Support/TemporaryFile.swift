import Crypto
import Foundation

/// A file with some content, gone with its last user.
final class TemporaryFile: Sendable {
    let path: String

    init(_ content: String) throws {
        self.path = FileManager.default.temporaryDirectory.appendingPathComponent("gapless-test-\(UUID().uuidString)").path
        try Data(content.utf8).write(to: URL(fileURLWithPath: self.path))
    }

    deinit {
        try? FileManager.default.removeItem(atPath: self.path)
    }
}

enum Digest {
    /// The SHA-256 of a text, in hexadecimal digits.
    static func hexadecimal(_ text: String) -> String {
        SHA256.hash(data: Data(text.utf8)).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
