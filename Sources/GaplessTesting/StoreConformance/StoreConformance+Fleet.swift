import GaplessCore
import GaplessStore

extension StoreConformance {
    static let fleet = reports + orders

    // MARK: Reports

    private static let reports = [
        StoreCheck("fleet", "each finds what the others told, with the age of that on the store's clock") { bench in
            let (busy, idle) = (NodeReport(connections: 7, attached: 5, capacity: 10), NodeReport(capacity: 20))
            try bench.beat(StoreBench.nodeA, busy)
            bench.advance(by: .seconds(3))
            let found = [
                NodePeer(node: StoreBench.nodeA, age: .seconds(3), report: busy), NodePeer(node: StoreBench.nodeB, report: idle),
            ]
            try expectEqual(try bench.beat(StoreBench.nodeB, idle).peers, found, "three seconds later")
            bench.now = bench.now.advanced(by: .seconds(-2))
            try expectEqual(try bench.beat(StoreBench.nodeB, idle).peers, found, "by a wall clock that went back")
        },
        StoreCheck("fleet", "a report comes back as it was told") { bench in
            let reports = [
                NodeReport(isDraining: true, capacity: 1),
                NodeReport(isCordoned: true, connections: 3, attached: 2, capacity: 3),
                NodeReport(isDraining: true, isCordoned: true, connections: 0, attached: 0, capacity: 0),
                NodeReport(connections: Int(Limits.maxInteger), attached: Int(Limits.maxInteger), capacity: Int(Limits.maxInteger)),
            ]
            for report in reports {
                try bench.beat(StoreBench.nodeA, report)
                try expectEqual(try bench.beat(StoreBench.nodeB).report(of: StoreBench.nodeA), report, "what the other finds")
            }
        },
        StoreCheck("fleet", "who tells nothing of itself is found without a report") { bench in
            let found = [NodePeer(node: StoreBench.nodeA), NodePeer(node: StoreBench.nodeB)]
            try expectEqual(try bench.beat(StoreBench.nodeA).peers, found, "nobody told anything")
            try bench.beat(StoreBench.nodeB, NodeReport(capacity: 1))
            try expectEqual(try bench.beat(StoreBench.nodeA).report(of: StoreBench.nodeA), nil, "one still tells nothing")
        },
        StoreCheck("fleet", "each heartbeat tells anew, also that there is nothing to tell") { bench in
            try bench.beat(StoreBench.nodeA, NodeReport(connections: 1, capacity: 5))
            let newer = NodeReport(isCordoned: true, connections: 2, capacity: 5)
            try bench.beat(StoreBench.nodeA, newer)
            try expectEqual(try bench.beat(StoreBench.nodeB).report(of: StoreBench.nodeA), newer, "the newer one")
            try bench.beat(StoreBench.nodeA)
            try expectEqual(try bench.beat(StoreBench.nodeB).peers.first, NodePeer(node: StoreBench.nodeA), "none any more")
        },
        StoreCheck("fleet", "processes of one name tell each for itself") { bench in
            let next = NodeIdentity(name: StoreBench.nodeA.name, incarnation: 2)
            try bench.beat(StoreBench.nodeA, NodeReport(isDraining: true, capacity: 1))
            try bench.beat(next, NodeReport(capacity: 2))
            let found = try bench.beat(StoreBench.nodeB).peers.map(\.report?.capacity)
            try expectEqual(found, [1, 2, nil], "in order of name and incarnation")
        },
        StoreCheck("fleet", "two processes on one store see each other's reports and orders") { bench in
            let (busy, idle) = (NodeReport(connections: 7, capacity: 10), NodeReport(capacity: 20))
            try bench.beat(StoreBench.nodeA, busy, in: bench.storeA)
            let fromB = try bench.beat(StoreBench.nodeB, idle, in: bench.storeB)
            let fromA = try bench.beat(StoreBench.nodeA, busy, in: bench.storeA)
            for (receipt, name) in [(fromA, "A"), (fromB, "B")] {
                try expectEqual(receipt.report(of: StoreBench.nodeA), busy, "of A, by \(name)")
                try expectEqual(receipt.report(of: StoreBench.nodeB), idle, "of B, by \(name)")
            }
            try expectEqual(try bench.order(.drain, StoreBench.nodeB, in: bench.storeA), .given([StoreBench.nodeB]), "by A for B")
            let told = try bench.beat(StoreBench.nodeB, idle, in: bench.storeB).order?.order
            try expectEqual(told, .drain, "what B hears")
        },
        StoreCheck("fleet", "a node that stopped is found no more, and comes back with nothing told and nothing wanted") { bench in
            try bench.beat(StoreBench.nodeA, NodeReport(capacity: 5))
            try expectEqual(try bench.order(.cordon, StoreBench.nodeA), .given([StoreBench.nodeA]), "the order")
            let stop = HeartbeatOperation(
                node: StoreBench.nodeA,
                schemas: StoreBench.schemas,
                seen: .zero,
                report: NodeReport(isDraining: true, capacity: 5),
                isStopping: true
            )
            let last = try bench.heartbeatReceipt(stop, in: bench.store)
            try expectEqual(last.peers, [NodePeer(node: StoreBench.nodeB)], "what it finds last")
            try expectEqual(last.order, nil, "what it hears last")
            try expectEqual(try bench.beat(StoreBench.nodeB).peers, [NodePeer(node: StoreBench.nodeB)], "what the other finds")
            let back = try bench.beat(StoreBench.nodeA)
            try expectEqual(back.report(of: StoreBench.nodeA), nil, "what is known of it when it is back")
            try expectEqual(back.order, nil, "what is wanted of it when it is back")
        },
        StoreCheck("fleet", "the reports and orders of the dead leave with the sweep") { bench in
            try bench.beat(StoreBench.nodeA, NodeReport(capacity: 5))
            try expectEqual(try bench.order(.cordon, StoreBench.nodeA), .given([StoreBench.nodeA]), "the order")
            bench.advance(by: bench.policy.nodeLifetime)
            try expectEqual(try bench.beat(StoreBench.nodeB).peers, [NodePeer(node: StoreBench.nodeB)], "the dead one is not found")
            try bench.expireAll()
            let silent = try bench.beat(StoreBench.nodeA).order?.order
            try expectEqual(silent, .cordon, "one that only was silent still hears it")
            bench.advance(by: bench.policy.nodeLifetime + max(bench.policy.maxKeep, bench.policy.retention.keep))
            try bench.expireAll()
            try expectEqual(try bench.beat(StoreBench.nodeA).order, nil, "when nothing depends on it any more")
        },
    ]

