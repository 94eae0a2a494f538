import GaplessServer

/// The examples of the article on delivery guarantees.
struct ServerDelivery {
    // snippet: a send whose outcome is unknown
    func sendSurely(_ text: String, to client: ClientID, id: String, with server: GaplessServer) async throws -> SendReceipt {
        while true {
            do {
                return try await server.send(text, to: .client(client), id: id)
            } catch {
                guard [.unknown, .unavailable, .overloaded].contains(error.code) else { throw error }
                try await Task.sleep(for: .seconds(1))
            }
        }
    }
    // snippet end
}
