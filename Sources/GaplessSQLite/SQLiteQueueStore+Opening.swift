package import GaplessStore
import Logging

extension SQLiteQueueStore {
    /// Opens the store for one server, together with the sockets by which processes of one machine wake each other.
    ///
    /// Without sockets - no room for their paths, no permission - the store works all the same, and news of other nodes come with the poll.
    package static func open(
        path: String,
        context: StoreConfiguration.Context,
        configuration: SQLiteStoreConfiguration = SQLiteStoreConfiguration()
    ) throws(QueueStoreError) -> StoreConfiguration.Opened {
        let store = try SQLiteQueueStore(path: path, policy: context.policy, logger: context.logger, configuration: configuration)
        let sender = try SignalSender(storeAt: path)
        let receiver: SignalReceiver?
        do {
            receiver = try SignalReceiver(storeAt: path, node: context.node, onWake: context.onWake)
        } catch {
            context.logger.warning("Other nodes cannot wake this one; it polls", metadata: ["error.message": "\(error)"])
            receiver = nil
        }
        return StoreConfiguration.Opened(
            store: store,
            schemas: configuration.schema.supported,
            wake: { sender.wake($0) },
            freeBytes: { FreeSpace.bytes(at: path) },
            close: {
                receiver?.stop()
                store.close()
            }
        )
    }
}
