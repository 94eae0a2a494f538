import Foundation
public import GaplessServer

/// A SQLite store in a folder of its own, gone with its last user.
public final class TemporaryStore: Sendable {
    /// The database's file.
    public let path: String

    private let folder: URL

    /// Makes the folder; the file comes with the first server.
    public init() throws {
        self.folder = FileManager.default.temporaryDirectory.appendingPathComponent("gapless-\(UUID().uuidString)")
        self.path = self.folder.appendingPathComponent("gapless.db").path
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: self.folder)
    }

    /// For a server's initialiser. Keep this object for as long as a server uses it.
    public var configuration: StoreConfiguration { .sqlite(path: self.path) }
}
