import GaplessWebSocket
import NIOCore
import NIOHTTP1

/// Opens the WebSockets of a client.
protocol ClientConnector {
    /// Begins an attempt; `makeSocket` is called on the loop once the handshake is through.
    func connect(
        to endpoint: WebSocketEndpoint,
        headers: HTTPHeaders,
        on eventLoop: any EventLoop,
        makeSocket: @escaping @Sendable (any EventLoop) -> ClientSocket
    ) -> WebSocketConnectAttempt
}

extension WebSocketConnector: ClientConnector {
    func connect(
        to endpoint: WebSocketEndpoint,
        headers: HTTPHeaders,
        on eventLoop: any EventLoop,
        makeSocket: @escaping @Sendable (any EventLoop) -> ClientSocket
    ) -> WebSocketConnectAttempt {
        self.connect(to: endpoint, headers: headers, on: eventLoop, makeDelegate: makeSocket)
    }
}
