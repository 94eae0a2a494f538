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
    /// Servers that share them learn of each other's messages by polling, a quarter of a second later.
    public static func memory() -> StoreConfiguration {
        let shared = SharedQueues()
        return StoreConfiguration("memory", content: shared.content) { context throws(QueueStoreError) in
            let store = MemoryQueueStore(shared.queues(context.policy))
            return Opened(store: store, close: { store.close() })
        }
    }
}

/// Queues in memory, made with the bounds of the server that comes first.
private final class SharedQueues: Sendable {
    private let made = Mutex<MemoryQueues?>(nil)

    var content: StoreConfiguration.Content {
        StoreConfiguration.Content(
            copy: {
                guard let copy = self.made.withLock({ $0?.copy() }) else { return { self.made.withLock { $0 = nil } } }
                return { self.made.withLock { $0?.restore(from: copy) } }
            },
            remove: { self.made.withLock { $0 = nil } }
        )
    }

    func queues(_ policy: StorePolicy) -> MemoryQueues {
        self.made.withLock { made in
            let queues = made ?? MemoryQueues(policy: policy)
            made = queues
            return queues
        }
    }
}
