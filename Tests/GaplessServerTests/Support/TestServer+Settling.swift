import GaplessServer
import GaplessTesting

extension TestServer {
    /// Commits something that changes nothing. What was submitted before - the row that tells other nodes of this one - is committed then.
    func commitsBehindItsHeartbeat() async throws {
        guard let nobody = ClientID("nobody") else { return }
        try await self.server.remove(nobody)
    }
}
