import Foundation
import Testing

@testable import GaplessConformance

/// The lists of checks against Protocol.md.
@Suite("The checks of the conformance kit")
struct CheckListTests {
    private static let document: String = {
        let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
        return (try? String(contentsOf: root.appending(path: "Protocol.md"), encoding: .utf8)) ?? ""
    }()

    private static var ids: Set<String> {
        Set(self.document.matches(of: /\[(R[0-9.]+-[0-9]+)\]/).map { String($0.1) })
    }

    private static var sections: Set<String> {
        Set(self.document.matches(of: /\n##+ ([0-9]+(?:\.[0-9]+)?)[. ]/).map { "§\($0.1)" })
    }

    private static var server: [(rule: String, isJudged: Bool)] { ServerConformance.checks.map { ($0.rule, $0.isJudged) } }
    private static var client: [(rule: String, isJudged: Bool)] { ClientConformance.checks.map { ($0.rule, $0.isJudged) } }

    @Test("each check is about a rule or a section that the document has")
    func rulesExist() {
        let known = Self.ids.union(Self.sections)
        #expect(Self.ids.count > 200 && Self.sections.count > 40, "the document was read")
        for rule in (Self.server + Self.client).map(\.rule) { #expect(known.contains(rule), "\(rule)") }
    }

    @Test("each rule of the document is judged, or the kit says why it cannot")
    func rulesAreCovered() {
        let covered = Set((Self.server + Self.client).map(\.rule))
        #expect(Self.ids.subtracting(covered).isEmpty, "\(Self.ids.subtracting(covered).sorted())")
        let judged = Set((Self.server + Self.client).filter(\.isJudged).map(\.rule)).intersection(Self.ids)
        print("The kit judges \(judged.count) of the \(Self.ids.count) rules of Protocol.md;", terminator: " ")
        print("\(Self.server.count) checks of a server, \(Self.client.count) of a client.")
        #expect(judged.count > 160)
    }

    @Test("a rule is either judged or out of reach, on each side")
    func noContradiction() {
        for side in [Self.server, Self.client] {
            let judged = Set(side.filter(\.isJudged).map(\.rule))
            #expect(judged.isDisjoint(with: side.filter { !$0.isJudged }.map(\.rule)))
        }
    }

    @Test("no two checks say the same", arguments: ["server", "client"])
    func lawsAreDistinct(side: String) {
        let laws =
            side == "server"
            ? ServerConformance.checks.map { "\($0.rule) \($0.law)" } : ClientConformance.checks.map { "\($0.rule) \($0.law)" }
        #expect(Set(laws).count == laws.count)
    }

    @Test("the bad frames are those of §4.12", arguments: ["up", "down"])
    func badFrames(direction: String) throws {
        let block = try #require(Self.document.components(separatedBy: "```frames-\(direction)-bad\n").dropFirst().first)
        let lines = try #require(block.components(separatedBy: "```").first).split(separator: "\n").map(String.init)
        let groups = direction == "up" ? BadFrames.up : BadFrames.down
        let kit = groups.flatMap(\.frames).map { "\($0.text)  # 4400 \($0.fault)" }
        #expect(lines.count > 20)
        #expect(Set(kit) == Set(lines))
        #expect(kit.count == lines.count)
    }
}
