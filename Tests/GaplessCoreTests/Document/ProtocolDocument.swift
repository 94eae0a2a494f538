import Foundation
import Testing

/// Protocol.md taken apart: its blocks of frames, its tables and its rules, so that tests hold it against the code.
struct ProtocolDocument: Sendable {
    /// A line between fences, with the number that an editor shows.
    struct Line: Sendable, CustomTestStringConvertible {
        let number: Int
        let text: String
        var testDescription: String { "line \(self.number): \(self.text.prefix(60))" }
    }

    /// What stands between two fences.
    struct Block: Sendable {
        /// The word after the opening fence.
        let kind: String
        let lines: [Line]
    }

    /// A rule by its id, where it is defined.
    struct Rule: Sendable {
        /// Such as `R6.2-1`.
        let id: String
        /// The number of the section that it stands in, such as `6.2`.
        let section: String
        let line: Line
    }

    /// The rows of a table, without its rule; the first holds the headings.
    struct Table: Sendable {
        /// The number of the section that it stands in.
        let section: String
        let rows: [[String]]
    }

    /// The folder that holds Package.swift.
    static let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The document of this package.
    static let shared = ProtocolDocument(text: text)

    /// Its text; empty when there is none, which no test of it survives.
    static let text = (try? String(contentsOf: packageRoot.appending(path: "Protocol.md"), encoding: .utf8)) ?? ""

    private(set) var blocks: [Block] = []
    private(set) var tables: [Table] = []
    private(set) var rules: [Rule] = []

    init(text: String) {
        var section = ""
        var open: (kind: String, lines: [Line])?
        var rows: [[String]] = []
        for (index, substring) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = Line(number: index + 1, text: String(substring))
            if line.text.hasPrefix("```") {
                if let block = open {
                    self.blocks.append(Block(kind: block.kind, lines: block.lines))
                    open = nil
                } else {
                    open = (String(line.text.dropFirst(3)), [])
                }
                continue
            }
            guard open == nil else {
                open?.lines.append(line)
                continue
            }
            if let heading = line.text.firstMatch(of: #/^[#]{2,} ([0-9]+(?:\.[0-9]+)?)[. ]/#) { section = String(heading.1) }
            for match in line.text.matches(of: /\[(R[0-9.]+-[0-9]+)\]/) {
                self.rules.append(Rule(id: String(match.1), section: section, line: line))
            }
            if line.text.hasPrefix("|") {
                rows.append(Self.cells(line.text))
            } else if !rows.isEmpty {
                self.tables.append(Table(section: section, rows: rows.filter { !$0.allSatisfy { $0.allSatisfy { $0 == "-" } } }))
                rows = []
            }
        }
    }

    /// The lines of all blocks of a kind.
    func lines(_ kind: String) -> [Line] {
        self.blocks.filter { $0.kind == kind }.flatMap(\.lines)
    }

    /// The first table of a section whose headings begin like this.
    func table(_ section: String, _ headings: String...) -> [[String]] {
        let table = self.tables.first { $0.section == section && Array($0.rows[0].prefix(headings.count)) == headings }
        return table.map { Array($0.rows.dropFirst()) } ?? []
    }

    private static func cells(_ line: String) -> [String] {
        line.dropFirst().split(separator: "|", omittingEmptySubsequences: false).dropLast()
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }
}

extension String {
    /// What stands between the first pair of backticks; the whole text when there is none.
    var unquoted: String {
        self.firstMatch(of: /`([^`]*)`/).map { String($0.1) } ?? self
    }
}
