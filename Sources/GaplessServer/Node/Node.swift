import GaplessCore
import GaplessStore

/// What runs between the start and the stop of a server.
final class Node: Sendable {
    let addresses: ServerAddresses

    init(addresses: ServerAddresses) {
        self.addresses = addresses
    }

    func append(_ operation: AppendOperation) async throws(SendError) -> AppendReceipt {
        throw SendError(.unavailable, "The server does not run.")
    }

    func append(_ operation: AppendSequenceOperation) async throws(SendError) -> AppendSequenceReceipt {
        throw SendError(.unavailable, "The server does not run.")
    }

    func append(_ operations: [Result<AppendOperation, SendError>]) async -> [Result<SendReceipt, SendError>] {
        operations.map { _ in .failure(SendError(.unavailable, "The server does not run.")) }
    }

    func snapshot(of client: ClientID) async throws -> QueueSnapshot? {
        throw SendError(.unavailable, "The server does not run.")
    }

    func snapshots(of user: UserID?, after: ClientID?, limit: Int) async throws -> [QueueSnapshot] {
        throw SendError(.unavailable, "The server does not run.")
    }

    func remove(_ client: ClientID) async throws(SendError) -> Bool {
        throw SendError(.unavailable, "The server does not run.")
    }
}
