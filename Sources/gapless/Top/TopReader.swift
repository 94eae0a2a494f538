import NIOCore
import NIOHTTP1

/// Reads what the node at one address tells.
struct TopReader {
    let client: AdminClient
    /// When `top` began.
    let start: ContinuousClock.Instant

    /// How long a node may take for an answer.
    private static let patience = TimeAmount.seconds(5)
    /// The most bytes of an answer that are read.
    private static let maxAnswerBytes = 4_194_304

    /// Reads once.
    func read() async -> TopReading {
        let outcome: TopReading.Outcome
        do {
            let nodes = try NodeDescription.list(try await self.ask("/v1/nodes"))
            let metrics = try await self.ask("/metrics")
            let text = metrics.status == .ok ? String(buffer: metrics.body) : ""
            outcome = .answer(nodes: nodes, metrics: PrometheusReading(text))
        } catch {
            outcome = .failure(AdminFailure(error).description)
        }
        return TopReading(time: ContinuousClock.now - self.start, outcome: outcome)
    }

    private func ask(_ path: String) async throws -> AdminClient.Answer {
        try await self.client.askOnce(.GET, path, timeout: Self.patience, maxAnswerBytes: Self.maxAnswerBytes)
    }
}
