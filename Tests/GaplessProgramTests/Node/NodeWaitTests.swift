import GaplessCore
import Testing

@testable import gapless

@Suite struct NodeWaitTests {
    private static func verdicts(_ order: NodeOrder, _ looks: [[String]]) -> [NodeWait.Verdict] {
        var wait = NodeWait("b", order)
        return looks.map { states in
            wait.look(at: [TopFixture.node("a", notReady: [])] + states.map { TopFixture.node("b", $0, attached: 1_000) })
        }
    }

    @Test func aDrainIsOverWhenTheNodeIsOffTheList() {
        let seen = Self.verdicts(.drain, [["serving"], ["draining"], []])
        #expect(seen == [.waiting("b serving, 1,000 clients"), .waiting("b draining, 1,000 clients"), .ended])
    }

    @Test func aNodeThatDrainedAndServesIsAnotherProcess() {
        #expect(Self.verdicts(.drain, [["draining"], ["draining", "serving"], ["serving"]]).last == .ended)
        #expect(Self.verdicts(.drain, [["draining"], ["draining", "serving"]]).last == .waiting("b draining, 1,000 clients"))
        #expect(Self.verdicts(.drain, [["serving"], ["serving"]]).last == .waiting("b serving, 1,000 clients"), "it has not heard yet")
        #expect(Self.verdicts(.drain, [["draining"], ["silent"]]).last == .waiting("b silent, 1,000 clients"), "nobody knows")
    }

    @Test func aCordonIsObeyedWhenEachNodeOfThatNameIsCordoned() {
        #expect(Self.verdicts(.cordon, [["serving"], ["cordoned"]]) == [.waiting("b serving, 1,000 clients"), .obeyed("cordoned")])
        #expect(Self.verdicts(.cordon, [["silent", "cordoned"]]) == [.obeyed("cordoned")], "one was killed a moment ago")
        #expect(Self.verdicts(.cordon, [["silent"]]) == [.waiting("b silent, 1,000 clients")])
        #expect(Self.verdicts(.cordon, [["draining"]]) == [.obeyed("draining")], "that is more than was asked for")
        #expect(Self.verdicts(.cordon, [["cordoned", "serving"]]) == [.waiting("b cordoned, 1,000 clients")])
    }

    @Test func anUncordonIsObeyedWhenItServes() {
        #expect(Self.verdicts(.uncordon, [["cordoned"], ["serving"]]) == [.waiting("b cordoned, 1,000 clients"), .obeyed("serving")])
        #expect(Self.verdicts(.uncordon, [["draining"]]) == [.refused("'b' drains, and nothing takes that back")])
    }

    @Test func aNodeThatWentCannotObey() {
        #expect(Self.verdicts(.cordon, [[]]) == [.refused("'b' ended before it obeyed")])
        #expect(NodeWait("b", .cordon).lookAtNobody() == .refused("'b' ended before it obeyed"))
        #expect(NodeWait("b", .drain).lookAtNobody() == .ended)
    }
}
