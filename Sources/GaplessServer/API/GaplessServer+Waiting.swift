import Synchronization

extension GaplessServer {
    /// The running server; waits while it starts.
    ///
    /// - Throws: what `run()` threw, or `SendError` when it has ended.
    func running() async throws -> ServerLifecycle.Running {
        if let running = self.lifecycle.withLock({ $0.running }) { return running }
        let id = self.lifecycle.withLock { $0.nextWaiter() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                let action = self.lifecycle.withLock { lifecycle in
                    // The cancellation handler may have run before there was anything to cancel.
                    Task.isCancelled ? .fail(CancellationError()) : lifecycle.wait(id, waiter, limit: self.configuration.maxPendingSends)
                }
                switch action {
                case .go(let running): waiter.resume(returning: running)
                case .wait: break
                case .fail(let error): waiter.resume(throwing: error)
                }
            }
        } onCancel: {
            self.lifecycle.withLock { $0.cancel(id) }?.resume(throwing: CancellationError())
        }
    }

    /// The running server, for a send; waits while it starts.
    func nodeForSending() async throws(SendError) -> Node {
        do {
            return try await self.running().node
        } catch let error as SendError {
            throw error
        } catch is CancellationError {
            throw SendError(.unavailable, "The task was cancelled before the server ran; nothing was sent.")
        } catch {
            throw SendError(.unavailable, "The server does not run: \(error)")
        }
    }
}
