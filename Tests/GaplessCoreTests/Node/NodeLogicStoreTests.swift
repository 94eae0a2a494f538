import GaplessCore
import Testing

@Suite("Node: admission, readiness and the store")
struct NodeLogicStoreTests {
    private func code(_ admission: Admission) -> CloseCode? {
        if case .refused(let ending) = admission { ending.error.code } else { nil }
    }

    // MARK: Admission and readiness

    @Test("a node takes clients once its store answered [R5.1-4]")
    func starting() {
        let rig = NodeRig()
        #expect(self.code(rig.logic.admit(authentications: 0, now: rig.now)) == .storeUnavailable)
        #expect(rig.logic.readiness(now: rig.now).reasons == [.starting])
        _ = rig.polled([])
        #expect(rig.logic.admit(authentications: 0, now: rig.now) == .accepted)
        // A node that another one may look for must be seen before clients are sent to it.
        #expect(rig.logic.readiness(now: rig.now).reasons == [.starting])
        #expect(rig.heartbeat(alive: [NodeRig.me]).effects.contains(.started))
        #expect(rig.logic.readiness(now: rig.now).isReady)
        #expect(!rig.heartbeat(alive: [NodeRig.me]).effects.contains(.started))
    }

    @Test("what /ready says: each reason by its name, and then the warnings")
    func words() {
        #expect(Readiness(reasons: []).description == "ready")
        #expect(Readiness(reasons: [], warnings: [.storeFull]).description == "ready store-full")
        #expect(
            Readiness(reasons: Readiness.Reason.allCases, warnings: Readiness.Warning.allCases).description
                == "starting draining cordoned store-cut-off schema-unknown full connections loop-lag commits-slow memory disk overloaded store-full"
        )
    }

    @Test("a draining node takes nobody: 4100 with retryAfter, before the store is touched [R5.1-3]")
    func draining() {
        let rig = NodeRig.started()
        let address = rig.attached()
        _ = rig.drain()
        guard case .refused(let ending) = rig.logic.admit(authentications: 0, now: rig.now) else { return #expect(Bool(false)) }
        #expect(ending.error.code == .overloaded)
        #expect(ending.error.message == "This node is draining.")
        #expect(ending.error.retryAfter == .seconds(2) && ending.error.jitter == .seconds(3))
        #expect(rig.logic.readiness(now: rig.now).reasons == [.draining])
        _ = address
    }

    @Test("a cordoned node takes nobody while another one is alive; alone it takes clients all the same")
    func cordoned() {
        let rig = NodeRig.started()
        _ = rig.setCordoned(true)
        _ = rig.heartbeat(finding: NodeReport(capacity: 10))
        #expect(self.code(rig.logic.admit(authentications: 0, now: rig.now)) == .overloaded)
        #expect(rig.logic.readiness(now: rig.now).reasons == [.cordoned])
        _ = rig.heartbeat(alive: [NodeRig.me])
        #expect(rig.logic.admit(authentications: 0, now: rig.now) == .accepted)
        #expect(rig.logic.readiness(now: rig.now).isReady)
        _ = rig.heartbeat(alive: [NodeRig.me, NodeRig.other])
        _ = rig.setCordoned(false)
        #expect(rig.logic.admit(authentications: 0, now: rig.now) == .accepted)
    }

    @Test("a full node is not ready, and takes nobody beyond its limit")
    func full() {
        let rig = NodeRig.started { $0.maxConnections = 1 }
        _ = rig.open()
        #expect(rig.logic.admit(authentications: 0, now: rig.now) == .accepted)
        #expect(rig.logic.readiness(now: rig.now).reasons == [.full])
        let second = rig.open()
        #expect(self.code(rig.logic.admit(authentications: 0, now: rig.now)) == .overloaded)
        _ = rig.close(second)
        #expect(rig.logic.admit(authentications: 0, now: rig.now) == .accepted)
    }

    @Test("a node that still checks too many proofs, of whomever, takes nobody")
    func proofs() {
        let rig = NodeRig.started { $0.maxConnections = 2 }
        _ = rig.open()
        #expect(rig.logic.admit(authentications: 1, now: rig.now) == .accepted)
        let admission = rig.logic.admit(authentications: 2, now: rig.now)
        #expect(self.code(admission) == .overloaded)
        guard case .refused(let ending) = admission else { return }
        #expect(ending.error.retryAfter != nil && ending.error.jitter != nil)
    }

    // MARK: Cut off

    @Test("10 s without an answer: not ready, and 4102 for a HELLO; an answer ends it [R5.1-4]")
    func cutOff() {
        let rig = NodeRig.started()
        _ = rig.live(for: .seconds(10), storeAnswers: false)
        #expect(rig.logic.admit(authentications: 0, now: rig.now) == .accepted)
        _ = rig.live(for: .milliseconds(10), storeAnswers: false)
        #expect(self.code(rig.logic.admit(authentications: 0, now: rig.now)) == .storeUnavailable)
        #expect(rig.logic.readiness(now: rig.now).reasons == [.storeCutOff])
        _ = rig.polled([])
        #expect(rig.logic.readiness(now: rig.now).isReady)
        #expect(rig.observations == [.storeCutOff, .storeReached])
    }

    @Test("30 s without an answer: the connections are closed with 4102, spread out")
    func evacuated() {
        let rig = NodeRig.started()
        let addresses = (0..<10).map { _ in rig.open() }
        #expect(rig.live(for: .seconds(30), storeAnswers: false).closes.isEmpty)
        let first = rig.live(for: .seconds(5), storeAnswers: false)
        #expect((4...6).contains(first.closes.count))
        let rest = rig.live(for: .seconds(10), storeAnswers: false)
        #expect(first.closes.count + rest.closes.count == addresses.count)
        #expect(Set(first.closes + rest.closes) == [.storeUnavailable])
    }

    @Test("a store that answers again ends the closing")
    func evacuationEnds() {
        let rig = NodeRig.started()
        for _ in 0..<10 { _ = rig.open() }
        let closed = rig.live(for: .seconds(32), storeAnswers: false).closes.count
        #expect((1..<10).contains(closed))
        _ = rig.polled([])
        #expect(rig.live(for: .seconds(20), storeAnswers: true).closes.isEmpty)
    }

    @Test("a node that knows of no other keeps its clients")
    func alone() {
        let rig = NodeRig.started(others: [])
        _ = rig.open()
        #expect(rig.live(for: .seconds(120), storeAnswers: false, others: []).closes.isEmpty)
        #expect(!rig.logic.readiness(now: rig.now).isReady)
    }

    @Test("a process that stood still does not blame the store")
    func stalled() {
        let rig = NodeRig.started()
        _ = rig.open()
        let output = rig.wait(.seconds(300))
        #expect(output.closes.isEmpty)
        #expect(rig.logic.admit(authentications: 0, now: rig.now) == .accepted)
    }

    // MARK: Room

    private func refused(_ refusal: AppendRefusal?, _ outcome: Delivery.Outcome? = nil) -> CommittedOperation {
        let append = AppendOperation(recipients: .clients([.phone], existingOnly: false), payload: Payload(text: "x"))
        let deliveries = outcome.map { [Delivery(client: .phone, outcome: $0)] } ?? []
        let receipt = AppendReceipt(time: Timestamp(milliseconds: 1), deliveries: deliveries, refusal: refusal)
        return CommittedOperation(.append(append), .append(receipt))
    }

    @Test("a store without room is told for 10 s after each refusal, and clients are welcome: they make room")
    func storeFull() {
        let rig = NodeRig.started()
        for full in [self.refused(.storeFull), self.refused(nil, .tooManyQueues)] {
            _ = rig.commit(full)
            #expect(rig.logic.readiness(now: rig.now) == Readiness(reasons: [], warnings: [.storeFull]))
            #expect(rig.logic.admit(authentications: 0, now: rig.now) == .accepted)
            _ = rig.live(for: .milliseconds(9_999), storeAnswers: true)
            #expect(rig.logic.readiness(now: rig.now).warnings == [.storeFull])
            _ = rig.live(for: .milliseconds(1), storeAnswers: true)
            #expect(rig.logic.readiness(now: rig.now) == Readiness(reasons: []))
        }
    }

    @Test("a disk without room is the same, and a message that is stored ends it")
    func diskFull() {
        let rig = NodeRig.started()
        let append = AppendOperation(recipients: .clients([.phone], existingOnly: false), payload: Payload(text: "x"))
        _ = rig.commitFailed(SubmittedOperation(.append(append)), failure: .full)
        #expect(rig.logic.readiness(now: rig.now).description == "ready store-full")
        _ = rig.heartbeat(alive: [NodeRig.me])
        #expect(rig.logic.readiness(now: rig.now).description == "ready store-full")
        _ = rig.commit(NodeRig.sent(1))
        #expect(rig.logic.readiness(now: rig.now).description == "ready")
    }

    @Test("other refusals say nothing about room")
    func otherRefusals() {
        let rig = NodeRig.started()
        for receipt in [self.refused(.conflict), self.refused(.tooManyKeys), self.refused(nil, .queueFull), self.refused(nil, .tooLarge)] {
            _ = rig.commit(receipt)
            #expect(rig.logic.readiness(now: rig.now).warnings.isEmpty)
        }
    }

    // MARK: Schema

    @Test("a store whose schema is unknown: not ready, 4102 for a HELLO, and 4000 for the connections, spread out, also when polls go on")
    func schemaUnknown() {
        let rig = NodeRig.started(others: [])
        let addresses = (0..<10).map { _ in rig.open() }
        let heartbeat = StoreOperation.heartbeat(HeartbeatOperation(node: NodeRig.me, schemas: 1...1, seen: .zero))
        _ = rig.commitFailed(SubmittedOperation(heartbeat), failure: .newerSchema)
        _ = rig.commitFailed(SubmittedOperation(heartbeat), failure: .newerSchema)
        #expect(rig.observations == [.schemaUnknown])
        #expect(rig.logic.readiness(now: rig.now).description == "schema-unknown")
        #expect(self.code(rig.logic.admit(authentications: 0, now: rig.now)) == .storeUnavailable)
        var closes = rig.fire().closes
        #expect(closes == [.draining])
        for _ in 0..<10 {
            _ = rig.polled([])
            closes += rig.wait(.seconds(1)).closes
        }
        #expect(closes.count == addresses.count && Set(closes) == [.draining])
    }

    @Test("a commit that succeeds says that the schema is known")
    func schemaKnown() {
        let rig = NodeRig.started()
        let heartbeat = StoreOperation.heartbeat(HeartbeatOperation(node: NodeRig.me, schemas: 1...1, seen: .zero))
        _ = rig.commitFailed(SubmittedOperation(heartbeat), failure: .newerSchema)
        _ = rig.heartbeat(alive: [NodeRig.me])
        #expect(rig.logic.readiness(now: rig.now).isReady)
        #expect(rig.logic.admit(authentications: 0, now: rig.now) == .accepted)
    }

    // MARK: Rounds

    @Test("it polls each 250 ms while clients are attached, more rarely while none are, one poll at a time")
    func polls() {
        let rig = NodeRig.started()
        #expect(rig.live(for: .seconds(10), storeAnswers: true).polls == 5)
        let address = rig.attached()
        let polls = rig.live(for: .seconds(10), storeAnswers: true).polls
        #expect((39...41).contains(polls))
        _ = rig.close(address)
        _ = rig.live(for: .milliseconds(250), storeAnswers: true)
        #expect(rig.live(for: .seconds(10), storeAnswers: true).polls == 5)
    }

    @Test("a poll goes on from the cursor that the one before gave, and one that fails is repeated")
    func cursor() {
        let rig = NodeRig.started()
        _ = rig.polled([], cursor: 7)
        #expect(rig.wait(.seconds(2)).effects.contains(.poll(after: SignalCursor(rawValue: 7))))
        rig.pollFailed()
        #expect(rig.wait(.seconds(2)).effects.contains(.poll(after: SignalCursor(rawValue: 7))))
    }

    @Test("a hint from another process polls at once, or right after the poll that is under way")
    func woken() {
        let rig = NodeRig.started()
        #expect(rig.woken().polls == 1)
        #expect(rig.woken() == .nothing)
        _ = rig.polled([])
        #expect(rig.fire().polls == 1)
    }

    @Test("its row is kept alive each 2 s, and told what signals were seen")
    func heartbeats() {
        let rig = NodeRig.started()
        #expect(rig.live(for: .seconds(60), storeAnswers: true).heartbeats == 30)
        _ = rig.polled([], cursor: 9)
        let output = rig.live(for: .seconds(10), storeAnswers: true)
        #expect(output.told.last?.seen == SignalCursor(rawValue: 9))
    }

    @Test("a heartbeat that failed is repeated soon")
    func heartbeatFailed() {
        let rig = NodeRig.started()
        let output = rig.live(for: .seconds(14), storeAnswers: false)
        #expect((12...13).contains(output.heartbeats))
    }

    @Test("it sweeps each second, and at once while there is more")
    func sweeps() {
        let rig = NodeRig.started()
        #expect(rig.live(for: .seconds(5), storeAnswers: true).sweeps == 5)
        #expect(rig.wait(.seconds(1)).sweeps == 1)
        _ = rig.swept(ExpireReceipt(news: [], messages: 500, queues: [], hasMore: true))
        #expect(rig.wait(.milliseconds(20)).sweeps == 1)
        _ = rig.swept()
        #expect(rig.wait(.milliseconds(20)).sweeps == 0)
    }

    @Test("a jump of the wall clock by more than 10 s stops expiry for 60 s", arguments: [11, -11])
    func clockJump(seconds: Int) {
        let rig = NodeRig.started()
        _ = rig.wait(.milliseconds(100), wallClock: .seconds(seconds))
        #expect(rig.observations.contains(.clockJumped(by: .seconds(seconds) - .milliseconds(100))))
        #expect(rig.live(for: .seconds(59), storeAnswers: true).sweeps == 0)
        #expect(rig.live(for: .seconds(3), storeAnswers: true).sweeps > 0)
    }

    @Test("a slice under way when the clock jumps is not followed by another")
    func clockJumpWhileSweeping() {
        let rig = NodeRig.started()
        #expect(rig.wait(.seconds(1)).sweeps == 1)
        _ = rig.wait(.milliseconds(1), wallClock: .seconds(100))
        _ = rig.swept(ExpireReceipt(news: [], messages: 500, queues: [], hasMore: true))
        #expect(rig.live(for: .seconds(59), storeAnswers: true).sweeps == 0)
    }

    @Test(
        "a jump that a commit or a read meets first is told all the same, and holds back the time of the store",
        arguments: [7_200, -7_200]
    )
    func clockJumpOfTheStore(seconds: Int) {
        let rig = NodeRig.started()
        let before = rig.wallClock
        rig.pass(.milliseconds(1), wallClock: .seconds(seconds))
        #expect(rig.logic.storeTime(wallClock: rig.wallClock, now: rig.now) == before.advanced(by: .milliseconds(1)))
        _ = rig.fire()
        _ = rig.fire()
        #expect(rig.observations == [.clockJumped(by: .seconds(seconds) - .milliseconds(1))])
        #expect(rig.live(for: .seconds(59), storeAnswers: true).sweeps == 0)
        #expect(rig.live(for: .seconds(3), storeAnswers: true).sweeps > 0)
    }

    @Test("a small drift of the wall clock is none")
    func drift() {
        let rig = NodeRig.started()
        _ = rig.wait(.seconds(1), wallClock: .seconds(10))
        _ = rig.wait(.seconds(1), wallClock: .seconds(-8))
        _ = rig.swept()
        #expect(rig.observations.isEmpty)
        #expect(rig.live(for: .seconds(2), storeAnswers: true).sweeps >= 1)
    }

    @Test("a node that stops takes its row away and begins nothing more")
    func stopped() {
        let rig = NodeRig.started()
        let output = rig.stop()
        #expect(output.effects.count == 1)
        #expect(output.told.map(\.isStopping) == [true])
        #expect(rig.wait(.seconds(60)) == .nothing)
        #expect(rig.woken() == .nothing)
        #expect(rig.logic.nextDeadline == nil)
    }
}
