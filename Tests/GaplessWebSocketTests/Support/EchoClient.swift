import GaplessWebSocket
import NIOCore

/// Sends messages to an echo, one after the other, and closes when all have come back as they were.
final class EchoClient: WebSocketConnectionDelegate {
    private var waiting: [(WebSocketMessageKind, ByteBuffer)]
    private let done: EventLoopPromise<WebSocketClosure>
    private var connection: WebSocketConnectionHandler<EchoClient>?

    init(_ messages: [(WebSocketMessageKind, ByteBuffer)], done: EventLoopPromise<WebSocketClosure>) {
        self.waiting = messages
        self.done = done
    }

    func connectionOpened(_ connection: WebSocketConnectionHandler<EchoClient>) {
        self.connection = connection
        self.sendNext()
    }

    func received(_ kind: WebSocketMessageKind, _ payload: ByteBuffer) {
        let (sentKind, sent) = self.waiting.removeFirst()
        if sentKind == kind, sent == payload {
            self.sendNext()
        } else {
            self.connection?.close(WebSocketCloseCode(4999), reason: "differs")
        }
    }

    func connectionClosed(_ closure: WebSocketClosure) {
        self.connection = nil
        self.done.succeed(closure)
    }

    private func sendNext() {
        if let (kind, payload) = self.waiting.first {
            self.connection?.send(kind, payload)
            self.connection?.flush()
        } else {
            self.connection?.close(.normal, reason: "done")
        }
    }
}
