import GaplessStore

extension StoreConfiguration {
    /// A store that exists already.
    static func only(_ store: any QueueStore) -> StoreConfiguration {
        StoreConfiguration("test") { _ throws(QueueStoreError) in Opened(store: store, close: { store.close() }) }
    }

    /// A store that exists already and outlives its servers.
    static func lasting(_ store: any QueueStore) -> StoreConfiguration {
        StoreConfiguration("test") { _ throws(QueueStoreError) in Opened(store: store, close: {}) }
    }
}
