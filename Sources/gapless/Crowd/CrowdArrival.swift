import GaplessClient
import ServiceLifecycle

/// A client of a crowd that begins after a while, so that a large crowd does not come all at once.
struct CrowdArrival: Service {
    let client: GaplessClient
    /// How long it waits before it begins.
    let wait: Duration

    func run() async throws {
        // Whoever is stopped before it began ends in order all the same.
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: self.wait) }
        try await self.client.run()
    }
}
