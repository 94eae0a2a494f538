import Foundation

/// The README, Protocol.md and the articles, as text.
enum Documents {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..").standardizedFileURL

    /// A text file of the repository.
    static func text(_ path: String) throws -> String {
        try String(contentsOf: self.root.appending(path: path), encoding: .utf8)
    }

    /// Every page of every catalogue: its path in the repository and its text.
    static func articles() throws -> [(path: String, text: String)] {
        var pages: [(path: String, text: String)] = []
        for product in ["GaplessServer", "GaplessClient", "GaplessTesting", "GaplessSQLite"] {
            let folder = "Sources/\(product)/\(product).docc"
            for name in try FileManager.default.contentsOfDirectory(atPath: self.root.appending(path: folder).path()).sorted()
            where name.hasSuffix(".md") {
                pages.append(("\(folder)/\(name)", try self.text("\(folder)/\(name)")))
            }
        }
        return pages
    }

    /// The blocks of code in a language, in their order.
    static func blocks(_ language: String, of text: String) -> [String] {
        text.components(separatedBy: "```\(language)\n").dropFirst().compactMap { $0.components(separatedBy: "```").first }
    }

    /// The cells of the rows of a table whose heading begins with these cells, as plain text.
    static func table(_ heading: [String], of text: String) -> [[String]] {
        var rows: [[String]] = []
        var isInside = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            guard line.hasPrefix("|") else {
                isInside = false
                continue
            }
            let cells = line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces).replacing("`", with: "")
            }
            if cells.starts(with: heading) {
                isInside = true
            } else if isInside, !cells[0].hasPrefix("---") {
                rows.append(cells)
            }
        }
        return rows
    }
}
