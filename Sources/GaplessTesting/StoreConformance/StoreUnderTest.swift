package import GaplessCore
package import GaplessStore
import Logging
import Synchronization

/// Makes a fresh, empty store with the given bounds.
package typealias StoreMaker = (StorePolicy) throws -> StoreUnderTest

/// One store and the ways to it.
package struct StoreUnderTest: Sendable {
    /// Opens the store as a process does; called several times for one store.
    package var open: @Sendable () throws -> StoreConfiguration.Opened
    /// Copies the whole store while no object is open, and gives what puts the copy back in its place.
    package var saveCopy: @Sendable () throws -> @Sendable () throws -> Void
    /// Removes the store, after all objects were closed.
    package var destroy: @Sendable () -> Void

    /// A store that is opened by its own way.
    package init(
        open: @escaping @Sendable () throws -> any QueueStore,
        saveCopy: @escaping @Sendable () throws -> @Sendable () throws -> Void,
        destroy: @escaping @Sendable () -> Void = {}
    ) {
        self.open = {
            let store = try open()
            return StoreConfiguration.Opened(store: store, close: { store.close() })
        }
        self.saveCopy = saveCopy
        self.destroy = destroy
    }

    /// A store that is opened as a server opens it.
    package init(_ configuration: StoreConfiguration, policy: StorePolicy) {
        let opened = Mutex<UInt64>(0)
        self.open = {
            let incarnation = opened.withLock { opened in
                opened += 1
                return opened
            }
            let node = NodeIdentity(name: Name.node("check"), incarnation: incarnation)
            let logger = Logger(label: "gapless.check") { _ in SwiftLogNoOpLogHandler() }
            return try configuration.open(StoreConfiguration.Context(policy: policy, node: node, onWake: {}, logger: logger))
        }
        self.saveCopy = {
            guard let content = configuration.content else {
                throw QueueStoreError(.misconfigured, "The store cannot be copied as a whole, which this check needs.")
            }
            return try content.copy()
        }
        self.destroy = {
            // What cannot be removed is left to the owner of the folder; the next check has a store of its own.
            try? configuration.content?.remove()
        }
    }
}
