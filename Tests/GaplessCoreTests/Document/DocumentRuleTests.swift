import Foundation
import Testing

@Suite("The rules of Protocol.md")
struct DocumentRuleTests {
    static let document = ProtocolDocument.shared

    @Test("Each id is used for one rule, in the section that it names")
    func ids() throws {
        var seen: Set<String> = []
        #expect(Self.document.rules.count > 200)
        for rule in Self.document.rules {
            #expect(seen.insert(rule.id).inserted, "\(rule.id) is used twice; \(rule.line.testDescription)")
            #expect(rule.id.hasPrefix("R\(rule.section)-"), "\(rule.id) stands in section \(rule.section)")
        }
    }

    @Test("A line that begins with an id binds somebody")
    func binding() {
        for rule in Self.document.rules where rule.line.text.hasPrefix("- ") {
            #expect(rule.line.text.hasPrefix("- [\(rule.id)] "), "\(rule.line.testDescription)")
            #expect(rule.line.text.contains("MUST") || rule.line.text.contains("MAY") || rule.line.text.contains("SHOULD"), "\(rule.id)")
        }
    }

    @Test("A sentence with MUST has an id")
    func bound() {
        var isInFence = false
        for (index, line) in ProtocolDocument.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.hasPrefix("```") { isInFence.toggle() }
            guard !isInFence, line.contains("MUST"), !line.contains("RFC 2119") else { continue }
            #expect(line.contains("[R"), "line \(index + 1): \(line.prefix(80))")
        }
    }

    @Test("Each rule that binds is cited by a test, and each citation is of a rule")
    func coverage() throws {
        let cited = try Citations.all()
        let known = Set(Self.document.rules.map(\.id))
        for citation in cited.sorted(by: { $0.key < $1.key }) where !known.contains(citation.key) {
            Issue.record("\(citation.value) cites \(citation.key), which is no rule")
        }
        let uncited = Self.document.rules.filter { Self.binds($0) && cited[$0.id] == nil }.map(\.id)
        #expect(uncited.isEmpty, "no test cites \(uncited.joined(separator: " "))")
    }

    /// Whether a test has to prove the rule: it says MUST, or it is a row of the table that MUST be followed.
    private static func binds(_ rule: ProtocolDocument.Rule) -> Bool {
        rule.line.text.contains("MUST") || rule.line.text.hasPrefix("| [")
    }
}

/// Where tests and vectors cite rules: as the id of a rule in brackets, or several with commas between them.
private enum Citations {
    /// The files that may cite: those of tests, and the conformance kit without the client that was written from the document.
    private static let folders = ["Tests", "Tools/conformance"]
    private static let kinds: Set<String> = ["swift", "json", "py", "txt"]
    private static let excluded: Set<String> = ["minimal-client.py"]

    /// Each cited id, with a file that cites it.
    static func all() throws -> [String: String] {
        var cited: [String: String] = [:]
        for folder in Self.folders {
            let root = ProtocolDocument.packageRoot.appending(path: folder)
            guard let files = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil) else { continue }
            for case let file as URL in files {
                guard Self.kinds.contains(file.pathExtension), !Self.excluded.contains(file.lastPathComponent) else { continue }
                let text = try String(contentsOf: file, encoding: .utf8)
                for match in text.matches(of: /\[(R[0-9]+(?:\.[0-9]+)?-[0-9]+(?:, ?R[0-9]+(?:\.[0-9]+)?-[0-9]+)*)\]/) {
                    for id in match.1.split(separator: ",") { cited[id.trimmingCharacters(in: .whitespaces)] = file.lastPathComponent }
                }
            }
        }
        return cited
    }
}
