import Foundation
import Testing

@Suite("Vectors and the rules of Protocol.md")
struct VectorRuleTests {
    private static let document = ProtocolDocument.shared

    @Test("the files are read, and each vector has a name of its own")
    func names() throws {
        let vectors = try Vector.load()
        #expect(vectors.count > 300)
        let kinds: Set<String> = ["frame", "attach", "server", "client", "handshake", "statement"]
        var seen: Set<String> = []
        for vector in vectors {
            #expect(seen.insert(vector.name).inserted, "\(vector.testDescription) has the name of another")
            #expect(kinds.contains(vector.kind), "\(vector.file) is of a kind that nobody runs")
        }
    }

    @Test("each numbered rule has a vector, and no vector names a rule that there is not")
    func coverage() throws {
        let vectors = try Vector.load()
        let known = Set(Self.document.rules.map(\.id))
        let named = Set(vectors.flatMap(\.rules))
        #expect(named.subtracting(known).isEmpty, "no rules: \(named.subtracting(known).sorted())")
        let bare = Self.document.rules.map(\.id).filter { !named.contains($0) }
        #expect(bare.isEmpty, "no vector names \(bare.joined(separator: " "))")
    }

    @Test("the section of a vector is the one of a rule that it names")
    func sections() throws {
        let sections = Dictionary(uniqueKeysWithValues: Self.document.rules.map { ($0.id, $0.section) })
        for vector in try Vector.load() {
            #expect(vector.rules.contains { sections[$0] == vector.section }, "\(vector.testDescription): \(vector.section)")
        }
    }

    @Test("what no vector can show is shown by a test that there is", arguments: Vector.of(kind: "statement"))
    func statements(vector: Vector) throws {
        let fields = try VectorFields(vector.body)
        let why = try fields.string("why") ?? ""
        #expect(!why.isEmpty)
        let proofs = try fields.strings("shownBy") ?? []
        try fields.finish()
        #expect(!proofs.isEmpty)
        for proof in proofs {
            let parts = proof.split(separator: "#", maxSplits: 1).map(String.init)
            let text = try String(contentsOf: ProtocolDocument.packageRoot.appending(path: parts[0]), encoding: .utf8)
            #expect(parts.count == 2 && text.contains(parts[1]), "\(proof) is not there")
        }
    }

    @Test("statements are few")
    func fewStatements() {
        let count = Vector.of(kind: "statement").count
        #expect((1...12).contains(count))
    }

    @Test("a file with a field too many, without rules or of another format is refused")
    func strictness() {
        for text in [
            #"{"format":"gapless-vectors/2","kind":"frame","vectors":[]}"#,
            #"{"format":"gapless-vectors/1","kind":"frame","more":1,"vectors":[]}"#,
            #"{"format":"gapless-vectors/1","kind":"frame","vectors":[{"name":"n","rules":[],"section":"1"}]}"#,
            #"{"format":"gapless-vectors/1","kind":"frame","vectors":[{"name":"n","section":"1"}]}"#,
        ] {
            #expect(throws: VectorFailure.self, "\(text)") { try Vector.read(Data(text.utf8), file: "test") }
        }
    }

    @Test("a field that nobody knows, an unexpected frame and a missing one fail a vector")
    func strictSteps() {
        func server(_ steps: String) -> VectorValue? {
            try? JSONDecoder().decode(VectorValue.self, from: Data(#"{"steps":[\#(steps)]}"#.utf8))
        }
        let hello = #"{"hello":{},"on":"c1"}"#
        let good = hello + #",{"welcome":{"resume":"new"}},{"up":"PING 7"},{"down":"PONG 7"}"#
        let bad = [
            hello, hello + #",{"welcome":{},"more":1}"#, good + #",{"up":"PING 8"}"#, good + #",{"down":"PONG 8"}"#,
            good + #",{"what":1}"#, good + #",{"up":"PING 8","pass":1}"#,
        ]
        func fails(_ steps: String) -> Bool {
            guard let body = server(steps) else { return true }
            let vector = Vector(name: "test", kind: "server", rules: ["R1"], section: "1", body: body, file: "test")
            return (try? ServerVectorRun.run(vector)) == nil
        }
        #expect(!fails(good))
        for steps in bad { #expect(fails(steps), "\(steps)") }
    }
}
