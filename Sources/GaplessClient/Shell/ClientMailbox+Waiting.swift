extension ClientMailbox {
    /// Asks the event loop for something and waits for the answer.
    ///
    /// - Parameters:
    ///   - ask: keeps the waiter, or resumes it; on the event loop.
    ///   - cancel: resumes the waiter with `CancellationError` if it is still kept; on the event loop.
    /// - Throws: `SendError.stopped` when there is no client any more.
    func wait<Value: Sendable>(
        _ ask: @escaping @Sendable (ClientShell, Waiter<Value>) -> Void,
        cancel: @escaping @Sendable (ClientShell, WaiterID) -> Void
    ) async throws -> Value {
        let id = WaiterID()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let waiter = Waiter<Value>(id: id, continuation: continuation)
                self.post(
                    .ask { shell in
                        guard let shell else { return continuation.resume(throwing: SendError.stopped) }
                        guard !id.isCancelled else { return continuation.resume(throwing: CancellationError()) }
                        ask(shell, waiter)
                    }
                )
            }
        } onCancel: {
            id.cancel()
            self.post(.perform { cancel($0, id) })
        }
    }
}
