internal import GaplessCore
package import NIOCore

/// Turns the bytes of one connection into WebSocket messages and control frames, and checks all that RFC 6455 §5 demands.
///
/// A frame that lies whole in the bytes of one read is unmasked where it lies and handed on as a slice: no copy, no allocation. One that
/// is torn, and each fragment, is joined in a buffer that never grows beyond `maxMessageBytes`: the bound is checked against the length
/// in the header, before anything is kept. Texts are checked byte by byte as they come, so that a bad one fails at once.
///
/// Feed it with ``append(_:)``, then call ``next()`` until it returns nil. After it threw it must not be used again.
package struct WebSocketFrameDecoder: Sendable {
    /// The most bytes of a message. May be changed at any time; it holds from the next header on.
    package var maxMessageBytes: Int

    /// The most fragments of a message, empty ones included: each costs work even when it brings no byte.
    package let maxFragments: Int

    /// Whether messages are thrown away unread, without a bound: for a connection that waits for the peer's Close only.
    private var isDiscarding = false

    private let role: WebSocketRole
    private var input = ByteBuffer()
    /// The message of which some bytes or fragments have come, but not all.
    private var message: PartialMessage?
    /// The data frame of which the header has come, but not all of the payload.
    private var torn: TornFrame?

    private struct PartialMessage {
        let kind: WebSocketMessageKind
        /// Sum of the lengths in the headers so far.
        var announcedBytes = 0
        var fragments = 0
        var payload = ByteBuffer()
        var utf8 = UTF8Validator()
    }

    private struct TornFrame {
        let isFinal: Bool
        let maskKey: WebSocketMaskKey?
        let payloadBytes: UInt64
        var takenBytes: UInt64 = 0
    }

    package init(role: WebSocketRole, maxMessageBytes: Int, maxFragments: Int) {
        precondition(maxMessageBytes >= 0, "a message bound is not negative")
        precondition(maxFragments >= 1, "a message has at least one fragment")
        self.role = role
        self.maxMessageBytes = maxMessageBytes
        self.maxFragments = maxFragments
    }

    /// How many bytes are held for messages and frames that are not complete.
    package var heldBytes: Int { self.input.readableBytes + (self.message?.payload.readableBytes ?? 0) }

    /// Takes the bytes of one read.
    ///
    /// They are unmasked in place if nobody else holds them; otherwise they are copied once, here. From then on only slices that
    /// `next()` handed out share them, and those cover frames that are never touched again.
    package mutating func append(_ bytes: consuming ByteBuffer) {
        if self.input.readableBytes > 0 {
            // What is left of the last read is less than a header or a control frame.
            self.input.writeBuffer(&bytes)
            return
        }
        self.input = consume bytes
        guard self.role == .server else { return }
        let isOurs = self.input.modifyIfUniquelyOwned { _ in true } ?? false
        if !isOurs { self.input = Self.copy(self.input) }
    }

    /// From now on messages are skipped, not kept, and have no bound; control frames are still found.
    package mutating func discardMessages() {
        self.isDiscarding = true
        self.message?.payload = ByteBuffer()
    }

    /// Gives back the storage of the last read when it is used up, so that it can serve another connection.
    ///
    /// Less than a header or a control frame may be left; that is copied to where it costs little. Call after `next()` returned nil.
    package mutating func reclaimInput() -> ByteBuffer {
        let input = self.input
        self.input = input.readableBytes == 0 ? ByteBuffer() : Self.copy(input)
        return input
    }

    /// The next message or control frame, or nil when more bytes are needed.
    package mutating func next() throws(WebSocketViolation) -> WebSocketEvent? {
        while true {
            if self.torn != nil {
                guard try self.continueTornFrame() else { return nil }
                if let event = try self.finishedMessage() { return event }
                continue
            }
            let role = self.role
            let parsed = try self.input.withUnsafeReadableBytes { bytes throws(WebSocketViolation) in
                try WebSocketFrameHeader(bytes, role: role)
            }
            guard let header = parsed else { return nil }
            if header.opcode.isControl {
                let length = Int(header.payloadBytes)
                guard self.input.readableBytes >= header.headerBytes + length else { return nil }
                self.input.moveReaderIndex(forwardBy: header.headerBytes)
                return try Self.control(header.opcode, self.takePayload(length, maskKey: header.maskKey))
            }
            try self.check(header)
            if header.isFinal, self.message == nil, !self.isDiscarding,
                header.payloadBytes <= self.input.readableBytes - header.headerBytes
            {
                self.input.moveReaderIndex(forwardBy: header.headerBytes)
                let payload = self.takePayload(Int(header.payloadBytes), maskKey: header.maskKey)
                return try Self.wholeMessage(header.opcode, payload)
            }
            self.begin(header)
        }
    }
}

extension WebSocketFrameDecoder {
    /// The order of fragments and the bounds of their sum.
    private func check(_ header: WebSocketFrameHeader) throws(WebSocketViolation) {
        switch (header.opcode == .continuation, self.message == nil) {
        case (true, true): throw WebSocketViolation(.protocolError, "a continuation has no beginning")
        case (false, false): throw WebSocketViolation(.protocolError, "a message begins inside another")
        case (true, false): break
        case (false, true): break
        }
        if self.isDiscarding { return }
        let before = self.message?.announcedBytes ?? 0
        guard header.payloadBytes <= UInt64(max(0, self.maxMessageBytes - before)) else {
            throw WebSocketViolation(.tooLarge, "a message is longer than \(self.maxMessageBytes) bytes")
        }
        guard (self.message?.fragments ?? 0) < self.maxFragments else {
            throw WebSocketViolation(.tooLarge, "a message has more than \(self.maxFragments) fragments")
        }
    }

