import GaplessCore

/// What the HTTP API is a face of.
protocol AdminBackend: Sendable {
    func send(_ message: OutgoingMessage) async throws(SendError) -> SendReceipt
    func send(_ messages: [OutgoingMessage]) async -> [Result<SendReceipt, SendError>]
    func send(inOrder messages: [OutgoingMessage], id: String?) async throws(SendError) -> SequenceReceipt
    func queue(of client: ClientID) async throws -> QueueDescription?
    func queues(of user: UserID?, after: ClientID?, limit: Int) async throws -> [QueueDescription]
    func nodes() async throws -> [NodeDescription]
    func order(_ order: NodeOrder, _ name: NodeName) async throws(SendError) -> Bool
    func metricsText() async throws -> String
    func remove(_ client: ClientID) async throws(SendError) -> Bool
    func disconnect(_ client: ClientID, code: CloseCode, for time: Duration) async throws(SendError) -> Bool
    func letIn(_ client: ClientID) async throws(SendError) -> Bool
}

extension GaplessServer: AdminBackend {}
