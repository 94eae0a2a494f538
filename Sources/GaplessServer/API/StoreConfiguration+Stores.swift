import GaplessSQLite
public import GaplessStore

extension StoreConfiguration {
    /// Queues in one SQLite file, which several servers on one machine may share. The file is created when there is none.
    public static func sqlite(path: String) -> StoreConfiguration {
        StoreConfiguration("sqlite:\(path)") { context throws(QueueStoreError) in
            try SQLiteQueueStore.open(path: path, context: context)
        }
    }

    /// Queues in memory, for tests and trials: they end with the process. Servers that are given the same value share them.
    public static func memory() -> StoreConfiguration {
        StoreConfiguration("memory") { _ throws(QueueStoreError) in
            throw QueueStoreError(.unavailable, "The store cannot be opened.")
        }
    }
}
