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
        #expect(huge.text.utf8.count <= 300)
        #expect(NodeReport(huge.text)?.isRefuge == false)
    }

    @Test("what is too much is told by name; what a later program names is kept, and what is no name says that something is too much")
    func over() {
        let report = NodeReport(capacity: 7, over: LoadMeasure.allCases.map(\.rawValue))
        #expect(report.text.utf8.count <= 300)
        #expect(report.text.hasSuffix(#""capacity":7,"over":["connections","loop-lag","commits-slow","memory","disk"]}"#))
        #expect(NodeReport(report.text) == report && report.isOver)
        #expect(NodeReport(#"{"capacity":7,"over":["mood"]}"#)?.over == ["mood"])
        #expect(NodeReport(#"{"capacity":7,"over":[1,"","\u001b[31m"]}"#)?.over == ["unknown", "unknown", "unknown"])
        #expect(NodeReport(#"{"capacity":7,"over":[]}"#)?.isOver == false)
        #expect(NodeReport(#"{"capacity":7,"over":"memory"}"#)?.isOver == false)
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
    private let life = Incarnation(rawValue: 0)

    @Test("it is told until the node has obeyed, and the next one has another number")
    func obeyed() {
        var orders = NodeOrders()
        #expect(orders.given == nil)
        orders.give(.cordon, in: self.life)
        #expect(orders.given == GivenOrder(number: 1, order: .cordon))
        orders.obeyed(0)
        #expect(orders.given == GivenOrder(number: 1, order: .cordon))
        orders.obeyed(1)
        #expect(orders.given == nil)
        orders.give(.uncordon, in: self.life)
        #expect(orders.given == GivenOrder(number: 2, order: .uncordon))
    }

    @Test("the newest one counts, but nothing takes a drain back, and what is dropped behind it is no second drain")
    func newest() {
        var orders = NodeOrders()
        orders.give(.cordon, in: self.life)
        orders.give(.uncordon, in: self.life)
        #expect(orders.given == GivenOrder(number: 2, order: .uncordon))
        for order in [NodeOrder.drain, .uncordon, .cordon, .drain] {
            orders.give(order, in: self.life)
            #expect(orders.given == GivenOrder(number: 3, order: .drain))
        }
        for order in [NodeOrder.drainNow, .drain, .uncordon, .drainNow] {
            orders.give(order, in: self.life)
            #expect(orders.given == GivenOrder(number: 4, order: .drainNow))
        }
    }

    @Test("a store that went back in time gives no number again that the node has obeyed, whether it has heard of it again or not")
    func wentBack() {
        for life in [UInt64(0), 1, .max] {
            for knows in [true, false] {
                var orders = NodeOrders()
                orders.give(.cordon, in: self.life)
                if knows { orders.obeyed(7) }
                orders.give(.uncordon, in: Incarnation(rawValue: life))
                if !knows, life == 0 { continue }
                if !knows { orders.obeyed(7) }
                #expect(orders.given?.order == .uncordon)
                #expect(!NodeOrders.isCovered(orders.given?.number ?? 0, by: 7))
                #expect(orders.count <= UInt64(Int64.max))
                orders.obeyed(orders.count)
                #expect(orders.given == nil)
            }
        }
    }
}
