package import NIOCore

/// What stands behind one WebSocket connection: the session of a server or of a client.
///
/// Every call comes on the connection's event loop. None comes from inside a call that the delegate makes to the connection: what such a
/// call brings about (writable again, closed) is told in a later turn of the loop. So a delegate that is a state machine in a shell never
/// meets itself.
///
/// `connectionOpened` comes first and once, `connectionClosed` last and once, and nothing after it.
package protocol WebSocketConnectionDelegate: AnyObject, SendableMetatype {
    /// The handshake is done; frames may be sent from now on. Keep the connection: its methods are how you answer.
    func connectionOpened(_ connection: WebSocketConnectionHandler<Self>)

    /// A whole message. A text is valid UTF-8.
    ///
    /// The payload may share the buffer of the read. Who keeps it longer than this batch copies it when it is small, so that a hundred
    /// bytes do not hold 64 KiB.
    func received(_ kind: WebSocketMessageKind, _ payload: ByteBuffer)

    /// All messages of this read have been handed over. What was sent meanwhile is flushed right after this returns.
    func readBatchEnded()

    /// Bytes came from the peer, of whatever kind: the sign of life. Once a read, before its messages.
    func anyInbound()

    /// False: stop sending what can wait. True: ask for the next; comes after every time that `isWritable` was false, told or not.
    func writabilityChanged(_ isWritable: Bool)

    /// The peer broke RFC 6455 or a limit. Send a last message if you like (an `ERROR` frame), and say with which code to close.
    func violation(_ violation: WebSocketViolation) -> (code: WebSocketCloseCode, reason: String)

    /// The socket took no byte for `writeStallTimeout` though bytes wait: the peer is a slow consumer, or gone.
    func writeStalled(for duration: TimeAmount)

    /// The listener that accepted this connection is shutting down. Told by ``WebSocketListener/quiesce()``.
    func shutdownRequested()

    /// The connection is of no more use; nothing can be sent or will be received.
    func connectionClosed(_ closure: WebSocketClosure)
}

extension WebSocketConnectionDelegate {
    package func readBatchEnded() {}
    package func anyInbound() {}
    package func writabilityChanged(_ isWritable: Bool) {}
    package func writeStalled(for duration: TimeAmount) {}
    package func shutdownRequested() {}

    package func violation(_ violation: WebSocketViolation) -> (code: WebSocketCloseCode, reason: String) {
        (violation.closeCode, violation.message)
    }
}

/// How a connection ended, as far as this side can know.
package struct WebSocketClosure: Sendable {
    /// The code of the peer's Close; nil when no Close came, or one without a code.
    package let code: WebSocketCloseCode?
    /// The reason in the peer's Close.
    package let reason: String
    /// Whether the peer's Close came. Without it the connection was lost (what RFC 6455 calls 1006).
    package let isClean: Bool
    /// The error of the socket or of TLS, if that was the end.
    package let error: (any Error)?

    package init(code: WebSocketCloseCode?, reason: String, isClean: Bool, error: (any Error)?) {
        self.code = code
        self.reason = reason
        self.isClean = isClean
        self.error = error
    }
}
