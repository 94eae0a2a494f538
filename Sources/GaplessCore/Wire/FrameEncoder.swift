package import NIOCore

/// Writes frames as they stand in Protocol.md §3.3: it appends the contents of one WebSocket message to a buffer, so that a batch of
/// frames with their WebSocket headers fits into one.
package enum FrameEncoder {
    /// Whether the frame travels in a text or in a binary message of the WebSocket.
    package static func kind(of frame: ClientFrame) -> PayloadKind {
        if case .message(_, let payload) = frame { payload.kind } else { .text }
    }

    /// Whether the frame travels in a text or in a binary message of the WebSocket.
    package static func kind(of frame: ServerFrame) -> PayloadKind {
        if case .message(let message) = frame { message.payload.kind } else { .text }
    }

    /// How many bytes `append` writes for the frame, so that a header with a length can be written before them. Frames with JSON are
    /// written once for it.
    package static func encodedSize(of frame: ClientFrame) -> Int {
        switch frame {
        case .message(let sequence, let payload):
            Self.size(.message, sequence.rawValue) + 1 + payload.count
        case .acknowledge(let sequence): Self.size(.acknowledge, sequence.rawValue)
        case .ping(let number): Self.size(.ping, number)
        case .pong(let number): Self.size(.pong, number)
        case .bye: FrameKeyword.bye.count
        case .hello, .authenticate: Self.scratch { Self.append(frame, to: &$0) }
        }
    }

    /// How many bytes `append` writes for the frame, so that a header with a length can be written before them. Frames with JSON are
    /// written once for it.
    package static func encodedSize(of frame: ServerFrame) -> Int {
        switch frame {
        case .message(let message):
            Self.size(.message, message.sequence.rawValue) + 1 + DecimalNumber.digitCount(message.time.milliseconds) + 1
                + message.payload.count
        case .acknowledge(let sequence): Self.size(.acknowledge, sequence.rawValue)
        case .gap(let gap):
            Self.size(.gap, gap.range.first.rawValue) + 1 + DecimalNumber.digitCount(gap.range.last.rawValue) + 1
                + gap.reason.description.utf8.count
        case .ping(let number): Self.size(.ping, number)
        case .pong(let number): Self.size(.pong, number)
        case .welcome, .authenticate, .authenticated, .drain, .error: Self.scratch { Self.append(frame, to: &$0) }
        }
    }

    /// Appends a frame of a client.
    package static func append(_ frame: ClientFrame, to buffer: inout ByteBuffer) {
        switch frame {
        case .message(let sequence, let payload):
            Self.append(.message, to: &buffer) {
                $0.number(sequence.rawValue)
                $0.space()
            }
            buffer.writeImmutableBuffer(payload.bytes)
        case .acknowledge(let sequence): Self.append(.acknowledge, to: &buffer) { $0.number(sequence.rawValue) }
        case .ping(let number): Self.append(.ping, to: &buffer) { $0.number(number) }
        case .pong(let number): Self.append(.pong, to: &buffer) { $0.number(number) }
        case .bye: Self.append(.bye, to: &buffer) { _ in }
        case .hello(let hello): Self.appendObject(.hello, to: &buffer) { hello.write(into: &$0) }
        case .authenticate(let token): Self.appendObject(.authenticate, to: &buffer) { $0.field("token", token) }
        }
    }

    /// Appends a frame of a server.
    package static func append(_ frame: ServerFrame, to buffer: inout ByteBuffer) {
        switch frame {
        case .message(let message):
            Self.append(.message, to: &buffer) {
                $0.number(message.sequence.rawValue)
                $0.number(message.time.milliseconds)
                $0.space()
            }
            buffer.writeImmutableBuffer(message.payload.bytes)
        case .acknowledge(let sequence): Self.append(.acknowledge, to: &buffer) { $0.number(sequence.rawValue) }
        case .gap(let gap):
            Self.append(.gap, to: &buffer) {
                $0.number(gap.range.first.rawValue)
                $0.number(gap.range.last.rawValue)
                $0.space()
            }
            buffer.writeString(gap.reason.description)
        case .ping(let number): Self.append(.ping, to: &buffer) { $0.number(number) }
        case .pong(let number): Self.append(.pong, to: &buffer) { $0.number(number) }
        case .welcome(let welcome): Self.appendObject(.welcome, to: &buffer) { welcome.write(into: &$0) }
        case .authenticate(let within): Self.appendObject(.authenticate, to: &buffer) { $0.field("within", milliseconds: within) }
        case .authenticated: Self.appendObject(.authenticate, to: &buffer) { $0.field("ok", true) }
        case .drain(let drain): Self.appendObject(.drain, to: &buffer) { drain.write(into: &$0) }
        case .error(let error): Self.appendObject(.error, to: &buffer) { error.write(into: &$0) }
        }
    }

    /// The bytes of a keyword, a space and a number.
    private static func size(_ keyword: FrameKeyword, _ number: UInt64) -> Int {
        keyword.count + 1 + DecimalNumber.digitCount(number)
    }

    /// Appends a keyword and the numbers that `body` writes, with one look at the buffer's room for all of them.
    @inline(__always)
    private static func append(_ keyword: FrameKeyword, to buffer: inout ByteBuffer, _ body: (inout FrameHead) -> Void) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: FrameHead.maxBytes) { target in
            var head = FrameHead(target)
            head.keyword(keyword)
            body(&head)
            return head.count
        }
    }

    private static func appendObject(_ keyword: FrameKeyword, to buffer: inout ByteBuffer, _ body: (inout JSONWriter) -> Void) {
        Self.append(keyword, to: &buffer) { $0.space() }
        JSONWriter.writeObject(into: &buffer, body)
    }

    /// The bytes that `append` writes.
    private static func scratch(_ append: (inout ByteBuffer) -> Void) -> Int {
        var buffer = ByteBuffer()
        append(&buffer)
        return buffer.readableBytes
    }
}

/// The first bytes of a frame while they are written: its keyword, and at most two numbers.
private struct FrameHead {
    /// A keyword of this version, two numbers and three spaces take no more.
    static let maxBytes = 48

    private let target: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    @inline(__always)
    init(_ target: UnsafeMutableRawBufferPointer) {
        self.target = target
    }

    /// Writes the letters.
    @inline(__always)
    mutating func keyword(_ keyword: FrameKeyword) {
        let count = keyword.count
        for index in 0..<count { self.target[index] = UInt8(truncatingIfNeeded: keyword.packed >> (8 * UInt64(count - 1 - index))) }
        self.count = count
    }

    /// Writes a space and the number.
    @inline(__always)
    mutating func number(_ number: UInt64) {
        self.space()
        DecimalNumber.write(number, to: self.target, at: &self.count)
    }

    /// Writes a space.
    @inline(__always)
    mutating func space() {
        self.target[self.count] = UInt8(ascii: " ")
        self.count += 1
    }
}
