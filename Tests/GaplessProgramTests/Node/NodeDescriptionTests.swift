import Foundation
import Testing

@testable import gapless

@Suite struct NodeDescriptionTests {
    @Test func nodesAsATable() {
        let nodes = [
            TopFixture.node("node-a", attached: 1_500, notReady: []),
            TopFixture.node("b", "draining", age: 1_340, attached: 12),
            TopFixture.node("old", "silent", age: 45_000, attached: nil),
        ]
        #expect(
            gapless.NodeDescription.table(nodes).text() == """
                NODE    STATE     CONNECTIONS  ATTACHED  CAPACITY   SEEN  READY
                node-a  serving         1,502     1,500    10,000    now  yes
                b       draining           14        12    10,000  1.3 s  -
                old     silent              -         -         -   45 s  -
                """
        )
    }

    @Test func theNodeThatIsAskedSaysWhyItIsNotReady() {
        let table = gapless.NodeDescription.table([TopFixture.node("a", "draining", notReady: ["draining", "full"])])
        #expect(table.text().hasSuffix("no: draining, full"))
    }

    @Test func whatIsTooMuchIsNamed() {
        var nodes = [TopFixture.node("a", notReady: []), TopFixture.node("b"), TopFixture.node("c", notReady: ["disk"])]
        for index in nodes.indices { nodes[index].over = ["disk", "memory"] }
        let lines = gapless.NodeDescription.table(nodes).text().split(separator: "\n").dropFirst()
        #expect(zip(lines, ["yes, over: disk, memory", "over: disk, memory", "no: disk"]).allSatisfy { $0.hasSuffix($1) })
    }

    @Test func whatALaterNodeTellsBesidesDoesNoHarm() throws {
        let text =
            #"{"nodes":[{"name":"a","state":"resting","age":0,"notReady":["tired"],"mood":{"of":"the day"}},{"name":"b","state":"serving","age":9}]}"#
        let nodes = try JSONDecoder().decode(gapless.NodeDescription.List.self, from: Data(text.utf8)).nodes
        #expect(nodes.map(\.state) == ["resting", "serving"])
        #expect(nodes.map(\.isAsked) == [true, false])
        #expect(nodes[1].capacity == nil)
    }
}
