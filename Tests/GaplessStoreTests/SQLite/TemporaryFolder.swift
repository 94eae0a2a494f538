import Foundation

/// A folder of one test, gone with the test.
final class TemporaryFolder: Sendable {
    /// Where it lies.
    enum Place {
        /// Where the system puts temporary files: a disk, mostly.
        case disk
        /// In memory, where the system has such a place: for tests that are not about what survives.
        case memory

        var path: String {
            let memory = "/dev/shm"
            guard case .memory = self, FileManager.default.isWritableFile(atPath: memory) else { return NSTemporaryDirectory() }
            return memory + "/"
        }
    }

    let path: String

    init(in place: Place = .disk) {
        var random = SystemRandomNumberGenerator()
        self.path = place.path + "gapless-test-" + String(random.next(), radix: 16)
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
