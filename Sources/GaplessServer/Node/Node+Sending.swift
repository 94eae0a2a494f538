import GaplessCore
import GaplessStore
import Tracing

extension Node {
    /// Commits one send.
    func append(_ operation: AppendOperation) async throws(SendError) -> AppendReceipt {
        guard case .append(let receipt) = try await self.commit(.append(operation)) else {
            preconditionFailure("a send gets the receipt of a send")
        }
        return receipt
    }

    /// Commits sends in order, up to the first that is refused.
    func append(_ operation: AppendSequenceOperation) async throws(SendError) -> AppendSequenceReceipt {
        guard case .appendSequence(let receipt) = try await self.commit(.appendSequence(operation)) else {
            preconditionFailure("a sequence gets the receipt of a sequence")
        }
        return receipt
    }

    /// Commits many sends, each for itself.
    func append(_ operations: [Result<AppendOperation, SendError>]) async -> [Result<SendReceipt, SendError>] {
        let valid = operations.compactMap { try? $0.get() }
        var receipts = await self.gateway.commitAll(valid.map { .append($0) })[...]
        return operations.map { operation in
            operation.flatMap { operation in
                guard let result = receipts.popFirst() else { preconditionFailure("each operation has one answer") }
                return Result { () throws(SendError) in
                    switch result {
                    case .success(.append(let receipt)): try receipt.sendReceipt(for: operation)
                    case .success: preconditionFailure("a send gets the receipt of a send")
                    case .failure(let error): throw SendError(error)
                    }
                }
            }
        }
    }

    /// Removes a queue; false when there was none.
    func remove(_ client: ClientID) async throws(SendError) -> Bool {
        switch try await self.commit(.remove(RemoveOperation(client: client))) {
        case .remove(.removed): return true
        case .remove(.noSuchClient): return false
        default: preconditionFailure("a removal gets the receipt of a removal")
        }
    }

    /// Sends a client away, and tells whether it was attached; or lets it in, and tells whether it was sent away.
    func sendAway(_ operation: SendAwayOperation) async throws(SendError) -> Bool {
        switch try await self.commit(.sendAway(operation)) {
        case .sendAway(.sentAway(let holder, _)): return holder != nil
        case .sendAway(.letIn(let wasAway)): return wasAway
        case .sendAway(.tooMany): throw SendError(.full, "As many clients are sent away as can be.")
        case .sendAway(.schemaTooOld):
            throw SendError(
                .unavailable,
                "To send clients away waits for the store's next schema, and that for the end of a node whose program does not know it."
            )
        default: preconditionFailure("an operator's word gets the receipt of one")
        }
    }

    /// Gives an order to another node; false when there is none of that name.
    func order(_ operation: OrderOperation) async throws(SendError) -> Bool {
        switch try await self.commit(.order(operation)) {
        case .order(.given): return true
        case .order(.noSuchNode): return false
        case .order(.schemaTooOld):
            throw SendError(
                .unavailable,
                "Orders wait for the store's next schema, and that for the end of a node whose program does not know it."
            )
        default: preconditionFailure("an order gets the receipt of an order")
        }
    }

    func snapshot(of client: ClientID) async throws -> QueueSnapshot? {
        let now = self.storeClock.wallClock()
        return try await self.readers.perform { store throws(QueueStoreError) in try store.snapshot(of: client, now: now) }
    }

    func snapshots(of user: UserID?, after: ClientID?, limit: Int) async throws -> [QueueSnapshot] {
        let now = self.storeClock.wallClock()
        return try await self.readers.perform { store throws(QueueStoreError) in
            try store.snapshots(of: user, after: after, limit: limit, now: now)
        }
    }

    private func commit(_ operation: StoreOperation) async throws(SendError) -> StoreReceipt {
        do {
            return try await self.gateway.commit(operation)
        } catch {
            throw SendError(error)
        }
    }
}
