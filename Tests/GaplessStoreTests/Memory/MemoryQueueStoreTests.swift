import GaplessCore
import Testing

@testable import GaplessStore

@Suite struct MemoryQueueStoreTests {
    private let now = Timestamp(milliseconds: 1_000)

    private func attach(_ attempt: UInt64, position: Position? = nil) -> StoreOperation {
        .attach(
            AttachOperation(
                client: GatewayRig.phone,
                node: GatewayRig.node,
                instance: rigInstance,
                attempt: Attempt(attempt),
                position: position
            )
        )
    }

    private func attachment(_ store: MemoryQueueStore, _ attempt: UInt64, position: Position? = nil) throws -> GaplessCore.Attachment {
        guard
            case .attach(.attached(let attachment)) = try store.commit([self.attach(attempt, position: position)], now: self.now).receipts
                .first
        else { throw GatewayRig.Unexpected() }
        return attachment
    }

    @Test func theSameSeedGivesTheSameReceipts() throws {
        let operations = [self.attach(1), GatewayRig.message("1"), self.attach(2), GatewayRig.message("2")]
        let receipts = try (1...2).map { _ in
            try MemoryQueueStore(MemoryQueues(random: CountingGenerator())).commit(operations, now: self.now)
        }
        #expect(receipts[0] == receipts[1])
        let other = try MemoryQueueStore(MemoryQueues(random: CountingGenerator(state: 99))).commit(operations, now: self.now)
        #expect(other != receipts[0])
    }

    @Test func aCopyGoesItsOwnWay() throws {
        let queues = MemoryQueues()
        let store = MemoryQueueStore(queues)
        _ = try store.commit([GatewayRig.message("1")], now: self.now)
        let copy = queues.copy()
        _ = try store.commit([GatewayRig.message("2")], now: self.now)
        #expect(try MemoryQueueStore(copy).snapshot(of: GatewayRig.phone, now: self.now)?.head == .first)
        queues.restore(from: copy)
        #expect(try store.snapshot(of: GatewayRig.phone, now: self.now)?.head == .first)
    }

    @Test func aNewLifeVoidsFencesAndResetsPositions() throws {  // [R5.2-6]
        let queues = MemoryQueues()
        let store = MemoryQueueStore(queues)
        let first = try self.attachment(store, 1)
        let before = try store.incarnation
        _ = try store.commit([GatewayRig.message("1")], now: self.now)
        queues.startIncarnation()
        #expect(try store.incarnation != before)
        let detach = DetachOperation(client: GatewayRig.phone, fence: first.fence)
        guard case .detach(.refused(.otherEpoch)) = try store.commit([.detach(detach)], now: self.now).receipts.first else {
            Issue.record("the old fence is void")
            return
        }
        let again = try self.attachment(store, 2, position: Position(epoch: first.fence.epoch.token, handled: .zero))
        #expect(again.resume == .reset(.rollback))
        #expect(again.fence.epoch.incarnation == (try store.incarnation))
        #expect(again.head == .first)
    }

    @Test func whatLeavesAQueueLeavesTheCountOfStoredBytes() throws {
        let queues = MemoryQueues()
        let store = MemoryQueueStore(queues)
        let fence = try self.attachment(store, 1).fence
        _ = try store.commit((1...9).map { GatewayRig.message("\($0)") }, now: self.now)
        #expect(queues.withState { $0.storedBytes } == 9)
        let acknowledge = AcknowledgeOperation(client: GatewayRig.phone, fence: fence, through: SequenceNumber(4))
        _ = try store.commit([.acknowledge(acknowledge)], now: self.now)
        #expect(queues.withState { $0.storedBytes } == 5)
        _ = try store.commit([.remove(RemoveOperation(client: GatewayRig.phone))], now: self.now)
        #expect(queues.withState { $0.storedBytes } == 0)
        #expect(queues.withState { $0.due.first == nil })
    }

    // MARK: Parts

    @Test func theHeapGivesWhatIsDueInOrderWhereverThingsMove() {
        var heap = DueHeap()
        var model: [ClientID: Timestamp] = [:]
        var random = CountingGenerator(state: 7)
        for _ in 0..<5_000 {
            let client = ClientID(user: GatewayRig.phone.user, device: UserID("d\(random.next() % 50)"))
            switch random.next() % 3 {
            case 0:
                heap.remove(client)
                model[client] = nil
            default:
                let due = Timestamp(milliseconds: random.next() % 100)
                heap.set(client, due: due)
                model[client] = due
            }
            let first = model.min { ($0.value, $0.key) < ($1.value, $1.key) }
            #expect(heap.first?.client == first?.key)
            #expect(heap.first?.due == first?.value)
            #expect(heap[client] == model[client])
        }
    }

    @Test func theLogOfMessagesIsAListThatLosesItsFront() {
        var log = MessageLog()
        var model: [UInt64] = []
        var random = CountingGenerator(state: 3)
        var head: UInt64 = 0
        let times = KeptTimes(time: self.now, expires: self.now)
        for _ in 0..<5_000 {
            switch random.next() % 4 {
            case 0:
                let number = (model.first ?? head) + random.next() % 5
                _ = log.removeFirst(through: SequenceNumber(number))
                model.removeAll { $0 <= number }
            case 1 where !model.isEmpty:
                let removed = log.removeFirst(covering: KeptSum(messages: 1, bytes: 3))
                let gone = min(3, model.count)
                #expect(removed?.sum == KeptSum(messages: gone, bytes: gone))
                #expect(removed?.range == SequenceRange(SequenceNumber(model[0]), through: SequenceNumber(model[gone - 1])))
                model.removeFirst(gone)
            default:
                head += 1 + random.next() % 2
                log.append(KeptMessage(sequence: SequenceNumber(head), times: times, payload: Payload(text: "x")))
                model.append(head)
            }
            #expect(log.all.map(\.sequence.rawValue) == model)
            let probe = SequenceNumber(head - min(head, random.next() % 5))
            #expect((log[probe] != nil) == model.contains(probe.rawValue))
            #expect(log.all(above: probe).map(\.sequence.rawValue) == model.filter { $0 > probe.rawValue })
        }
    }

    @Test func aFIFOGivesWhatWasPutInInOrder() {
        var fifo = FIFO<Int>()
        for number in 0..<10 { fifo.append(number) }
        #expect(fifo.take { $0 < 3 } == [0, 1, 2])
        #expect(fifo.first == 3)
        #expect(fifo.takeFirst() == 3)
        fifo.append(10)
        #expect(fifo.count == 7)
        #expect(fifo.take { _ in true } == Array(4...10))
        #expect(fifo.isEmpty && fifo.first == nil && fifo.takeFirst() == nil)
    }
}

/// SplitMix64 with a seed.
struct CountingGenerator: RandomNumberGenerator, Sendable {
    var state: UInt64 = 1

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
