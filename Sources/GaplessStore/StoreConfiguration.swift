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
        /// Which schemas of the store this program can work with, for the node to say so with its heartbeats.
        package var schemas: ClosedRange<UInt32>
        /// Tells other processes to look at their signals; it never waits for them.
        package var wake: @Sendable ([NodeIdentity]) -> Void
        /// How many bytes are free where it is; nil where nobody can say. It is asked each second, and never waits.
        package var freeBytes: @Sendable () -> Int?
        /// Gives up what waits for wake-ups, and closes the store if it is this server's own.
        package var close: @Sendable () -> Void

        package init(
            store: any QueueStore,
            schemas: ClosedRange<UInt32> = 1...1,
            wake: @escaping @Sendable ([NodeIdentity]) -> Void = { _ in },
            freeBytes: @escaping @Sendable () -> Int? = { nil },
            close: @escaping @Sendable () -> Void
        ) {
            self.store = store
            self.schemas = schemas
            self.wake = wake
            self.freeBytes = freeBytes
            self.close = close
        }
    }

    /// Ways to all that a store holds, for the time in which nobody has it open; for the conformance suite.
    package struct Content: Sendable {
        /// Copies everything, and gives what puts the copy back in the place of what is there.
        package var copy: @Sendable () throws -> @Sendable () throws -> Void
        /// Removes everything.
        package var remove: @Sendable () throws -> Void

        package init(copy: @escaping @Sendable () throws -> @Sendable () throws -> Void, remove: @escaping @Sendable () throws -> Void) {
            self.copy = copy
            self.remove = remove
        }
    }

    /// What it is, for logs.
    package let description: String

    /// Ways to what it holds; nil for a store that cannot be copied as a whole.
    package let content: Content?

    /// Opens the store; called once for each server, and it may wait for the disk.
    package let open: @Sendable (Context) throws(QueueStoreError) -> Opened

    /// A store that is opened like this.
    package init(
        _ description: String,
        content: Content? = nil,
        open: @escaping @Sendable (Context) throws(QueueStoreError) -> Opened
    ) {
        self.description = description
        self.content = content
        self.open = open
    }
}
