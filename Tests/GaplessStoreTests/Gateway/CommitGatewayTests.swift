import GaplessCore
import GaplessStore
import Testing

@Suite(.timeLimit(.minutes(5))) struct CommitGatewayTests {
    @Test func aCallerGetsItsReceiptAfterTheObserverLearnedOfIt() async throws {
        let rig = GatewayRig()
        let receipt = try await rig.gateway.commit(GatewayRig.message("1"))
        #expect(rig.observer.commits.map { $0.map(\.receipt) } == [[receipt]])
        await rig.gateway.stop()
    }

    @Test func whatWaitsGoesIntoOneCommitInItsOrder() async throws {
        let rig = GatewayRig()
        let blocker = try await rig.block()
        let gateway = rig.gateway
        let all = Task { await gateway.commitAll((1...100).map { GatewayRig.message("\($0)") }) }
        try await eventually { gateway.health.waitingOperations == 100 }
        rig.store.openGate()
        _ = try await blocker.value
        let numbers = await all.value.map { try? $0.get() }.map { receipt -> UInt64? in
            guard case .append(let append) = receipt, case .stored(let number, _) = append.deliveries.first?.outcome else { return nil }
            return number.rawValue
        }
        #expect(numbers == (2...101).map { $0 })
        #expect(rig.store.batches.map(\.count) == [1, 100])
        #expect(gateway.health.commits == 2)
        #expect(gateway.health.operations == 101)
        #expect(gateway.health.lastBatch == 100)
        #expect(gateway.health.waitingOperations == 0)
        #expect(gateway.health.waitingBytes == 0)
        await gateway.stop()
    }

    @Test func acknowledgementsOfOneFenceAreJoinedAndGoFirst() async throws {
        let rig = GatewayRig()
        let fence = try await rig.attach()
        let other = Fence(epoch: fence.epoch, generation: .zero)
        let blocker = try await rig.block()
        rig.gateway.submit(SubmittedOperation(.detach(DetachOperation(client: GatewayRig.phone, fence: fence))))
        for number in [3, 9, 5] as [UInt64] {
            let acknowledge = AcknowledgeOperation(client: GatewayRig.phone, fence: fence, through: SequenceNumber(number))
            rig.gateway.submit(SubmittedOperation(.acknowledge(acknowledge)))
        }
        rig.gateway.submit(
            SubmittedOperation(.acknowledge(AcknowledgeOperation(client: GatewayRig.phone, fence: other, through: .first)))
        )
        rig.store.openGate()
        _ = try await blocker.value
        await rig.gateway.stop()
        let expected: [StoreOperation] = [
            .acknowledge(AcknowledgeOperation(client: GatewayRig.phone, fence: fence, through: SequenceNumber(9))),
            .acknowledge(AcknowledgeOperation(client: GatewayRig.phone, fence: other, through: .first)),
            .detach(DetachOperation(client: GatewayRig.phone, fence: fence)),
        ]
        #expect(rig.store.batches.last == expected)
    }

    @Test func anAttachKeepsTheConnectionThatItIsFor() async throws {
        let rig = GatewayRig()
        let address = ConnectionAddress(id: ServedConnectionID(7), loop: 3)
        let attach = AttachOperation(client: GatewayRig.phone, node: GatewayRig.node, instance: rigInstance, attempt: .first)
        rig.gateway.submit(SubmittedOperation(.attach(attach), connection: address))
        await rig.gateway.stop()
        #expect(rig.observer.commits.last?.map(\.connection) == [address])
    }

    @Test func callersBeyondTheBoundsAreRefusedAndConnectionsAreNot() async throws {
        let rig = GatewayRig(configuration: GatewayConfiguration(maxOperations: 3, maxSpacing: .zero))
        let blocker = try await rig.block()
        let gateway = rig.gateway
        let some = Task { await gateway.commitAll((1...5).map { GatewayRig.message("\($0)") }) }
        try await eventually { gateway.health.waitingOperations == 3 }
        await #expect(throws: QueueStoreError.self) { try await gateway.commit(GatewayRig.message("6")) }
        gateway.submit(SubmittedOperation(.remove(RemoveOperation(client: GatewayRig.phone))))
        #expect(gateway.health.waitingOperations == 4)
        rig.store.openGate()
        _ = try await blocker.value
        let codes = await some.value.map { result -> QueueStoreError.Code? in
            if case .failure(let error) = result { error.code } else { nil }
        }
        #expect(codes == [nil, nil, nil, .overloaded, .overloaded])
        await gateway.stop()
    }

    @Test func callersAreBoundedByBytesAndOneAlwaysFits() async throws {
        let rig = GatewayRig(configuration: GatewayConfiguration(maxBytes: 2_000, maxSpacing: .zero))
        let blocker = try await rig.block()
        let gateway = rig.gateway
        let large = Task { try await gateway.commit(GatewayRig.message(String(repeating: "x", count: 10_000))) }
        try await eventually { gateway.health.waitingOperations == 1 }
        await #expect(throws: QueueStoreError.self) { try await gateway.commit(GatewayRig.message("1")) }
        rig.store.openGate()
        _ = try await blocker.value
        _ = try await large.value
        #expect(gateway.health.waitingBytes == 0)
        await gateway.stop()
    }

    @Test func aLargeCrowdIsCommittedInBoundedBatches() async throws {
        let rig = GatewayRig(configuration: GatewayConfiguration(maxBatchOperations: 40, maxSpacing: .zero))
        let blocker = try await rig.block()
        let gateway = rig.gateway
        let all = Task { await gateway.commitAll((1...100).map { GatewayRig.message("\($0)") }) }
        try await eventually { gateway.health.waitingOperations == 100 }
        rig.store.openGate()
        _ = try await blocker.value
        _ = await all.value
        #expect(rig.store.batches.map(\.count) == [1, 40, 40, 20])
        await gateway.stop()
    }

    @Test(arguments: [QueueStoreError.Code.unavailable, .unknown, .corrupt])
    func anErrorReachesEveryoneOfItsBatchAndTheNextCommitIsTried(code: QueueStoreError.Code) async throws {
        let rig = GatewayRig()
        rig.store.fail { _ in QueueStoreError(code, "broken") }
        let results = await rig.gateway.commitAll([GatewayRig.message("1"), GatewayRig.message("2")])
        #expect(results.allSatisfy { if case .failure(let error) = $0 { error.code == code } else { false } })
        #expect(rig.observer.failures.reduce(0) { $0 + $1.operations.count } == 2)
        #expect(rig.observer.failures.allSatisfy { $0.code == code })
        #expect(rig.gateway.health.failuresInARow >= 1)
        rig.store.fail(nil)
        _ = try await rig.gateway.commit(GatewayRig.message("3"))
        #expect(rig.gateway.health.failuresInARow == 0)
        await rig.gateway.stop()
    }

    @Test func aFullStoreStillTakesWhatMakesRoom() async throws {
        let rig = GatewayRig()
        let fence = try await rig.attach()
        let blocker = try await rig.block()
        rig.store.fail { operations in
            operations.contains { if case .append = $0 { true } else { false } } ? QueueStoreError(.full, "The disk is full.") : nil
        }
        let gateway = rig.gateway
        let send = Task { try await gateway.commit(GatewayRig.message("1")) }
        gateway.submit(SubmittedOperation(.acknowledge(AcknowledgeOperation(client: GatewayRig.phone, fence: fence, through: .zero))))
        try await eventually { gateway.health.waitingOperations == 2 }
        rig.store.openGate()
        await #expect(throws: QueueStoreError.self) { try await blocker.value }
        await #expect(throws: QueueStoreError.self) { try await send.value }
        await gateway.stop()
        #expect(rig.observer.failures.map(\.operations.count) == [1, 1])
        guard case .acknowledge(.acknowledged) = rig.observer.commits.last?.first?.receipt else {
            Issue.record("the acknowledgement was committed")
            return
        }
    }

    @Test func stoppingCommitsWhatWaitsAndTakesNothingMore() async throws {
        let rig = GatewayRig()
        let blocker = try await rig.block()
        let gateway = rig.gateway
        let last = Task { try await gateway.commit(GatewayRig.message("last")) }
        try await eventually { gateway.health.waitingOperations == 1 }
        async let stopped: Void = gateway.stop()
        async let stoppedToo: Void = gateway.stop()
        rig.store.openGate()
        _ = try await blocker.value
        _ = try await last.value
        await stopped
        await stoppedToo
        await gateway.stop()
        do {
            _ = try await gateway.commit(GatewayRig.message("late"))
            Issue.record("a stopped gateway takes nothing")
        } catch {
            #expect(error.code == .closed)
        }
        gateway.submit(SubmittedOperation(.remove(RemoveOperation(client: GatewayRig.phone))))
        #expect(gateway.health.waitingOperations == 0)
    }

    @Test func aGatewayThatNeverStartedStops() async {
        let gateway = CommitGateway(store: MemoryQueueStore())
        await gateway.stop()
    }

    @Test func callersOfAStoreThatHangsAreAnsweredInTime() async throws {
        let rig = GatewayRig()
        let hanging = try await rig.block()
        let gateway = rig.gateway
        let waiting = Task { try await gateway.commit(GatewayRig.message("waiting")) }
        try await eventually { gateway.health.waitingOperations == 1 }
        rig.clock.advance(by: .seconds(9))
        #expect(gateway.giveUp(waitingFor: .seconds(10)) == 0)
        rig.clock.advance(by: .seconds(1))
        #expect(gateway.giveUp(waitingFor: .seconds(10)) == 2)
        #expect(await Self.code(of: hanging) == .unknown)
        #expect(await Self.code(of: waiting) == .unavailable)
        rig.store.openGate()
        await gateway.stop()
        #expect(rig.store.batches.map(\.count) == [1])  // What was taken back was not committed.
    }

    @Test func callersOfTheRestOfAFullBatchAreAnsweredInTimeToo() async throws {
        let rig = GatewayRig()
        let blocker = try await rig.block()
        let gateway = rig.gateway
        rig.store.fail { [weak store = rig.store] operations in
            guard operations.contains(where: { if case .append = $0 { true } else { false } }) else { return nil }
            // What goes again without the message hangs.
            if operations.count > 1 { store?.closeGate() }
            return QueueStoreError(.full, "The disk is full.")
        }
        let send = Task { try await gateway.commit(GatewayRig.message("1")) }
        let removal = Task { try await gateway.commit(.remove(RemoveOperation(client: GatewayRig.phone))) }
        try await eventually { gateway.health.waitingOperations == 2 }
        rig.store.openGate()
        await #expect(throws: QueueStoreError.self) { try await blocker.value }
        await #expect(throws: QueueStoreError.self) { try await send.value }
        try await eventually { rig.store.waiting == 1 }
        rig.clock.advance(by: .seconds(10))
        #expect(gateway.giveUp(waitingFor: .seconds(10)) == 1)
        rig.store.openGate()
        #expect(await Self.code(of: removal) == .unknown)
        await gateway.stop()
    }

    @Test func otherProcessesAreWoken() async throws {
        let store = MemoryQueues()
        let other = MemoryQueueStore(store)
        let now = GatewayClock.system.wallClock()
        let node = NodeIdentity(name: GatewayRig.node.name, incarnation: 2)
        let heartbeat = HeartbeatOperation(node: node, schemas: 1...1, seen: .zero)
        let attach = AttachOperation(client: GatewayRig.phone, node: node, instance: rigInstance, attempt: .first)
        _ = try other.commit([.heartbeat(heartbeat), .attach(attach)], now: now)
        let (woken, continuation) = AsyncStream.makeStream(of: [NodeIdentity].self)
        let gateway = CommitGateway(store: MemoryQueueStore(store), wake: { continuation.yield($0) })
        gateway.start(observer: RecordingObserver())
        _ = try await gateway.commit(GatewayRig.message("1"))
        await gateway.stop()
        continuation.finish()
        var all: [[NodeIdentity]] = []
        for await nodes in woken { all.append(nodes) }
        #expect(all == [[node]])
    }

    @Test func manyCallersAtOnceLoseNothingAndKeepTheirOrder() async throws {
        let queues = MemoryQueues(policy: StorePolicy(retention: RetentionPolicy(maxMessages: 100_000)))
        let gateway = CommitGateway(store: MemoryQueueStore(queues))
        let observer = RecordingObserver()
        gateway.start(observer: observer)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 1...8 {
                group.addTask {
                    for number in 1...200 {
                        _ = try await gateway.commit(GatewayRig.message("\(caller) \(number)"))
                    }
                }
            }
            try await group.waitForAll()
        }
        await gateway.stop()
        let texts = observer.commits.joined().compactMap { committed -> String? in
            if case .append(let append) = committed.operation { append.payload.text } else { nil }
        }
        #expect(texts.count == 1_600)
        for caller in 1...8 {
            let own = texts.filter { $0.hasPrefix("\(caller) ") }
            #expect(own == (1...200).map { "\(caller) \($0)" })
        }
    }

    private static func code(of task: Task<StoreReceipt, any Error>) async -> QueueStoreError.Code? {
        if case .failure(let error) = await task.result { (error as? QueueStoreError)?.code } else { nil }
    }
}
