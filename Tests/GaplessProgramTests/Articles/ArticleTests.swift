import Foundation
import Testing

/// The Swift in the articles is what the compiler reads in the files beside this one.
@Suite struct ArticleTests {
    /// The parts of the files between `// snippet: ...` and `// snippet end`, without the indentation that all of their lines have.
    private static func snippets() throws -> [String] {
        let folder = Documents.root.appending(path: "Tests/GaplessProgramTests/Articles")
        var snippets: [String] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted() where name.hasSuffix(".swift") {
            var lines: [String]?
            for line in try String(contentsOf: folder.appending(path: name), encoding: .utf8).components(separatedBy: "\n") {
                let words = line.trimmingCharacters(in: .whitespaces)
                if words.hasPrefix("// snippet: ") {
                    lines = []
                } else if words == "// snippet end" {
                    snippets.append(Self.withoutIndentation(lines ?? []))
                    lines = nil
                } else {
                    lines?.append(line)
                }
            }
            #expect(lines == nil, "a snippet of \(name) has no end")
        }
        return snippets
    }

    private static func withoutIndentation(_ lines: [String]) -> String {
        let indentation = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
        return lines.map { $0.dropFirst(indentation) + "\n" }.joined()
    }

    @Test func eachBlockOfSwiftIsCompiled() throws {
        let snippets = Set(try Self.snippets())
        for article in try Documents.articles() {
            for block in Documents.blocks("swift", of: article.text) {
                #expect(snippets.contains(block), "\(article.path) shows what no file here has:\n\(block)")
            }
        }
    }

    @Test func eachSnippetIsShown() throws {
        let blocks = Set(try Documents.articles().flatMap { Documents.blocks("swift", of: $0.text) })
        for snippet in try Self.snippets() {
            #expect(blocks.contains(snippet), "no article shows:\n\(snippet)")
        }
    }
}
