/// What stands before the payload of a frame (RFC 6455 §5.2), already checked against all that does not depend on other frames.
package struct WebSocketFrameHeader: Hashable, Sendable {
    /// The most bytes that a header can have: two, eight of length, four of mask key.
    package static let maxBytes = 14

    /// The most payload bytes of a Close, Ping or Pong (RFC 6455 §5.5).
    package static let maxControlPayloadBytes = 125

    package let opcode: WebSocketOpcode
    package let isFinal: Bool
    package let maskKey: WebSocketMaskKey?
    package let payloadBytes: UInt64
    /// How long the header itself is.
    package let headerBytes: Int

    /// Reads a header from the front of the bytes.
    ///
    /// - Parameter role: who we are; it says whether the frame must be masked or must not be.
    /// - Returns: nil when more bytes are needed. What is wrong is refused from the first byte that shows it.
    init?(_ bytes: UnsafeRawBufferPointer, role: WebSocketRole) throws(WebSocketViolation) {
        guard bytes.count >= 2 else { return nil }
        let first = bytes[0]
        let second = bytes[1]
        guard first & 0x70 == 0 else { throw WebSocketViolation(.protocolError, "a reserved bit is set") }
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else {
            throw WebSocketViolation(.protocolError, "the opcode is unknown")
        }
        let isFinal = first & 0x80 != 0
        let isMasked = second & 0x80 != 0
        guard isMasked == (role == .server) else {
            throw WebSocketViolation(
                .protocolError,
                isMasked ? "a frame from the server is masked" : "a frame from the client is not masked"
            )
        }
        let short = second & 0x7F
        if opcode.isControl {
            guard isFinal else { throw WebSocketViolation(.protocolError, "a control frame is fragmented") }
            guard short <= 125 else { throw WebSocketViolation(.protocolError, "a control frame is longer than 125 bytes") }
        }
        let lengthBytes = short == 127 ? 8 : short == 126 ? 2 : 0
        let headerBytes = 2 + lengthBytes + (isMasked ? 4 : 0)
        guard bytes.count >= headerBytes else { return nil }
        var payloadBytes = UInt64(short)
        if lengthBytes == 2 {
            payloadBytes = UInt64(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            guard payloadBytes > 125 else { throw WebSocketViolation(.protocolError, "a length is not in its shortest form") }
        } else if lengthBytes == 8 {
            payloadBytes = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard payloadBytes > 0xFFFF else { throw WebSocketViolation(.protocolError, "a length is not in its shortest form") }
            guard payloadBytes >> 63 == 0 else { throw WebSocketViolation(.protocolError, "the highest bit of a length is set") }
        }
        self.opcode = opcode
        self.isFinal = isFinal
        self.payloadBytes = payloadBytes
        self.headerBytes = headerBytes
        self.maskKey =
            isMasked
            ? WebSocketMaskKey(rawValue: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 2 + lengthBytes, as: UInt32.self)))
            : nil
    }
}
