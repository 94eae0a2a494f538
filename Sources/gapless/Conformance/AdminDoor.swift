import GaplessConformance
import NIOCore
import NIOHTTP1

/// The kit's way to the HTTP API.
struct AdminDoor: AdminAccess {
    let client: AdminClient

    func ask(_ method: String, _ path: String, body: String?, kind: String?) async throws -> AdminAnswer {
        let answer = try await self.client.askOnce(
            HTTPMethod(rawValue: method),
            path,
            headers: kind.map { [("Content-Type", $0)] } ?? [],
            body: body.map { ByteBuffer(string: $0) }
        )
        return AdminAnswer(status: Int(answer.status.code), body: String(buffer: answer.body))
    }
}