    // MARK: Orders

    private static let orders = [
        StoreCheck("fleet", "an order reaches each living process of the name, and nobody else") { bench in
            let next = NodeIdentity(name: StoreBench.nodeA.name, incarnation: 2)
            let alike = ["ab", "A"].map { NodeIdentity(name: Name.node($0), incarnation: 1) }
            for node in [next] + alike { try bench.beat(node) }
            try expectEqual(try bench.order(.cordon, StoreBench.nodeA), .given([StoreBench.nodeA, next]), "who is to hear it")
            for node in [StoreBench.nodeA, next] {
                try expectEqual(try bench.beat(node).order?.order, .cordon, "\(node)")
            }
            for node in [StoreBench.nodeB] + alike { try expectEqual(try bench.beat(node).order, nil, "\(node)") }
        },
        StoreCheck("fleet", "an order is told until it is obeyed, to each process on its own") { bench in
            let next = NodeIdentity(name: StoreBench.nodeA.name, incarnation: 2)
            try bench.beat(next)
            _ = try bench.order(.uncordon, StoreBench.nodeA)
            let given = try bench.beat(StoreBench.nodeA).order
            try expectEqual(given?.order, .uncordon, "the order")
            for _ in 0..<3 { try expectEqual(try bench.beat(StoreBench.nodeA).order, given, "as long as it is not obeyed") }
            let number = given?.number ?? 0
            for _ in 0..<2 { try expectEqual(try bench.beat(StoreBench.nodeA, obeyed: number).order, nil, "once it is obeyed") }
            try expectEqual(try bench.beat(next).order, given, "the other process has not obeyed")
        },
        StoreCheck("fleet", "orders count up, and the newest takes the place of one that was not obeyed yet") { bench in
            let first = try bench.number(after: .cordon)
            let second = try bench.number(after: .uncordon)
            try expectEqual(second, first + 1, "the second")
            let newest = GivenOrder(number: second, order: .uncordon)
            try expectEqual(try bench.beat(StoreBench.nodeA, obeyed: first).order, newest, "when only the first was obeyed")
            try expectEqual(try bench.beat(StoreBench.nodeA, obeyed: second).order, nil, "when both were")
            _ = try bench.order(.cordon, StoreBench.nodeA)
            let third = try bench.beat(StoreBench.nodeA, obeyed: second).order
            try expectEqual(third, GivenOrder(number: second + 1, order: .cordon), "the third")
        },
        StoreCheck("fleet", "a drain stays, whatever is ordered after it but to hurry; what is dropped is not counted") { bench in
            let first = try bench.number(after: .cordon)
            let drain = try bench.number(after: .drain)
            for order in [NodeOrder.uncordon, .cordon, .drain] {
                try expectEqual(try bench.number(after: order), drain, "after \(order)")
            }
            let told = try bench.beat(StoreBench.nodeA, obeyed: first).order
            try expectEqual(told, GivenOrder(number: drain, order: .drain), "what is told")
            let hurry = try bench.number(after: .drainNow)
            try expectEqual(try bench.number(after: .drain), hurry, "nothing slows it down")
            try expectEqual(try bench.beat(StoreBench.nodeA, obeyed: drain).order?.order, .drainNow, "what is told of that")
            try expectEqual(try bench.beat(StoreBench.nodeA, obeyed: hurry).order, nil, "when it is obeyed")
        },
        StoreCheck("fleet", "an order to a node that is unknown, stopped or dead is told to nobody") { bench in
            let nobody = NodeIdentity(name: Name.node("nobody"), incarnation: 1)
            try expectEqual(try bench.order(.cordon, nobody), .noSuchNode, "unknown")
            _ = try bench.heartbeatReceipt(StoreBench.heartbeat(of: StoreBench.nodeB, isStopping: true), in: bench.store)
            try expectEqual(try bench.order(.cordon, StoreBench.nodeB), .noSuchNode, "stopped")
            bench.advance(by: bench.policy.nodeLifetime + .milliseconds(-1))
            try expectEqual(try bench.order(.cordon, StoreBench.nodeA), .given([StoreBench.nodeA]), "just alive")
            bench.advance(by: .milliseconds(1))
            try expectEqual(try bench.order(.cordon, StoreBench.nodeA), .noSuchNode, "dead: an order is no sign of life")
            let next = NodeIdentity(name: StoreBench.nodeA.name, incarnation: 2)
            try bench.beat(next)
            try expectEqual(try bench.order(.drain, StoreBench.nodeA), .given([next]), "only the process that lives")
        },
        StoreCheck("fleet", "an order and the heartbeat that hears it may be one batch") { bench in
            let order = StoreOperation.order(OrderOperation(node: StoreBench.nodeA.name, order: .cordon))
            let receipts = try bench.commit([order, .heartbeat(StoreBench.heartbeat(of: StoreBench.nodeA)), order]).receipts
            guard case .heartbeat(let heard) = receipts[1] else { throw StoreBench.wrongKind() }
            try expectEqual(heard.order?.order, .cordon, "what came before it")
            let number = heard.order?.number ?? 0
            let later = try bench.beat(StoreBench.nodeA, obeyed: number).order
            try expectEqual(later, GivenOrder(number: number + 1, order: .cordon), "what came after it")
        },
        StoreCheck("fleet", "a store that went back in time gives no number again that was obeyed") { bench in
            _ = try bench.order(.cordon, StoreBench.nodeA)
            let restore = try bench.saveCopy()
            _ = try bench.order(.uncordon, StoreBench.nodeA)
            let obeyed = try bench.number(after: .cordon)
            try expectEqual(try bench.beat(StoreBench.nodeA, obeyed: obeyed).order, nil, "obeyed")
            try restore()
            try expectEqual(try bench.beat(StoreBench.nodeA, obeyed: obeyed).order, nil, "the old order was obeyed long ago")
            _ = try bench.order(.drain, StoreBench.nodeA)
            let next = try bench.beat(StoreBench.nodeA, obeyed: obeyed).order
            try expectEqual(next?.order, .drain, "the next")
            try expect(!NodeOrders.isCovered(next?.number ?? 0, by: obeyed), "the node has not obeyed that number")
        },
    ]
}

