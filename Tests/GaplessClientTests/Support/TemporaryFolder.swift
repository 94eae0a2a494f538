import Foundation
import Testing

/// A folder of its own that is removed with everything in it when the test is over.
final class TemporaryFolder: Sendable {
    /// Where the folder is.
    let path: String

    init() throws {
        self.path = FileManager.default.temporaryDirectory.appendingPathComponent("gapless-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: false)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: self.path)
    }

    /// The path of a file in the folder.
    func file(_ name: String) -> String { "\(self.path)/\(name)" }

    /// All bytes of a file.
    func read(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: self.file(name))))
    }

    /// Puts bytes into a file.
    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: self.file(name)))
    }

    /// The names of the files in the folder.
    func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self.path).sorted()
    }

    /// The permissions of a file.
    func mode(_ name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: self.file(name))
        return try #require(attributes[.posixPermissions] as? Int)
    }
}
