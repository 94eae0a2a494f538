import GaplessCore
import GaplessStore
import GaplessTesting
import Testing

@Suite struct FaultInjectingQueueStoreTests {
    private let now = Timestamp(milliseconds: 1_000)

    private func codes(_ store: FaultInjectingQueueStore, commits: Int) -> [QueueStoreError.Code?] {
        (1...commits).map { number -> QueueStoreError.Code? in
            do throws(QueueStoreError) {
                _ = try store.commit([GatewayRig.message("\(number)")], now: self.now)
                return nil
            } catch {
                return error.code
            }
        }
    }

    private func head(_ store: any QueueStore) throws -> UInt64 {
        try store.snapshot(of: GatewayRig.phone, now: self.now)?.head.rawValue ?? 0
    }

    @Test func theNthCallFailsAndTheOthersDoNot() throws {
        let base = MemoryQueueStore()
        let store = FaultInjectingQueueStore(base, failing: .nth(2))
        #expect(self.codes(store, commits: 3) == [nil, .unavailable, nil])
        #expect(try self.head(base) == 2)
        #expect(store.calls == 3)
    }

    @Test func fromTheNthCallOnAllFailUntilItIsHealed() throws {
        let base = MemoryQueueStore()
        let store = FaultInjectingQueueStore(base, failing: .from(2))
        #expect(self.codes(store, commits: 3) == [nil, .unavailable, .unavailable])
        #expect(throws: QueueStoreError.self) { try self.head(store) }
        store.heal()
        #expect(self.codes(store, commits: 1) == [nil])
        #expect(try self.head(base) == 2)
        store.fail(.nth(1))
        #expect(self.codes(store, commits: 2) == [.unavailable, nil])
    }

    @Test(arguments: [(FaultInjectingQueueStore.Effect.lost, 0), (.committed, 1)] as [(FaultInjectingQueueStore.Effect, UInt64)])
    func anUnknownOutcomeMayBeEither(effect: FaultInjectingQueueStore.Effect, head: UInt64) throws {
        let base = MemoryQueueStore()
        let store = FaultInjectingQueueStore(base, failing: .nth(1), effect: effect)
        #expect(self.codes(store, commits: 1) == [.unknown])
        #expect(try self.head(base) == head)
    }
}
