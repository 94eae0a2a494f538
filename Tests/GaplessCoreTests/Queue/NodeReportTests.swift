import GaplessCore
import Testing

@Suite("What a node tells the others survives the way through the store")
struct NodeReportTests {
    private let full = NodeReport(isDraining: true, isCordoned: true, connections: 12, attached: 11, capacity: 100_000)

    @Test("text and back")
    func roundTrip() {
        #expect(self.full.text == #"{"draining":true,"cordoned":true,"connections":12,"attached":11,"capacity":100000}"#)
        #expect(NodeReport(self.full.text) == self.full)
        let huge = NodeReport(connections: .max, attached: .max, capacity: .max)
        #expect(huge.text.utf8.count <= 200)
        #expect(NodeReport(huge.text)?.isRefuge == false)
    }

    @Test("a later program may say more, and one that says less is believed in the rest")
    func otherFields() {
        #expect(NodeReport(#"{"mood":{"good":[1.5]},"capacity":7}"#) == NodeReport(capacity: 7))
    }

    @Test("what is no report is none", arguments: ["", "{}", "[]", "serving", #"{"draining":true,"capacity":-1}"#, #"{"capacity":1"#])
    func malformed(_ text: String) {
        #expect(NodeReport(text) == nil)
    }
}

@Suite("An order reaches its node once")
struct NodeOrdersTests {
    @Test("it is told until the node has obeyed, and the next one has another number")
    func obeyed() {
        var orders = NodeOrders()
        #expect(orders.given == nil)
        orders.give(.cordon)
        #expect(orders.given == GivenOrder(number: 1, order: .cordon))
        orders.obeyed(0)
        #expect(orders.given == GivenOrder(number: 1, order: .cordon))
        orders.obeyed(1)
        #expect(orders.given == nil)
        orders.give(.uncordon)
        #expect(orders.given == GivenOrder(number: 2, order: .uncordon))
    }

    @Test("the newest one counts, but nothing takes a drain back")
    func newest() {
        var orders = NodeOrders()
        orders.give(.cordon)
        orders.give(.uncordon)
        #expect(orders.given == GivenOrder(number: 2, order: .uncordon))
        orders.give(.drain)
        orders.give(.uncordon)
        #expect(orders.given == GivenOrder(number: 4, order: .drain))
    }

    @Test("a store that went back in time gives no number again that the node has obeyed")
    func wentBack() {
        var orders = NodeOrders()
        orders.obeyed(7)
        orders.give(.cordon)
        #expect(orders.given == GivenOrder(number: 8, order: .cordon))
    }
}
