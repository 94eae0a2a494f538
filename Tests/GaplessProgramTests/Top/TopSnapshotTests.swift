import Testing

@testable import gapless

@Suite struct TopSnapshotTests {
    @Test func aNodesOwnWordGoesBeforeThatOfOthers() {
        let rows = TopFixture.fleet.rows
        #expect(rows.map(\.name) == ["node-a", "node-b", "node-c", "http://10.0.0.9:8401"])
        #expect(rows.map(\.state) == ["serving", "draining", "silent", "no answer"])
        #expect(rows[1].node?.attached == 412)
        #expect(rows.map { $0.measures != nil } == [true, true, false, false])
        #expect(TopFixture.fleet.asked == 3)
        #expect(TopFixture.fleet.answering == 2)
    }

    @Test func ofOthersTheYoungestWordCounts() {
        let own = [TopFixture.node("a", notReady: []), TopFixture.node("c", age: 900, attached: 1)]
        let other = [TopFixture.node("b", notReady: []), TopFixture.node("c", age: 300, attached: 2)]
        for histories in [[("x", own), ("y", other)], [("y", other), ("x", own)]] {
            let snapshot = TopSnapshot(histories.map { TopFixture.history($0.0, $0.1) })
            #expect(snapshot.rows.last?.node?.attached == 2)
        }
    }

    @Test func aNodeThatDoesNotAnswerKeepsItsNameAndComesBack() {
        let a = TopFixture.node("a", notReady: [])
        let nodes = [TopFixture.node("b", notReady: []), TopFixture.node("a", age: 500)]
        var history = TopFixture.history("x", [a], failures: 1)
        var row = TopSnapshot([history, TopFixture.history("y", nodes)]).rows[0]
        #expect(row.name == "a")
        #expect(row.failure == "connection refused")
        #expect(row.state == "serving", "the other one still sees it")
        #expect(row.measures == nil, "old rates would lie")
        row = TopSnapshot([history]).rows[0]
        #expect(row.name == "a")
        #expect(row.state == "no answer")

        history.add(TopReading(time: .seconds(60), outcome: .answer(nodes: [a], metrics: TopFixture.metrics(9))))
        row = TopSnapshot([history]).rows[0]
        #expect(row.failure == nil)
        #expect(row.measures?.backlog == 1_234)
        #expect(row.measures?.sent == nil, "what happened meanwhile is not of one interval")
    }

    @Test func twoAddressesOfOneNodeAreOneRow() {
        let a = TopFixture.node("a", notReady: [])
        let snapshot = TopSnapshot([TopFixture.history("x", [a]), TopFixture.history("y", [a]), TopFixture.history("z", [a], failures: 1)])
        #expect(snapshot.rows.count == 1)
        #expect(snapshot.rows[0].measures != nil)
        #expect(snapshot.asked == 3)
    }

    @Test func whatNobodyAskedYetHasNoRow() {
        #expect(TopSnapshot([TopHistory("x")]).rows.isEmpty)
        #expect(TopSnapshot([]).rows.isEmpty)
    }
}
