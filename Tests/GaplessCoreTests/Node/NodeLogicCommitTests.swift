import GaplessCore
import Testing

@Suite("Node: what a commit means to its connections")
struct NodeLogicCommitTests {
    // MARK: Attaching

    @Test("nothing is handed over before its commit: a receipt is where a message comes from [R4.3-1]")
    func durableFirst() {
        let rig = NodeRig.started()
        let address = rig.attached()
        let append = AppendOperation(recipients: .clients([.phone], existingOnly: false), payload: Payload(text: "x"))
        #expect(rig.commitFailed(SubmittedOperation(.append(append))) == .nothing)
        #expect(rig.commit(NodeRig.sent(1)).notices(to: address) == [.look, .committed(1)])
    }

    @Test("an attach becomes the client's voice and hears its receipt first")
    func attach() {
        let rig = NodeRig.started()
        let address = rig.open(loop: 1)
        #expect(rig.attach(address) == .tells(address, .attached(.attached(.test()))))
        #expect(rig.logic.attachedCount == 1)
        #expect(rig.commit(NodeRig.sent(1)) == .tells(address, .committed(1)))
    }

    @Test("a refused attach is told and changes nothing [R5.1-2]")
    func refused() {
        let rig = NodeRig.started()
        let address = rig.attached()
        let late = rig.open()
        let operation = AttachOperation(client: .phone, node: NodeRig.me, instance: ServerRig.instance, attempt: .first)
        let output = rig.commit(CommittedOperation(.attach(operation), .attach(.late), connection: late))
        #expect(output == .tells(late, .attached(.late)))
        #expect(rig.commit(NodeRig.sent(1)).notices(to: address) == [.committed(1)])
    }

    @Test(
        "the connection displaced here is told by whom: same instance, another one, another epoch [R5.3-5]",
        arguments: [
            (NodeRig.fence(4), ServerRig.instance, FenceRefusal.newer(Generation(4), instance: ServerRig.instance)),
            (NodeRig.fence(4), Named.instance("i2"), .newer(Generation(4), instance: Named.instance("i2"))),
            (NodeRig.fence(1, queue: 2), ServerRig.instance, .otherEpoch(Epoch(incarnation: Incarnation(rawValue: 7), queue: 2))),
        ]
    )
    func displaces(fence: Fence, instance: InstanceID, refusal: FenceRefusal) {
        let rig = NodeRig.started()
        let old = rig.attached()
        let new = rig.open(loop: 3)
        let output = rig.attach(new, fence: fence, instance: instance)
        #expect(output.notices(to: old) == [.displaced(refusal)])
        #expect(rig.logic.attachedCount == 1)
        #expect(rig.close(old) == .nothing)
        #expect(rig.logic.attachedCount == 1)
    }

    @Test("an attach whose connection is gone displaces all the same, and is nobody's voice")
    func attachOfTheDead() {
        let rig = NodeRig.started()
        let old = rig.attached()
        let dead = rig.open()
        _ = rig.close(dead)
        let output = rig.attach(dead, fence: NodeRig.fence(4))
        #expect(output.notices(to: dead) == [.attached(.attached(.test(fence: NodeRig.fence(4))))])
        #expect(output.notices(to: old) == [.displaced(.newer(Generation(4), instance: ServerRig.instance))])
        #expect(rig.logic.attachedCount == 0)
    }

    @Test("queues that gave way to an attach are observed")
    func evicted() {
        let rig = NodeRig.started()
        _ = rig.attach(rig.open(), evicted: [Named.client("alice/old")])
        #expect(rig.observations == [.removed(client: Named.client("alice/old"), .evicted)])
    }

    // MARK: Messages

    @Test("a message is handed to the connection that holds the queue, and to no other [R5.3-8]")
    func handOver() {
        let rig = NodeRig.started()
        let address = rig.attached()
        let desk = rig.open()
        _ = rig.attach(desk, Named.client("alice/desk"))
        #expect(rig.commit(NodeRig.sent(1)) == .tells(address, .committed(1)))
        #expect(rig.commit(NodeRig.sent(1, to: Named.client("bob"))) == .nothing)
    }

