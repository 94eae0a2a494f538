import Foundation
import Testing

/// The examples of the README are the files beside this one, which the compiler reads.
@Suite struct ReadmeTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()

    private static func text(_ path: String, from folder: URL) throws -> String {
        try String(contentsOf: folder.appending(path: path), encoding: .utf8)
    }

    /// The blocks of Swift in the README, in their order.
    private static func examples() throws -> [String] {
        let readme = try Self.text("../../../README.md", from: Self.folder)
        return readme.components(separatedBy: "```swift\n").dropFirst().compactMap { $0.components(separatedBy: "```").first }
    }

    @Test func theExamplesOfTheReadmeAreTheFilesThatCompile() throws {
        let files = try ["ServerExample.swift", "ClientExample.swift"].map { try Self.text($0, from: Self.folder) }
        #expect(try Self.examples() == files)
    }
}
