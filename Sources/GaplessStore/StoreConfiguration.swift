package import GaplessCore
package import Logging

/// Where a server keeps its queues: a way to open a store, once the server starts.
///
/// Each store brings its own: `.memory()`, `.sqlite(path:)`.
public struct StoreConfiguration: Sendable {
    /// What a server knows when it opens its store.
    package struct Context: Sendable {
        /// The bounds to keep.
        package var policy: StorePolicy
        /// The process that opens the store.
        package var node: NodeIdentity
        /// To be called, from any thread, when another process says that there are signals.
        package var onWake: @Sendable () -> Void
        /// For what is worth telling.
        package var logger: Logger

        package init(policy: StorePolicy, node: NodeIdentity, onWake: @escaping @Sendable () -> Void, logger: Logger) {
            self.policy = policy
            self.node = node
            self.onWake = onWake
            self.logger = logger
        }
    }

    /// A store that is open for one server.
    package struct Opened: Sendable {
        /// The store.
        package var store: any QueueStore
        /// Tells other processes to look at their signals; it never waits for them.
        package var wake: @Sendable ([NodeIdentity]) -> Void
        /// Gives up what waits for wake-ups, and closes the store if it is this server's own.
        package var close: @Sendable () -> Void

        package init(
            store: any QueueStore,
            wake: @escaping @Sendable ([NodeIdentity]) -> Void = { _ in },
            close: @escaping @Sendable () -> Void
        ) {
            self.store = store
            self.wake = wake
            self.close = close
        }
    }

    /// What it is, for logs.
    package let description: String

    /// Opens the store; called once for each server, and it may wait for the disk.
    package let open: @Sendable (Context) throws(QueueStoreError) -> Opened

    /// A store that is opened like this.
    package init(_ description: String, open: @escaping @Sendable (Context) throws(QueueStoreError) -> Opened) {
        self.description = description
        self.open = open
    }
}
