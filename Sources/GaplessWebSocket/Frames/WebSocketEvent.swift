package import NIOCore

/// What the frame decoder found.
package enum WebSocketEvent: Hashable, Sendable {
    /// A whole message, joined from its fragments and unmasked; a text is valid UTF-8.
    case message(WebSocketMessageKind, ByteBuffer)
    /// To be answered by a Pong with the same payload.
    case ping(ByteBuffer)
    case pong(ByteBuffer)
    /// The last frame of the peer. The code is allowed on the wire and the reason is UTF-8; without a code there is no reason.
    case close(WebSocketCloseCode?, reason: String)
}
