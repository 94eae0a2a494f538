import GaplessCore
public import GaplessSQLite
public import GaplessStore
import Synchronization

extension StoreConfiguration {
    /// Queues in one SQLite file, which several servers on one machine may share. The file is created when there is none.
    ///
    /// - Parameters:
    ///   - path: the file; its folder must exist and lie on a local disk.
    ///   - secureDelete: what becomes of the bytes of removed messages. Default `.fast`.
    public static func sqlite(path: String, secureDelete: SecureDelete = .fast) -> StoreConfiguration {
        StoreConfiguration("sqlite:\(path)", content: StoreFile.content(path)) { context throws(QueueStoreError) in
            var configuration = SQLiteStoreConfiguration()
            configuration.secureDelete = secureDelete
            return try SQLiteQueueStore.open(path: path, context: context, configuration: configuration)
        }
    }

    /// Queues in memory, for tests and trials: they end with the process. Servers that are given the same value share them.
    ///
    /// Servers that share them wake each other, as nodes on one file do.
    public static func memory() -> StoreConfiguration {
        let shared = SharedQueues()
        return StoreConfiguration("memory", content: shared.content) { context throws(QueueStoreError) in
            let store = MemoryQueueStore(shared.join(context))
            return Opened(
                store: store,
                wake: { shared.wake($0) },
                close: {
                    shared.leave(context.node)
                    store.close()
                }
            )
        }
    }
}

/// Queues in memory, made with the bounds of the server that comes first, and the ways to wake all who share them.
private final class SharedQueues: Sendable {
    private struct State {
        var queues: MemoryQueues?
        var wakers: [NodeIdentity: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    /// All that they hold, for the conformance suite.
    var content: StoreConfiguration.Content {
        StoreConfiguration.Content(
            copy: {
                guard let copy = self.state.withLock({ $0.queues?.copy() }) else { return { self.state.withLock { $0.queues = nil } } }
                return { self.state.withLock { $0.queues?.restore(from: copy) } }
            },
            remove: { self.state.withLock { $0.queues = nil } }
        )
    }

    /// A server opens the queues.
    func join(_ context: StoreConfiguration.Context) -> MemoryQueues {
        self.state.withLock { state in
            let queues = state.queues ?? MemoryQueues(policy: context.policy)
            state.queues = queues
            state.wakers[context.node] = context.onWake
            return queues
        }
    }

    /// It closes them.
    func leave(_ node: NodeIdentity) {
        self.state.withLock { $0.wakers[node] = nil }
    }

    /// Tells nodes to look at their signals.
    func wake(_ nodes: [NodeIdentity]) {
        let wakers = self.state.withLock { state in nodes.compactMap { state.wakers[$0] } }
        wakers.forEach { $0() }
    }
}
