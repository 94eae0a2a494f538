import GaplessCore
import GaplessStore
import GaplessTesting

/// The stores that the conformance suite runs against.
enum StoreKind: String, CaseIterable, Sendable {
    case memory

    /// Makes a fresh store of this kind.
    func make(_ policy: StorePolicy) throws -> StoreUnderTest {
        switch self {
        case .memory:
            let queues = MemoryQueues(policy: policy)
            return StoreUnderTest(
                open: { MemoryQueueStore(queues) },
                saveCopy: {
                    let copy = queues.copy()
                    return { queues.restore(from: copy) }
                }
            )
        }
    }
}