extension StoreBench {
    /// A node gives a sign of life, through the object whose turn it is unless one is named, and finds what it finds.
    @discardableResult
    fileprivate func beat(
        _ node: NodeIdentity,
        _ report: NodeReport? = nil,
        obeyed: UInt64 = 0,
        in store: (any QueueStore)? = nil
    ) throws -> HeartbeatReceipt {
        let heartbeat = HeartbeatOperation(node: node, schemas: Self.schemas, seen: .zero, report: report, obeyed: obeyed)
        return try self.heartbeatReceipt(heartbeat, in: store ?? self.store)
    }

    /// An operator gives an order to a node of that name.
    fileprivate func order(_ order: NodeOrder, _ node: NodeIdentity, in store: (any QueueStore)? = nil) throws -> OrderReceipt {
        let operation = StoreOperation.order(OrderOperation(node: node.name, order: order))
        guard case .order(let receipt)? = try (store ?? self.store).commit([operation], now: self.now).receipts.first else {
            throw Self.wrongKind()
        }
        return receipt
    }
}

extension StoreBench {
    /// Gives an order to A; the number of what A is to do then, and hears with its heartbeat.
    fileprivate func number(after order: NodeOrder) throws -> UInt64 {
        _ = try self.order(order, Self.nodeA)
        return try self.beat(Self.nodeA).order?.number ?? 0
    }
}

extension HeartbeatReceipt {
    /// What it found of a node.
    fileprivate func report(of node: NodeIdentity) -> NodeReport? {
        self.peers.first { $0.node == node }?.report
    }
}