    @Test(
        "a message whose receipt shows another holder sends the connection to the store [R5.3-8]",
        arguments: [
            NodeRig.holder(NodeRig.fence(4), node: NodeRig.other), nil,
        ]
    )
    func otherHolder(holder: Holder?) {
        let rig = NodeRig.started()
        let address = rig.attached()
        #expect(rig.commit(NodeRig.sent(1, holder: holder)) == .tells(address, .look))
    }

    @Test("what a commit brings and drops again is news, not a message; what it drops elsewhere is told with the message [R6.2-6]")
    func droppedAtOnce() {
        let rig = NodeRig.started()
        let address = rig.attached()
        let output = rig.commit(NodeRig.sent(1), NodeRig.sent(2), NodeRig.sent(3, discarded: 1...1))
        #expect(
            output
                == .tells(address, .news, .committed(2, discardedThrough: 1), .committed(3, discardedThrough: 1))
        )
        #expect(
            rig.observations == [.overflow(client: .phone, SequenceRange(.first, through: .first))]
        )
    }

    @Test("a repeated or refused send hands nothing over")
    func repeated() {
        let rig = NodeRig.started()
        _ = rig.attached()
        #expect(rig.commit(NodeRig.sent(1, isRepeat: true)) == .nothing)
        let append = AppendOperation(recipients: .user(.alice), payload: Payload(text: "x"))
        let refused = AppendReceipt(time: Timestamp(milliseconds: 1), deliveries: [], refusal: .storeFull)
        #expect(rig.commit(CommittedOperation(.append(append), .append(refused))) == .nothing)
        var full = NodeRig.receipt(1)
        full.deliveries[0].outcome = .queueFull
        #expect(rig.commit(CommittedOperation(.append(append), .append(full))) == .nothing)
    }

    @Test("a sequence of sends is handed over in order, as far as it was stored")
    func sequence() {
        let rig = NodeRig.started()
        let address = rig.attached()
        let append = AppendOperation(recipients: .clients([.phone], existingOnly: false), payload: Payload(text: "x"))
        let operation = StoreOperation.appendSequence(AppendSequenceOperation(appends: [append, append, append]))
        let receipt = AppendSequenceReceipt(stored: [NodeRig.receipt(1), NodeRig.receipt(2)], refused: NodeRig.receipt(3))
        let output = rig.commit(CommittedOperation(operation, .appendSequence(receipt)))
        #expect(output == .tells(address, .committed(1), .committed(2)))
        var repeated = receipt
        repeated.isRepeat = true
        #expect(rig.commit(CommittedOperation(operation, .appendSequence(repeated))) == .nothing)
    }

    @Test("a commit keeps its order: what came before a takeover goes to the old connection [R5.3-8]")
    func order() {
        let rig = NodeRig.started()
        let old = rig.attached()
        let new = rig.open()
        let attach = AttachOperation(client: .phone, node: NodeRig.me, instance: ServerRig.instance, attempt: Attempt(9))
        let output = rig.commit(
            NodeRig.sent(1),
            CommittedOperation(.attach(attach), .attach(.attached(.test(fence: NodeRig.fence(4), head: 1))), connection: new),
            NodeRig.sent(2, holder: NodeRig.holder(NodeRig.fence(4)))
        )
        #expect(output.notices(to: old) == [.committed(1), .displaced(.newer(Generation(4), instance: ServerRig.instance))])
        #expect(output.notices(to: new).last == .committed(2, fence: NodeRig.fence(4)))
    }

    // MARK: Answers

    @Test("answers go to the connection that asked, by its fence")
    func answers() {
        let rig = NodeRig.started()
        let address = rig.attached()
        let receipt = AcknowledgeReceipt.acknowledged(floor: .first, head: .first)
        #expect(
            rig.commit(CommittedOperation(.acknowledge(.test(1)), .acknowledge(receipt)))
                == .tells(address, .acknowledged(.test(1), receipt))
        )
        var stale = AcknowledgeOperation.test(1)
        stale.fence = NodeRig.fence(2)
        #expect(rig.commit(CommittedOperation(.acknowledge(stale), .acknowledge(.refused(.gone)))) == .nothing)
        let end = EndOperation(client: .phone, fence: ServerRig.fence)
        #expect(rig.commit(CommittedOperation(.end(end), .end(.ended))) == .tells(address, .ended(.ended)))
        #expect(rig.observations == [.removed(client: .phone, .ended)])
    }

    @Test("a failed transaction is told to each that waits for it")
    func failures() {
        let rig = NodeRig.started()
        let address = rig.attached()
        let attach = AttachOperation(client: .phone, node: NodeRig.me, instance: ServerRig.instance, attempt: .first)
        let output = rig.commitFailed(
            SubmittedOperation(.attach(attach), connection: address),
            SubmittedOperation(.acknowledge(.test(4))),
            SubmittedOperation(.end(EndOperation(client: .phone, fence: ServerRig.fence))),
            SubmittedOperation(.remove(RemoveOperation(client: .phone)))
        )
        #expect(output == .tells(address, .storeFailed(.attach), .storeFailed(.acknowledge(.test(4))), .storeFailed(.end)))
    }

    @Test(
        "what a failed transaction may have done all the same is looked at by those it concerns, once the store answers",
        arguments: [
            StoreOperation.append(AppendOperation(recipients: .clients([.phone], existingOnly: false), payload: Payload(text: "x"))),
            .append(AppendOperation(recipients: .user(.alice), payload: Payload(text: "x"))),
            .remove(RemoveOperation(client: .phone)), .expire(ExpireOperation()),
        ]
    )
    func doubts(operation: StoreOperation) {
        let rig = NodeRig.started()
        let address = rig.attached()
        let other = rig.open()
        _ = rig.attach(other, Named.client("bob"))
        #expect(rig.commitFailed(SubmittedOperation(operation)) == .nothing)
        let looked = rig.polled([])
        #expect(looked.notices(to: address) == [.look])
        let isForAll =
            switch operation {
            case .append(let append): if case .user = append.recipients { true } else { false }
            case .expire: true
            default: false
            }
        #expect(looked.notices(to: other) == (isForAll ? [.look] : []))
        #expect(rig.polled([]) == .nothing)
    }

    @Test("a detach is submitted until the store takes it; then hooks hear of it")
    func detach() {
        let rig = NodeRig.started()
        let detach = DetachOperation(client: .phone, fence: ServerRig.fence)
        #expect(rig.commitFailed(SubmittedOperation(.detach(detach))) == .nothing)
        let output = rig.wait(.seconds(1))
        #expect(output.effects.contains(.commit(.detach(detach))))
        _ = rig.commit(CommittedOperation(.detach(detach), .detach(.detached)))
        #expect(rig.observations == [.detached(client: .phone, fence: ServerRig.fence)])
        _ = rig.commit(CommittedOperation(.detach(detach), .detach(.refused(.gone))))
        #expect(rig.observations.count == 1)
    }

    @Test(
        "when an attach in doubt was taken back, a double with its instance and attempt has to come again, and nobody else",
        arguments: [(1, false, true), (2, false, false), (1, true, false)] as [(UInt64, Bool, Bool)]
    )
    func attachInDoubtOfADouble(attempt: UInt64, isRival: Bool, comesAgain: Bool) {
        let rig = NodeRig.started()
        let double = rig.attached()
        let instance = isRival ? Named.instance("i2") : ServerRig.instance
        let attach = AttachOperation(client: .phone, node: NodeRig.me, instance: instance, attempt: Attempt(attempt))
        let back = StoreOperation.detach(DetachOperation(doubting: attach))
        #expect(rig.commit(CommittedOperation(back, .detach(.refused(.gone)))) == .nothing)
        let ending = SessionEnding(.storeUnavailable, "An attach of this instance is in doubt.")
        #expect(rig.commit(CommittedOperation(back, .detach(.detached))) == (comesAgain ? .tells(double, .close(ending)) : .nothing))
    }

    @Test("an attach in doubt is taken back, until the store takes that; one that did not happen is not")
    func attachInDoubt() {
        let rig = NodeRig.started()
        let address = rig.open()
        let attach = AttachOperation(client: .phone, node: NodeRig.me, instance: ServerRig.instance, attempt: .first)
        let submitted = SubmittedOperation(.attach(attach), connection: address)
        let back = StoreOperation.detach(DetachOperation(doubting: attach))
        #expect(rig.commitFailed(submitted) == .tells(address, .storeFailed(.attach)))
        #expect(rig.commitFailed(submitted, failure: .unknown) == .tells(address, .storeFailed(.attach), does: [.commit(back)]))
        #expect(rig.commitFailed(SubmittedOperation(back), failure: .unknown) == .nothing)
        #expect(rig.wait(.seconds(1)).effects.contains(.commit(back)))
        guard case .detach(let detach) = back else { return #expect(Bool(false)) }
        for receipt in [DetachReceipt.detached, .refused(.gone)] {
            #expect(rig.commit(CommittedOperation(back, .detach(receipt))) == .nothing)
        }
        #expect(detach.fence == nil && rig.observations.isEmpty)  // Nobody heard that it attached.
    }

    @Test("an operator's removal is told to the connection here, with the code")
    func removed() {
        let rig = NodeRig.started()
        let address = rig.attached()
        let remove = RemoveOperation(client: .phone)
        let receipt = RemoveReceipt.removed(holder: NodeRig.holder(), code: .removedByOperator)
        #expect(rig.commit(CommittedOperation(.remove(remove), .remove(receipt))) == .tells(address, .removed(.removedByOperator)))
        #expect(rig.observations == [.removed(client: .phone, .removed)])
        #expect(rig.commit(CommittedOperation(.remove(remove), .remove(.noSuchClient))) == .nothing)
    }

    @Test("who is sent away here is closed with the code and keeps its queue; who holds it elsewhere hears of it there")
    func sentAway() {
        let rig = NodeRig.started()
        let address = rig.attached()
        let operation = StoreOperation.sendAway(SendAwayOperation(client: .phone, code: .forbidden))
        func output(_ receipt: SendAwayReceipt) -> NodeOutput { rig.commit(CommittedOperation(operation, .sendAway(receipt))) }
        let here = SendAwayReceipt.sentAway(holder: NodeRig.holder(), code: .forbidden)
        #expect(output(here) == .tells(address, .close(SessionEnding(.forbidden, "An operator sent this client away."))))
        let elsewhere = NodeRig.holder(NodeRig.fence(9), node: NodeRig.other)
        for receipt in [
            SendAwayReceipt.sentAway(holder: elsewhere, code: .forbidden), .sentAway(holder: nil, code: .forbidden), .letIn(wasAway: true),
            .tooMany, .schemaTooOld,
        ] {
            #expect(output(receipt) == .nothing)
        }
        #expect(rig.observations.isEmpty)
    }

    private static func sentAway(_ client: ClientID = .phone, from fence: Fence = ServerRig.fence) -> Signal {
        Signal(client: client, kind: .sentAway(.forbidden, from: FenceDigest(fence)))
    }

    @Test("a signal that a client was sent away closes its connection, also one whose attach was still under way [R5.1-7]")
    func sentAwaySignal() {
        let rig = NodeRig.started()
        let close = SessionNotice.close(SessionEnding(.forbidden, "An operator sent this client away."))
        let address = rig.attached()
        #expect(rig.polled([Self.sentAway(), Self.sentAway(Named.client("bob"))]) == .tells(address, close))
        let operation = AttachOperation(client: .phone, node: NodeRig.me, instance: ServerRig.instance, attempt: .first)
        let (second, third) = (rig.open(), rig.open())
        _ = rig.attaching(operation, second)
        _ = rig.polled([Self.sentAway(from: NodeRig.fence(9)), Signal(client: .phone, kind: .news)])
        #expect(rig.attach(second, fence: NodeRig.fence(9)).notices(to: second).last == close)
        _ = rig.attaching(operation, third)
        #expect(!rig.attach(third, fence: NodeRig.fence(12)).notices(to: third).contains(close))
    }

    @Test("who was let in again and attached is not closed for what its former connection was told late [R5.1-7]")
    func sentAwayBefore() {
        let rig = NodeRig.started()
        _ = rig.attached()
        for other in [NodeRig.fence(1), NodeRig.fence(9, queue: 2)] where other != ServerRig.fence {
            #expect(rig.polled([Self.sentAway(from: other)]).notices.isEmpty)
        }
        let operation = AttachOperation(client: .phone, node: NodeRig.me, instance: ServerRig.instance, attempt: .first)
        let second = rig.open()
        _ = rig.attaching(operation, second)
        _ = rig.polled([Self.sentAway(from: NodeRig.fence(8))])
        let notices = rig.attach(second, fence: NodeRig.fence(9)).notices(to: second)
        #expect(notices.last == .look)
        #expect(!notices.contains { if case .close = $0 { true } else { false } })
    }

    @Test("two fences have the same digest as good as never")
    func fenceDigests() {
        let epochs = [(1, 1), (1, 2), (2, 1)].map { Epoch(incarnation: Incarnation(rawValue: $0.0), queue: $0.1) }
        let fences = epochs.flatMap { epoch in (UInt64(0)..<2_000).map { Fence(epoch: epoch, generation: Generation($0)) } }
        #expect(Set(fences.map { FenceDigest($0) }).count == fences.count)
        #expect(
            fences.allSatisfy { FenceDigest($0).rawValue < 1 << 46 && FenceDigest(rawValue: FenceDigest($0).rawValue) == FenceDigest($0) }
        )
    }

    @Test("what the sweep takes behind live cursors is news for them; queues that end are observed [R6.2-6]")
    func swept() {
        let rig = NodeRig.started()
        let address = rig.attached()
        let news = [
            Holder.OfClient(client: .phone, holder: NodeRig.holder()),
            Holder.OfClient(client: Named.client("bob"), holder: NodeRig.holder(node: NodeRig.other)),
        ]
        let receipt = ExpireReceipt(news: news, messages: 3, queues: [Named.client("carol")], hasMore: false)
        #expect(rig.swept(receipt) == .tells(address, .news))
        #expect(
            rig.observations == [.removed(client: Named.client("carol"), .expired), .swept(messages: 3, queues: 1)]
        )
    }

    // MARK: Signals

    @Test("signals wake the connection that they are for; the others are somebody else's")
    func signals() {
        let rig = NodeRig.started()
        let address = rig.attached()
        let output = rig.polled([
            Signal(client: .phone, kind: .news), Signal(client: Named.client("bob"), kind: .news),
            Signal(client: .phone, kind: .displaced), Signal(client: .phone, kind: .removed(.removedByOperator)),
        ])
        #expect(output == .tells(address, .news, .look, .removed(.removedByOperator)))
    }

    @Test("a signal that comes before the attach it is for is known makes the new connection look")
    func signalBeforeAttach() {
        let rig = NodeRig.started()
        let operation = AttachOperation(client: .phone, node: NodeRig.me, instance: ServerRig.instance, attempt: .first)
        let (first, second) = (rig.open(), rig.open())
        _ = rig.attaching(operation, first)
        #expect(rig.polled([Signal(client: .phone, kind: .news)]) == .nothing)
        #expect(rig.attach(first).notices(to: first).last == .look)
        // Once, and not for an attach that came later.
        _ = rig.attaching(operation, second)
        #expect(!rig.attach(second, fence: NodeRig.fence(9)).notices(to: second).contains(.look))
        // One that failed is forgotten.
        let third = rig.open()
        _ = rig.attaching(operation, third)
        _ = rig.polled([Signal(client: .phone, kind: .news)])
        _ = rig.commitFailed(SubmittedOperation(.attach(operation), connection: third))
        let fourth = rig.open()
        _ = rig.attaching(operation, fourth)
        #expect(!rig.attach(fourth, fence: NodeRig.fence(12)).notices(to: fourth).contains(.look))
    }

    @Test("a node that counted as dead makes all its connections look: their signals were dropped, their queues may have ended")
    func countedAsDead() {
        let rig = NodeRig.started()
        let address = rig.attached()
        _ = rig.open()
        #expect(rig.heartbeat(alive: [NodeRig.me]).notices.isEmpty)
        #expect(rig.heartbeat(alive: [NodeRig.me], wasAlive: false).notices == [NodeNotice(address: address, notice: .look)])
    }

    @Test("a connection that is gone hears nothing more")
    func gone() {
        let rig = NodeRig.started()
        let address = rig.attached()
        #expect(rig.close(address) == .nothing)
        #expect(rig.commit(NodeRig.sent(1)) == .nothing)
        #expect(rig.polled([Signal(client: .phone, kind: .news)]) == .nothing)
        #expect(rig.close(address) == .nothing)
    }
}
