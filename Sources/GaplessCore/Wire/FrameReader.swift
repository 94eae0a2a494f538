internal import NIOCore

/// Takes one WebSocket message apart, from its first byte to its last, without a copy (Protocol.md §3.3).
struct FrameReader {
    /// The whole message.
    private let message: ByteBuffer

    /// How many bytes are read.
    private var index: Int

    /// The keyword of the frame; nil when it has the form of one but is none of this version.
    let keyword: FrameKeyword?

    /// Reads the keyword, and the space after it if there is one.
    init(_ message: ByteBuffer, kind: PayloadKind, validation: TextValidation) throws(FrameDecodingError) {
        self.message = message
        if kind == .text, validation == .checked, !UTF8Validator.isValid(message) {
            throw .notUTF8
        }
        let bytes = message.readableBytesUInt8Span
        var end = 0
        var packed: UInt64 = 0
        while end < bytes.count, bytes[end] >= UInt8(ascii: "A"), bytes[end] <= UInt8(ascii: "Z") {
            // Longer keywords than eight letters lose their first ones here; none of this version is so long.
            packed = packed << 8 | UInt64(bytes[end])
            end += 1
        }
        guard end > 0, end <= FrameKeyword.maxBytes, end == bytes.count || bytes[end] == UInt8(ascii: " ")
        else { throw .malformed("The frame does not begin with a keyword.") }
        self.index = end
        self.keyword = end <= 8 ? FrameKeyword(packed: packed) : nil
        if kind == .binary, self.keyword != .message {
            throw .malformed("A binary message holds another frame than MSG.")
        }
    }

    /// Reads a space and a number.
    mutating func number(_ fault: String) throws(FrameDecodingError) -> UInt64 {
        var end = try self.afterSpace(fault)
        guard let number = DecimalNumber.read(self.message.readableBytesUInt8Span, at: &end) else { throw .malformed(fault) }
        self.index = end
        return number
    }

    /// Reads a space and a number that is at least 1.
    mutating func sequence(_ fault: String) throws(FrameDecodingError) -> SequenceNumber {
        let number = try self.number(fault)
        guard number >= 1 else { throw .malformed(fault) }
        return SequenceNumber(number)
    }

    /// Reads a space and a word of small letters, to the end.
    mutating func gapReason(_ fault: String) throws(FrameDecodingError) -> GapReason {
        let start = try self.afterSpace(fault)
        guard let reason = GapReason(self.message.readableBytesUInt8Span.extracting(start...)) else { throw .malformed(fault) }
        self.index = self.message.readableBytes
        return reason
    }

    /// Reads a space and the payload, to the end, as a slice of the message.
    mutating func payload(_ kind: PayloadKind, limit: Int) throws(FrameDecodingError) -> Payload {
        var rest = self.message
        rest.moveReaderIndex(forwardBy: try self.afterSpace("A MSG has no payload, not even an empty one."))
        guard rest.readableBytes <= limit else { throw .tooLarge("The payload is larger than \(limit) bytes.") }
        self.index = self.message.readableBytes
        return Payload(unchecked: rest.slice(), kind: kind)
    }

    /// Reads a space and one JSON object, to the end.
    mutating func object(limit: Int) throws(FrameDecodingError) -> JSONObject {
        let start = try self.afterSpace("The frame has no JSON.")
        guard self.message.readableBytes - start <= limit else { throw .tooLarge("The JSON is larger than \(limit) bytes.") }
        self.index = self.message.readableBytes
        do {
            return try JSONReader().readObject(self.message.readableBytesUInt8Span.extracting(start...))
        } catch {
            throw FrameDecodingError(error)
        }
    }

    /// Makes sure that nothing is left.
    func end(_ fault: String) throws(FrameDecodingError) {
        guard self.index == self.message.readableBytes else { throw .malformed(fault) }
    }
    /// The place behind the one space that must stand here.
    private func afterSpace(_ fault: String) throws(FrameDecodingError) -> Int {
        let bytes = self.message.readableBytesUInt8Span
        guard self.index < bytes.count, bytes[self.index] == UInt8(ascii: " ") else { throw .malformed(fault) }
        return self.index + 1
    }
}
