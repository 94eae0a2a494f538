import DequeModule
import HeapModule

/// The lanes of all clients of a node, with one deadline and one bound for all of them.
package struct UplinkLanes: Sendable {
    /// Something that a lane wants, and which.
    package struct Wish: Hashable, Sendable {
        package let client: ClientID
        package let action: UplinkLane.Action
    }

    private struct Alarm: Comparable, Sendable {
        let moment: Instant
        let order: UInt64
        let client: ClientID

        static func < (left: Alarm, right: Alarm) -> Bool {
            (left.moment, left.order) < (right.moment, right.order)
        }
    }

    private let policy: HandlerPolicy
    /// No handler begins while so many bytes wait to be stored.
    private let maxSentBytes: Int
    private var lanes: [ClientID: UplinkLane] = [:]
    /// Of clients whose newest connection may not have heard yet that an older connection's message is handled.
    private var settled: [ClientID: UplinkLane.Settled] = [:]
    private var alarms = Heap<Alarm>()
    private var alarmCount: UInt64 = 0
    private var runs: UInt64 = 0
    /// The lanes whose handlers wait for room, first come, first served; one that is gone since has no place in the set.
    private var held = Deque<ClientID>()
    private var isHeld: Set<ClientID> = []

    /// Bytes that all lanes hold: payloads of messages, and what handlers sent while the store has not taken it.
    package var bytes: Int { self.messageBytes + self.sentBytes }
    private var messageBytes = 0
    private var sentBytes = 0

    /// - Parameter maxSentBytes: no handler begins while so much of what handlers sent waits to be stored, as when the store fails for long.
    package init(policy: HandlerPolicy, maxSentBytes: Int = .max) {
        self.policy = policy
        self.maxSentBytes = maxSentBytes
    }

    /// How many lanes are busy.
    package var count: Int { self.lanes.count }

    /// A voice received an uplink message. One that was handled meanwhile for an older connection is on its way to be acknowledged, and
    /// not handed over again. [R7.2-2]
    package mutating func deliver(_ delivery: UplinkDelivery, into wishes: inout [Wish]) {
        if let settled = self.settled[delivery.client] {
            if settled.outbox == delivery.outbox, delivery.number <= settled.number { return }
            self.settled[delivery.client] = nil
        }
        if self.lanes[delivery.client] == nil {
            self.lanes[delivery.client] = UplinkLane(client: delivery.client, policy: self.policy, runs: self.runs)
        }
        self.change(delivery.client, into: &wishes) { $0.deliver(delivery, into: &$1) }
    }

    /// A connection of this node became the client's voice.
    package mutating func attached(
        _ client: ClientID,
        under fence: Fence,
        outbox: OutboxID?,
        mark: SequenceNumber,
        into wishes: inout [Wish]
    ) {
        self.settled[client] = nil
        self.change(client, into: &wishes) { $0.attached(under: fence, outbox: outbox, mark: mark, into: &$1) }
    }

    /// The client's voice is elsewhere, or its queue is gone.
    package mutating func displaced(_ client: ClientID, into wishes: inout [Wish]) {
        self.settled[client] = nil
        self.change(client, into: &wishes) { $0.displaced(into: &$1) }
    }

    /// The client has no voice here any more.
    package mutating func left(_ client: ClientID) {
        self.settled[client] = nil
        var wishes: [Wish] = []
        self.change(client, into: &wishes) { lane, _ in lane.left() }
    }

    /// A handler returned, with what it sent.
    package mutating func returned(_ run: HandlerRun.ID, sends: [AppendOperation], into wishes: inout [Wish]) {
        self.change(run.client, into: &wishes) { $0.returned(sends: sends, into: &$1) }
    }

    /// A handler threw.
    package mutating func threw(_ run: HandlerRun.ID, now: Instant, into wishes: inout [Wish]) {
        self.change(run.client, into: &wishes) { $0.threw(now: now, into: &$1) }
    }

    /// The service decided about a message whose handler failed again and again.
    package mutating func decided(_ run: HandlerRun.ID, _ decision: HandlerDecision, now: Instant, into wishes: inout [Wish]) {
        self.change(run.client, into: &wishes) { $0.decided(decision, now: now, into: &$1) }
    }

    /// A mark was judged.
    package mutating func committed(_ operation: MarkOperation, _ receipt: MarkReceipt, now: Instant, into wishes: inout [Wish]) {
        self.change(operation.client, into: &wishes) { $0.committed(receipt, now: now, into: &$1) }
    }

    /// The store did not commit a mark, or nobody knows.
    package mutating func commitFailed(_ operation: MarkOperation, now: Instant, into wishes: inout [Wish]) {
        self.change(operation.client, into: &wishes) { $0.commitFailed(now: now, into: &$1) }
    }

    /// When to call `timerFired`; nil when nothing is waited for.
    package var nextDeadline: Instant? {
        self.alarms.min?.moment
    }

    /// The deadline passed.
    package mutating func timerFired(now: Instant, into wishes: inout [Wish]) {
        while let alarm = self.alarms.min, now >= alarm.moment {
            self.alarms.removeMin()
            self.change(alarm.client, into: &wishes) { $0.timerFired(now: now, into: &$1) }
        }
    }

    private mutating func change(
        _ client: ClientID,
        into wishes: inout [Wish],
        _ body: (inout UplinkLane, inout [UplinkLane.Action]) -> Void
    ) {
        self.apply(client, into: &wishes, body)
        while self.mayRun, let next = self.held.popFirst() {
            self.isHeld.remove(next)
            self.apply(next, into: &wishes) { $0.roomCame(into: &$1) }
        }
    }

    private var mayRun: Bool { self.sentBytes < self.maxSentBytes }

    private mutating func apply(
        _ client: ClientID,
        into wishes: inout [Wish],
        _ body: (inout UplinkLane, inout [UplinkLane.Action]) -> Void
    ) {
        guard var lane = self.lanes.removeValue(forKey: client) else { return }
        var actions: [UplinkLane.Action] = []
        let (bytes, sentBytes, deadline) = (lane.bytes, lane.sentBytes, lane.nextDeadline)
        lane.mayRun = self.mayRun
        body(&lane, &actions)
        self.messageBytes += lane.bytes - bytes
        self.sentBytes += lane.sentBytes - sentBytes
        if lane.isHeld, self.isHeld.insert(client).inserted { self.held.append(client) }
        wishes.append(contentsOf: actions.map { Wish(client: client, action: $0) })
        if let moment = lane.nextDeadline, moment != deadline {
            self.alarmCount += 1
            self.alarms.insert(Alarm(moment: moment, order: self.alarmCount, client: client))
        }
        self.runs = max(self.runs, lane.runs)
        if let settled = lane.settled { self.settled[client] = settled }
        if !lane.isIdle { self.lanes[client] = lane }
    }
}
