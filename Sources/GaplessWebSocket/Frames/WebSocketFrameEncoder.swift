internal import GaplessCore
package import NIOCore

/// Appends WebSocket frames to a buffer, so that a batch of them is one write.
///
/// Payloads are encoded straight behind their header, not copied there. A client masks, with a fresh key a frame from the generator that
/// is passed in; it must be one that the peer cannot foresee (RFC 6455 §10.3).
package struct WebSocketFrameEncoder: Sendable {
    package let role: WebSocketRole

    package init(role: WebSocketRole) {
        self.role = role
    }

    /// Appends a frame with this payload.
    package func write(
        _ opcode: WebSocketOpcode,
        payload: ByteBuffer,
        isFinal: Bool = true,
        into buffer: inout ByteBuffer,
        using random: inout some RandomNumberGenerator
    ) {
        let start = self.writeHeader(opcode, isFinal: isFinal, payloadBytes: payload.readableBytes, into: &buffer, using: &random)
        buffer.writeImmutableBuffer(payload)
        start.finish(&buffer)
    }

    /// Appends a header for a payload of a length that is known; the caller writes exactly so many bytes behind it and then calls
    /// `finish`, which masks them for a client.
    package func writeHeader(
        _ opcode: WebSocketOpcode,
        isFinal: Bool = true,
        payloadBytes: Int,
        into buffer: inout ByteBuffer,
        using random: inout some RandomNumberGenerator
    ) -> StartedFrame {
        let maskKey = self.role == .client ? WebSocketMaskKey(using: &random) : nil
        let header = buffer.writerIndex
        let size = Self.setHeader(opcode, isFinal: isFinal, payloadBytes: payloadBytes, maskKey: maskKey, at: header, in: &buffer)
        buffer.moveWriterIndex(forwardBy: size)
        return StartedFrame(payloadIndex: header + size, payloadBytes: payloadBytes, maskKey: maskKey)
    }

    /// Appends a frame whose payload the closure writes, when its length is not known before.
    ///
    /// - Parameter expectedBytes: a guess; the payload is moved by a few bytes when the header turns out longer or shorter.
    package func write<Failure: Error>(
        _ opcode: WebSocketOpcode,
        expectedBytes: Int,
        into buffer: inout ByteBuffer,
        using random: inout some RandomNumberGenerator,
        encode: (inout ByteBuffer) throws(Failure) -> Void
    ) throws(Failure) {
        let header = buffer.writerIndex
        let guessed = Self.headerBytes(payloadBytes: expectedBytes, role: self.role)
        buffer.skip(guessed)
        do {
            try encode(&buffer)
        } catch {
            buffer.moveWriterIndex(to: header)
            throw error
        }
        precondition(buffer.writerIndex >= header + guessed, "an encoder only appends")
        let payloadBytes = buffer.writerIndex - header - guessed
        let size = Self.headerBytes(payloadBytes: payloadBytes, role: self.role)
        if size > guessed { buffer.skip(size - guessed) }
        if size != guessed {
            buffer.moveBytes(from: header + guessed, to: header + size, count: payloadBytes)
            buffer.moveWriterIndex(to: header + size + payloadBytes)
        }
        let maskKey = self.role == .client ? WebSocketMaskKey(using: &random) : nil
        Self.setHeader(opcode, isFinal: true, payloadBytes: payloadBytes, maskKey: maskKey, at: header, in: &buffer)
        StartedFrame(payloadIndex: header + size, payloadBytes: payloadBytes, maskKey: maskKey).finish(&buffer)
    }

    /// Appends a Close frame. A reason that is too long is cut at a character; without a code there is none.
    package func writeClose(
        _ code: WebSocketCloseCode?,
        reason: String,
        into buffer: inout ByteBuffer,
        using random: inout some RandomNumberGenerator
    ) {
        var payload = ByteBuffer()
        if let code {
            precondition(code.isAllowedOnWire, "the close code \(code) is not allowed in a frame")
            payload.writeInteger(code.rawValue)
            payload.writeString(reason.prefix(utf8Bytes: WebSocketFrameHeader.maxControlPayloadBytes - 2))
        }
        self.write(.close, payload: payload, into: &buffer, using: &random)
    }

    /// A frame whose header is written and whose payload follows.
    package struct StartedFrame: Sendable {
        let payloadIndex: Int
        let payloadBytes: Int
        let maskKey: WebSocketMaskKey?

        /// Ends the frame: the payload has been written behind the header.
        package func finish(_ buffer: inout ByteBuffer) {
            precondition(buffer.writerIndex == self.payloadIndex + self.payloadBytes, "the payload has another length than its header says")
            guard let maskKey = self.maskKey else { return }
            let offset = self.payloadIndex - buffer.readerIndex
            let count = self.payloadBytes
            buffer.withUnsafeMutableReadableBytes { bytes in
                maskKey.apply(to: UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<(offset + count)]))
            }
        }
    }

    /// How long the header of such a frame is.
    package static func headerBytes(payloadBytes: Int, role: WebSocketRole) -> Int {
        let length = payloadBytes <= 125 ? 2 : payloadBytes <= 0xFFFF ? 4 : 10
        return role == .client ? length + 4 : length
    }

    /// Writes a header into the buffer without moving its writer, and returns how long it is.
    @discardableResult
    private static func setHeader(
        _ opcode: WebSocketOpcode,
        isFinal: Bool,
        payloadBytes: Int,
        maskKey: WebSocketMaskKey?,
        at index: Int,
        in buffer: inout ByteBuffer
    ) -> Int {
        let first = UInt16(opcode.rawValue | (isFinal ? 0x80 : 0)) << 8
        let maskBit: UInt16 = maskKey == nil ? 0 : 0x80
        var size = 0
        if payloadBytes <= 125 {
            size = buffer.setInteger(first | maskBit | UInt16(payloadBytes), at: index)
        } else if payloadBytes <= 0xFFFF {
            size = buffer.setInteger(UInt32(first | maskBit | 126) << 16 | UInt32(payloadBytes), at: index)
        } else {
            size = buffer.setInteger(first | maskBit | 127, at: index)
            size += buffer.setInteger(UInt64(payloadBytes), at: index + size)
        }
        if let maskKey { size += buffer.setInteger(maskKey.rawValue, at: index + size) }
        return size
    }
}

extension ByteBuffer {
    /// Leaves room for bytes that are written later.
    fileprivate mutating func skip(_ count: Int) {
        self.reserveCapacity(minimumWritableBytes: count)
        self.moveWriterIndex(forwardBy: count)
    }

    /// Moves written bytes to another index of the readable part; the two ranges may overlap.
    fileprivate mutating func moveBytes(from source: Int, to target: Int, count: Int) {
        guard count > 0 else { return }
        let start = self.readerIndex
        self.withUnsafeMutableReadableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            base.advanced(by: target - start).copyMemory(from: base.advanced(by: source - start), byteCount: count)
        }
    }
}