    /// Notes a data frame that is a fragment, or whose payload has not come whole.
    private mutating func begin(_ header: WebSocketFrameHeader) {
        self.input.moveReaderIndex(forwardBy: header.headerBytes)
        if self.message == nil {
            self.message = PartialMessage(kind: header.opcode == .text ? .text : .binary)
        }
        if !self.isDiscarding {
            self.message?.announcedBytes += Int(header.payloadBytes)
            self.message?.fragments += 1
        }
        self.torn = TornFrame(isFinal: header.isFinal, maskKey: header.maskKey, payloadBytes: header.payloadBytes)
    }

    /// Takes what has come of the torn frame; true when that was all of it.
    private mutating func continueTornFrame() throws(WebSocketViolation) -> Bool {
        guard var frame = self.torn else { return true }
        let count = Int(min(UInt64(self.input.readableBytes), frame.payloadBytes - frame.takenBytes))
        if count > 0 {
            if self.isDiscarding {
                self.input.moveReaderIndex(forwardBy: count)
            } else {
                var piece = self.takePayload(count, maskKey: frame.maskKey, offset: Int(frame.takenBytes & 3))
                try self.join(&piece)
            }
            frame.takenBytes += UInt64(count)
            self.torn = frame
        }
        return frame.takenBytes == frame.payloadBytes
    }

    /// Adds a piece to the message that is being joined.
    private mutating func join(_ piece: inout ByteBuffer) throws(WebSocketViolation) {
        // Taken out and put back: with two owners each write would copy all that has come.
        guard var message = self.message.take() else { return }
        if message.kind == .text {
            guard piece.withUnsafeReadableBytes({ message.utf8.accept($0) }) else { throw Self.invalidText }
        }
        if message.payload.capacity == 0 {
            // A frame that is merely torn gets its room at once; a large announced length is not believed before the bytes come.
            message.payload = ByteBufferAllocator().buffer(capacity: min(message.announcedBytes, 16_384))
        }
        message.payload.writeBuffer(&piece)
        self.message = message
    }

    /// Ends the torn frame, and the message with it if that was its last fragment.
    private mutating func finishedMessage() throws(WebSocketViolation) -> WebSocketEvent? {
        guard let frame = self.torn.take(), frame.isFinal, let message = self.message.take(), !self.isDiscarding else { return nil }
        guard message.kind == .binary || message.utf8.isComplete else { throw Self.invalidText }
        return .message(message.kind, message.payload)
    }

    /// Moves `count` bytes, which are there, out of the input and unmasks them where they lie.
    private mutating func takePayload(_ count: Int, maskKey: WebSocketMaskKey?, offset: Int = 0) -> ByteBuffer {
        guard let payload = self.input.readSlice(length: count) else {
            preconditionFailure("the payload is not there")
        }
        if let maskKey {
            // `append` made us the only owner of these bytes, and no slice handed out since covers this frame. So they may be changed
            // through a pointer without the copy that `ByteBuffer` would make because of those slices.
            payload.withUnsafeReadableBytes { maskKey.apply(to: UnsafeMutableRawBufferPointer(mutating: $0), offset: offset) }
        }
        return payload
    }

    private static func wholeMessage(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) throws(WebSocketViolation) -> WebSocketEvent {
        guard opcode == .text else { return .message(.binary, payload) }
        var utf8 = UTF8Validator()
        guard payload.withUnsafeReadableBytes({ utf8.accept($0) }), utf8.isComplete else { throw Self.invalidText }
        return .message(.text, payload)
    }

    private static func control(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) throws(WebSocketViolation) -> WebSocketEvent {
        switch opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong(payload)
        case .close: return try Self.close(payload)
        case .continuation, .text, .binary: preconditionFailure("a data frame is no control frame")
        }
    }

    private static func close(_ payload: ByteBuffer) throws(WebSocketViolation) -> WebSocketEvent {
        var rest = payload
        if rest.readableBytes == 0 { return .close(nil, reason: "") }
        guard let number: UInt16 = rest.readInteger() else {
            throw WebSocketViolation(.protocolError, "a close frame has half a code")
        }
        let code = WebSocketCloseCode(rawValue: number)
        guard code.isAllowedOnWire else { throw WebSocketViolation(.protocolError, "the close code \(number) is not allowed") }
        var utf8 = UTF8Validator()
        guard rest.withUnsafeReadableBytes({ utf8.accept($0) }), utf8.isComplete else {
            throw WebSocketViolation(.invalidUTF8, "a close reason is not UTF-8")
        }
        return .close(code, reason: String(buffer: rest))
    }

    private static var invalidText: WebSocketViolation { WebSocketViolation(.invalidUTF8, "a text message is not UTF-8") }

    private static func copy(_ buffer: ByteBuffer) -> ByteBuffer {
        var copy = ByteBufferAllocator().buffer(capacity: buffer.readableBytes)
        copy.writeImmutableBuffer(buffer)
        return copy
    }
}
