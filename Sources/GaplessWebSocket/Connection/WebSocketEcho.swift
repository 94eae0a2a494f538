package import NIOCore

/// A delegate that sends every message back: the other side of tests, of public conformance suites and of measurements.
///
/// It reads no faster than the peer takes the answers.
package final class WebSocketEcho: WebSocketConnectionDelegate {
    private var connection: WebSocketConnectionHandler<WebSocketEcho>?

    private let closed: EventLoopPromise<WebSocketClosure>?

    /// - Parameter closed: is told how the connection ended.
    package init(closed: EventLoopPromise<WebSocketClosure>? = nil) {
        self.closed = closed
    }

    package func connectionOpened(_ connection: WebSocketConnectionHandler<WebSocketEcho>) {
        self.connection = connection
    }

    package func received(_ kind: WebSocketMessageKind, _ payload: ByteBuffer) {
        self.connection?.send(kind, payload)
    }

    package func readBatchEnded() {
        guard let connection = self.connection else { return }
        connection.flush()
        if !connection.isWritable { connection.pauseReading() }
    }

    package func writabilityChanged(_ isWritable: Bool) {
        if isWritable { self.connection?.resumeReading() }
    }

    package func shutdownRequested() {
        self.connection?.close(.goingAway, reason: "shutting down")
    }

    package func connectionClosed(_ closure: WebSocketClosure) {
        self.connection = nil
        self.closed?.succeed(closure)
    }
}
