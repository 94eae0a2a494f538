public import NIOCore

/// Whether a message travels as text or as bytes; the kind is stored with it and kept (Protocol.md §3.2).
public enum PayloadKind: UInt8, Hashable, Sendable {
    /// UTF-8, sent in a text message of the WebSocket.
    case text = 0
    /// Any bytes, sent in a binary message of the WebSocket.
    case binary = 1
}

/// What a message carries: opaque text or bytes, never changed on the way.
public struct Payload: Hashable, Sendable {
    /// Whether the bytes are text.
    public let kind: PayloadKind

    /// The bytes; valid UTF-8 when the kind is text.
    public let bytes: ByteBuffer

    /// Text.
    public init(text: String) {
        self.kind = .text
        self.bytes = ByteBuffer(string: text)
    }

    /// Bytes of any kind.
    public init(binary bytes: ByteBuffer) {
        self.kind = .binary
        self.bytes = bytes
    }

    /// Bytes of which the caller knows that they are what `kind` says.
    package init(unchecked bytes: ByteBuffer, kind: PayloadKind) {
        self.kind = kind
        self.bytes = bytes
    }

    /// The number of bytes; limits and windows count these.
    public var count: Int { self.bytes.readableBytes }

    /// The payload as text; nil when it is binary.
    public var text: String? {
        self.kind == .text ? String(buffer: self.bytes) : nil
    }
}
