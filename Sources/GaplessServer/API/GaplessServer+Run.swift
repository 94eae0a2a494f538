import Synchronization

extension GaplessServer {
    /// Opens store and ports, and serves until a graceful shutdown or the cancellation of its task.
    ///
    /// - Throws: `ConfigurationError`, `QueueStoreError` or an error of the network when it cannot start.
    public func run() async throws {
        guard self.lifecycle.withLock({ $0.start() }) != nil else { preconditionFailure("a server runs once") }
        let waiters = self.lifecycle.withLock { $0.stop(nil) }
        for waiter in waiters { waiter.resume(throwing: SendError(.unavailable, "The server has stopped.")) }
    }
}
