import NIOCore

/// A WebSocket frame as it is put on the wire, right or wrong (RFC 6455 §5.2).
struct WireFrame: Hashable, Sendable {
    /// The kinds of frames, by their numbers.
    enum Opcode {
        static let continuation: UInt8 = 0
        static let text: UInt8 = 1
        static let binary: UInt8 = 2
        static let close: UInt8 = 8
        static let ping: UInt8 = 9
        static let pong: UInt8 = 10
    }

    var opcode: UInt8
    var payload: [UInt8]
    var isFinal = true
    /// The three reserved bits, in their place.
    var reserved: UInt8 = 0
    /// The length that the header tells; nil for the true one.
    var announced: UInt64?

    init(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) {
        self.opcode = opcode
        self.payload = payload
        self.isFinal = isFinal
    }

    static func text(_ text: String) -> WireFrame {
        WireFrame(Opcode.text, Array(text.utf8))
    }

    static func binary(_ bytes: [UInt8]) -> WireFrame {
        WireFrame(Opcode.binary, bytes)
    }

    static func close(_ code: UInt16, _ reason: String = "") -> WireFrame {
        WireFrame(Opcode.close, [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)] + Array(reason.utf8))
    }

    /// The bytes, masked with this key or not at all.
    func bytes(maskedWith key: [UInt8]?) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger((self.isFinal ? 0x80 : 0) | self.reserved | self.opcode)
        let mask: UInt8 = key == nil ? 0 : 0x80
        let length = self.announced ?? UInt64(self.payload.count)
        switch length {
        case ...125: buffer.writeInteger(mask | UInt8(length))
        case ...0xFFFF:
            buffer.writeInteger(mask | 126)
            buffer.writeInteger(UInt16(length))
        default:
            buffer.writeInteger(mask | 127)
            buffer.writeInteger(length)
        }
        if let key {
            buffer.writeBytes(key)
            buffer.writeBytes(self.payload.enumerated().map { $1 ^ key[$0 % 4] })
        } else {
            buffer.writeBytes(self.payload)
        }
        return buffer
    }
}
