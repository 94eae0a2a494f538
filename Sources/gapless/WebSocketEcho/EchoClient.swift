import GaplessWebSocket
import NIOCore
import NIOPosix

/// The client's side of `gapless websocket-echo`.
enum EchoClient {
    /// Sends back what comes until the peer closes the connection.
    ///
    /// - Throws: `ProgramError` when there is no connection to the URL.
    static func run(_ url: String) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let closed = group.next().makePromise(of: WebSocketClosure.self)
        let attempt: WebSocketConnectAttempt
        do {
            let endpoint = try WebSocketEndpoint(url: url, defaultPath: "/")
            attempt = WebSocketConnector(group: group, subprotocol: nil, configuration: .echo)
                .connect(to: endpoint) { _ in WebSocketEcho(closed: closed) }
        } catch {
            closed.fail(error)
            throw ProgramError(.wrongInput, "\(error)")
        }
        attempt.opened.whenFailure { closed.fail($0) }
        let closure: WebSocketClosure
        do {
            closure = try await closed.futureResult.get()
        } catch {
            throw ProgramError(.unreachable, "\(error)")
        }
        try StandardOutput.write("{\"event\":\"closed\",\"code\":\(closure.code.map { String($0.rawValue) } ?? "null")}")
    }
}
