import Foundation

/// A folder of one test, gone with the test.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        var random = SystemRandomNumberGenerator()
        self.path = NSTemporaryDirectory() + "gapless-test-" + String(random.next(), radix: 16)
        do {
            try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
        } catch {
            preconditionFailure("a test needs a folder: \(error)")
        }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: self.path)
    }

    /// A path in the folder.
    func file(_ name: String = "gapless.db") -> String {
        "\(self.path)/\(name)"
    }

    /// Writes a file into the folder.
    @discardableResult
    func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: self.file(name)))
        return self.file(name)
    }
}
