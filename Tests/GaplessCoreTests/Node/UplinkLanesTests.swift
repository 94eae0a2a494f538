import GaplessCore
import Testing

@Suite("Uplink lanes: all clients of a node")
struct UplinkLanesTests {
    private let now = Instant(nanoseconds: 0)

    @Test("lanes of different clients run beside each other; an idle one is forgotten, and no name of a run comes twice")
    func lanes() {
        var lanes = UplinkLanes(policy: HandlerPolicy())
        var wishes: [UplinkLanes.Wish] = []
        lanes.deliver(.test(1, "123"), into: &wishes)
        lanes.deliver(.test(1, "12", client: Named.client("bob")), into: &wishes)
        #expect(wishes.map(\.client) == [.phone, Named.client("bob")])
        #expect(lanes.count == 2 && lanes.bytes == 5)
        lanes.returned(HandlerRun.ID(client: .phone, number: 1), sends: [], into: &wishes)
        guard case .commit(let mark)? = wishes.last?.action else { return #expect(Bool(false)) }
        lanes.committed(mark, .advanced(sends: []), now: self.now, into: &wishes)
        #expect(lanes.count == 1 && lanes.bytes == 2)
        wishes = []
        lanes.deliver(.test(2), into: &wishes)
        guard case .run(let run)? = wishes.last?.action else { return #expect(Bool(false)) }
        #expect(run.id.number > 1)
    }

    @Test("what was taken over and is handled is not handed over again, though its client sent it before it heard so [R7.2-2]")
    func settled() {
        let newer = NodeRig.fence(4)
        for end in ["next", "left", "displaced", "attached"] {
            var lanes = UplinkLanes(policy: HandlerPolicy())
            var wishes: [UplinkLanes.Wish] = []
            lanes.deliver(.test(1), into: &wishes)
            lanes.attached(.phone, under: newer, outbox: ServerRig.outbox, mark: .zero, into: &wishes)
            lanes.returned(HandlerRun.ID(client: .phone, number: 1), sends: [], into: &wishes)
            guard case .commit(let mark)? = wishes.last?.action else { return #expect(Bool(false)) }
            lanes.committed(mark, .advanced(sends: []), now: self.now, into: &wishes)
            #expect(wishes.last?.action == .handled(newer, through: .first))
            wishes = []
            lanes.deliver(.test(1, fence: newer), into: &wishes)
            #expect(wishes.isEmpty && lanes.count == 0)
            // It is remembered no longer than that connection, and another numbering may use the number again.
            switch end {
            case "next": lanes.deliver(.test(2, fence: newer), into: &wishes)
            case "left": lanes.left(.phone)
            case "displaced": lanes.displaced(.phone, into: &wishes)
            default: lanes.attached(.phone, under: NodeRig.fence(5), outbox: ServerRig.outbox, mark: .zero, into: &wishes)
            }
            if end != "next" { lanes.deliver(.test(1, fence: newer), into: &wishes) }
            #expect(wishes.count == 1 && lanes.count == 1)
        }
    }

    @Test("the earliest deadline of all lanes is the next; each fires its own")
    func deadlines() {
        var lanes = UplinkLanes(policy: HandlerPolicy(firstWait: .milliseconds(100)))
        var wishes: [UplinkLanes.Wish] = []
        let bob = Named.client("bob")
        lanes.deliver(.test(1), into: &wishes)
        lanes.deliver(.test(1, client: bob), into: &wishes)
        lanes.threw(HandlerRun.ID(client: bob, number: 1), now: self.now, into: &wishes)
        lanes.threw(HandlerRun.ID(client: .phone, number: 1), now: self.now + .milliseconds(50), into: &wishes)
        #expect(lanes.nextDeadline == self.now + .milliseconds(100))
        wishes = []
        lanes.timerFired(now: self.now + .milliseconds(100), into: &wishes)
        #expect(wishes.map(\.client) == [bob])
        #expect(lanes.nextDeadline == self.now + .milliseconds(150))
        lanes.displaced(.phone, into: &wishes)
        lanes.timerFired(now: self.now + .seconds(1), into: &wishes)
        #expect(wishes.count == 1)
        #expect(lanes.nextDeadline == nil)
    }

    @Test("a client that leaves while its message is tried on takes the lane and its bytes with it")
    func leftWhileTriedOn() {
        var lanes = UplinkLanes(policy: HandlerPolicy(maxAttempts: 1))
        var wishes: [UplinkLanes.Wish] = []
        let run = HandlerRun.ID(client: .phone, number: 1)
        lanes.deliver(.test(1, "123"), into: &wishes)
        lanes.threw(run, now: self.now, into: &wishes)
        lanes.decided(run, .retry, now: self.now, into: &wishes)
        #expect(lanes.bytes == 3 && lanes.nextDeadline == self.now + .milliseconds(100))
        wishes = []
        lanes.left(.phone)
        #expect(lanes.bytes == 0 && lanes.count == 0)
        lanes.timerFired(now: self.now + .seconds(1), into: &wishes)
        #expect(wishes.isEmpty && lanes.nextDeadline == nil)
    }

    /// Replies of 1,000 bytes, and what they count.
    private static func replies(_ count: Int) -> [AppendOperation] {
        (0..<count).map { _ in
            AppendOperation(
                recipients: .clients([.phone], existingOnly: false),
                payload: Payload(text: String(repeating: "x", count: 1_000))
            )
        }
    }

    @Test("what handlers sent counts until the store has it, and while that is too much none begins; then each in its turn")
    func room() {
        let clients = ["a", "b", "c", "d"].map { Named.client($0) }
        var lanes = UplinkLanes(policy: HandlerPolicy(), maxSentBytes: 2_000)
        var wishes: [UplinkLanes.Wish] = []
        func run(_ client: ClientID, _ number: UInt64) -> HandlerRun.ID { HandlerRun.ID(client: client, number: number) }
        lanes.deliver(.test(1, "12", client: clients[0]), into: &wishes)
        lanes.deliver(.test(1, "12", client: clients[1]), into: &wishes)
        lanes.returned(run(clients[0], 1), sends: Self.replies(2), into: &wishes)
        #expect(lanes.bytes == 4 + 2 * 1_064)
        guard case .commit(let mark)? = wishes.last?.action else { return #expect(Bool(false)) }
        lanes.commitFailed(mark, now: self.now, into: &wishes)
        #expect(lanes.bytes == 4 + 2 * 1_064, "a store that fails frees nothing")
        wishes = []
        // One that returns now has run in vain, and one that sends nothing has not.
        lanes.returned(run(clients[1], 1), sends: Self.replies(1), into: &wishes)
        lanes.deliver(.test(1, "12", client: clients[2]), into: &wishes)
        lanes.deliver(.test(1, "12", client: clients[3]), into: &wishes)
        #expect(wishes.isEmpty && lanes.bytes == 8 + 2 * 1_064)
        lanes.displaced(clients[2], into: &wishes)
        #expect(wishes.isEmpty && lanes.bytes == 6 + 2 * 1_064)
        lanes.timerFired(now: self.now + .seconds(1), into: &wishes)
        guard case .commit(let again)? = wishes.last?.action else { return #expect(Bool(false)) }
        wishes = []
        lanes.committed(again, .advanced(sends: []), now: self.now, into: &wishes)
        let begun = wishes.filter { if case .run = $0.action { true } else { false } }
        #expect(begun.map(\.client) == [clients[1], clients[3]] && lanes.bytes == 4)
    }

    @Test("a handler that sends nothing is not held by what others sent")
    func roomForNothing() {
        var lanes = UplinkLanes(policy: HandlerPolicy(), maxSentBytes: 1_000)
        var wishes: [UplinkLanes.Wish] = []
        let (alice, bob) = (Named.client("alice"), Named.client("bob"))
        for client in [alice, bob] { lanes.deliver(.test(1, client: client), into: &wishes) }
        lanes.returned(HandlerRun.ID(client: alice, number: 1), sends: Self.replies(1), into: &wishes)
        wishes = []
        lanes.returned(HandlerRun.ID(client: bob, number: 1), sends: [], into: &wishes)
        guard case .commit? = wishes.last?.action else { return #expect(Bool(false)) }
    }

    @Test("a held message is taken over by the next connection, and given up when it was tried on and its client leaves")
    func held() {
        var lane = UplinkLane(client: .phone, policy: HandlerPolicy(maxAttempts: 1))
        var actions: [UplinkLane.Action] = []
        lane.mayRun = false
        lane.deliver(.test(1), into: &actions)
        #expect(actions.isEmpty && lane.isHeld && lane.nextDeadline == nil)
        lane.attached(under: NodeRig.fence(4), outbox: ServerRig.outbox, mark: .zero, into: &actions)
        lane.left()
        #expect(lane.isHeld)
        lane.mayRun = true
        lane.roomCame(into: &actions)
        let delivery = UplinkDelivery.test(1, fence: NodeRig.fence(4))
        #expect(actions == [.run(HandlerRun(id: HandlerRun.ID(client: .phone, number: 1), delivery: delivery, failures: 0))])
        lane.roomCame(into: &actions)
        #expect(actions.count == 1)
        lane.attached(under: NodeRig.fence(4), outbox: ServerRig.outbox, mark: .zero, into: &actions)
        lane.threw(now: self.now, into: &actions)
        lane.mayRun = false
        lane.decided(.retry, now: self.now, into: &actions)
        lane.timerFired(now: self.now + .seconds(1), into: &actions)
        #expect(lane.isHeld)
        lane.left()
        #expect(lane.isIdle)
    }

    @Test("what concerns a client without a lane means nothing")
    func noLane() {
        var lanes = UplinkLanes(policy: HandlerPolicy())
        var wishes: [UplinkLanes.Wish] = []
        lanes.attached(.phone, under: ServerRig.fence, outbox: nil, mark: .zero, into: &wishes)
        lanes.displaced(.phone, into: &wishes)
        lanes.returned(HandlerRun.ID(client: .phone, number: 1), sends: [], into: &wishes)
        #expect(wishes.isEmpty && lanes.count == 0)
    }

    @Test("a budget takes what fits, refuses a connection once, and drops what follows until it is gone [R7.3-3]")
    func budget() {
        var budget = UplinkBudget(limit: 10)
        let first = ServedConnectionID(1)
        let second = ServedConnectionID(2)
        let verdicts = [
            budget.receive(bytes: 4, from: first, held: 6), budget.receive(bytes: 5, from: first, held: 6),
            budget.receive(bytes: 1, from: first, held: 0), budget.receive(bytes: 0, from: second, held: 10),
            budget.receive(bytes: 1, from: second, held: 10),
        ]
        #expect(verdicts == [.taken, .refused, .dropped, .taken, .refused])
        budget.forget(first)
        let again = [budget.receive(bytes: 10, from: first, held: 0), budget.receive(bytes: 1, from: second, held: 0)]
        #expect(again == [.taken, .dropped])
    }
}
