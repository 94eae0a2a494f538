import GaplessCore
import GaplessStore

extension StoreConformance {
    static let sentAway = [
        StoreCheck("sent away", "who is sent away is refused with the code until the time is over, and nothing else changes") { bench in
            let first = try bench.attach()
            try bench.send(1...3)
            _ = try bench.detach(first.fence)
            let before = try bench.snapshot()
            let receipt = try bench.sendAway(code: .forbidden, time: .seconds(600))
            try expectEqual(receipt, .sentAway(holder: nil, code: .forbidden), "the receipt")
            let hello = bench.hello(position: first.position(2))
            bench.advance(by: .milliseconds(599_999))
            for _ in 0..<2 { try expectEqual(try bench.attachReceipt(hello), .sentAway(.forbidden), "within that time") }
            try expectEqual(try bench.snapshot()?.generation, before?.generation, "the generation")
            try expectEqual(try bench.snapshot()?.floor, before?.floor, "a refused position acknowledges nothing")
            try expectEqual(try bench.snapshot()?.detached, before?.detached, "the queue's lifetime runs on")
            bench.advance(by: .milliseconds(1))
            try expectEqual(try bench.attach(hello).resume, .resumed, "after it")
        },
        StoreCheck("sent away", "who has no queue is refused too, and gets none") { bench in
            try expectEqual(try bench.sendAway(code: .tokenRefused), .sentAway(holder: nil, code: .tokenRefused), "the receipt")
            try expectEqual(try bench.attachReceipt(bench.hello()), .sentAway(.tokenRefused), "the hello")
            try expectEqual(try bench.snapshot(), nil, "the queue")
            try bench.attach(StoreBench.tablet)
            try bench.attach(StoreBench.bob)
        },
        StoreCheck("sent away", "who is attached is told through its node, and holds its queue until it gives it back") { bench in
            let fence = try bench.attach().fence
            try bench.send("1")
            let holder = try bench.snapshot()?.holder
            let cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).cursor
            let away = StoreOperation.sendAway(SendAwayOperation(client: StoreBench.phone, code: .removedByOperator))
            let receipt = try bench.storeB.commit([away], now: bench.now)
            try expectEqual(receipt.receipts, [.sendAway(.sentAway(holder: holder, code: .removedByOperator))], "the receipt")
            try expectEqual(receipt.wake, [StoreBench.nodeA], "who is to be woken")
            let signals = try bench.storeA.signals(for: StoreBench.nodeA, after: cursor).signals
            let kind = Signal.Kind.sentAway(.removedByOperator, from: FenceDigest(fence))
            try expectEqual(signals, [Signal(client: StoreBench.phone, kind: kind)], "the signals")
            try expectEqual(try bench.snapshot()?.holder, holder, "who holds the queue")
            try expectEqual(try bench.read(fence).texts, ["1"], "its fence is good still")
            let floor = AcknowledgeReceipt.acknowledged(floor: .first, head: .first)
            try expectEqual(try bench.acknowledge(1, fence), floor, "an acknowledgement under way")
            try expectEqual(try bench.detach(fence), .detached, "it gives the queue back")
        },
        StoreCheck("sent away", "what a node has not heard of it yet gives way to a takeover") { bench in
            _ = try bench.storeA.commit([.attach(bench.hello())], now: bench.now)
            let cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).cursor
            let away = SendAwayOperation(client: StoreBench.phone, code: .forbidden)
            _ = try bench.storeB.commit([.sendAway(away)], now: bench.now)
            bench.advance(by: SendAwayOperation.hour)
            try bench.heartbeat()
            _ = try bench.storeB.commit([.attach(bench.hello(as: StoreBench.second, at: StoreBench.nodeB))], now: bench.now)
            let signals = try bench.storeA.signals(for: StoreBench.nodeA, after: cursor).signals
            try expectEqual(signals, [Signal(client: StoreBench.phone, kind: .displaced)], "the signals")
        },
        StoreCheck("sent away", "what a node hears late names the connection that was meant, not the one that came since") { bench in
            let first = try bench.attach().fence
            let cursor = try bench.storeA.signals(for: StoreBench.nodeA, after: .zero).cursor
            let away = SendAwayOperation(client: StoreBench.phone, code: .forbidden)
            _ = try bench.storeB.commit([.sendAway(away)], now: bench.now)
            _ = try bench.detach(first)
            _ = try bench.sendAway(code: nil)
            let second = try bench.attach().fence
            try expectEqual(second == first, false, "it attached under another fence")
            let signals = try bench.storeA.signals(for: StoreBench.nodeA, after: cursor).signals
            let kind = Signal.Kind.sentAway(.forbidden, from: FenceDigest(first))
            try expectEqual(signals, [Signal(client: StoreBench.phone, kind: kind)], "the signals")
        },
        StoreCheck("sent away", "it goes before every other refusal", policy: StorePolicy(maxClientsPerUser: 1)) { bench in
            let first = try bench.attach(bench.hello(attempt: 5))
            _ = try bench.sendAway(code: .forbidden)
            _ = try bench.sendAway(StoreBench.tablet, code: .authenticateAgain)
            try expectEqual(try bench.attachReceipt(bench.hello(attempt: 5)), .sentAway(.forbidden), "late")
            let rival = bench.hello(as: StoreBench.second, position: first.position(0), held: .zero)
            try expectEqual(try bench.attachReceipt(rival), .sentAway(.forbidden), "a rival")
            try expectEqual(try bench.attachReceipt(bench.hello(StoreBench.tablet)), .sentAway(.authenticateAgain), "no room for it")
        },
        StoreCheck("sent away", "the newest word counts, with a time of its own") { bench in
            _ = try bench.sendAway(code: .forbidden)
            bench.advance(by: .seconds(3_000))
            _ = try bench.sendAway(code: .rateLimited)
            bench.advance(by: .seconds(3_599))
            try expectEqual(try bench.attachReceipt(bench.hello()), .sentAway(.rateLimited), "the second hour")
            _ = try bench.sendAway(code: .overloaded, time: .seconds(1))
            bench.advance(by: .seconds(1))
            try bench.attach()
        },
        StoreCheck("sent away", "who is let in may come at once") { bench in
            try expectEqual(try bench.sendAway(code: nil), .letIn(wasAway: false), "it was not away")
            _ = try bench.sendAway(code: .forbidden)
            try expectEqual(try bench.sendAway(code: nil), .letIn(wasAway: true), "it was")
            try bench.attach()
            _ = try bench.sendAway(code: .forbidden, time: .seconds(1))
            bench.advance(by: .seconds(1))
            try expectEqual(try bench.sendAway(code: nil), .letIn(wasAway: false), "its time was over")
        },
        StoreCheck("sent away", "only so many can be at a time", policy: StorePolicy(maxSentAway: 2)) { bench in
            for client in [StoreBench.phone, StoreBench.tablet, StoreBench.phone] {
                try expectEqual(try bench.sendAway(client, code: .forbidden), .sentAway(holder: nil, code: .forbidden), "\(client)")
            }
            try expectEqual(try bench.sendAway(StoreBench.bob, code: .forbidden), .tooMany, "one too many")
            try bench.attach(StoreBench.bob)
            _ = try bench.sendAway(StoreBench.tablet, code: nil)
            guard case .sentAway = try bench.sendAway(StoreBench.bob, code: .forbidden) else {
                throw StoreConformanceFailure("there is room")
            }
            bench.advance(by: SendAwayOperation.hour)
            guard case .sentAway = try bench.sendAway(StoreBench.tablet, code: .forbidden) else {
                throw StoreConformanceFailure("there is room again")
            }
        },
        StoreCheck("sent away", "it outlives the processes, the queue and the sweep, but not its time") { bench in
            try bench.attach()
            _ = try bench.sendAway(code: .forbidden)
            _ = try bench.remove()
            try bench.reopen()
            bench.advance(by: SendAwayOperation.hour + .milliseconds(-1))
            try bench.expireAll()
            try expectEqual(try bench.attachReceipt(bench.hello()), .sentAway(.forbidden), "still")
            bench.advance(by: .milliseconds(1))
            try bench.expireAll()
            try expectEqual(try bench.attach().resume, .new, "then")
        },
    ]
}

extension StoreBench {
    /// An operator sends a client away, or lets it come again.
    fileprivate func sendAway(
        _ client: ClientID = phone,
        code: CloseCode?,
        time: Duration = SendAwayOperation.hour
    ) throws -> SendAwayReceipt {
        let operation = SendAwayOperation(client: client, code: code, time: time)
        guard case .sendAway(let receipt) = try self.commit(.sendAway(operation)) else { throw Self.wrongKind() }
        return receipt
    }
}
