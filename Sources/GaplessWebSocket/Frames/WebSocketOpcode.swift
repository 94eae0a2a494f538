/// The kind of a WebSocket message; the user keeps it with the payload.
package enum WebSocketMessageKind: Hashable, Sendable {
    /// A message whose payload is valid UTF-8.
    case text
    /// A message whose payload is any bytes.
    case binary

    var opcode: WebSocketOpcode {
        switch self {
        case .text: .text
        case .binary: .binary
        }
    }
}

/// The four bits that say what a WebSocket frame is (RFC 6455 §5.2). Every other value is a protocol error.
package enum WebSocketOpcode: UInt8, Hashable, Sendable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Control frames are at most 125 bytes long, never fragmented, and may come between the fragments of a message.
    var isControl: Bool { self.rawValue >= 0x8 }
}

/// Which end of a WebSocket connection this is. It decides who masks, and who ends the TCP connection first.
package enum WebSocketRole: Hashable, Sendable {
    /// We accepted the connection: what arrives is masked, what we send is not.
    case server
    /// We made the connection: what we send is masked, what arrives is not.
    case client
}
