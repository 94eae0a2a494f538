public import GaplessCore
public import NIOCore

/// A message that the service wants delivered, with everything that a send can say about it.
public struct OutgoingMessage: Hashable, Sendable {
    /// What it carries.
    public var payload: Payload

    /// Who gets it.
    public var recipient: Recipient

    /// How long it is worth delivering; nil when retention alone bounds it. At least 1 ms; what outlives it is reported as a gap.
    public var timeToLive: Duration?

    /// The idempotency key: a send that is repeated with the same key, recipients and payload stores nothing and gets the first receipt.
    ///
    /// 1 to 128 bytes of UTF-8, remembered for an hour by default.
    public var id: String?

    /// A message of any kind.
    public init(_ payload: Payload, to recipient: Recipient, timeToLive: Duration? = nil, id: String? = nil) {
        self.payload = payload
        self.recipient = recipient
        self.timeToLive = timeToLive
        self.id = id
    }

    /// A message of text.
    public init(_ text: String, to recipient: Recipient, timeToLive: Duration? = nil, id: String? = nil) {
        self.init(Payload(text: text), to: recipient, timeToLive: timeToLive, id: id)
    }

    /// A message of bytes.
    public init(_ bytes: ByteBuffer, to recipient: Recipient, timeToLive: Duration? = nil, id: String? = nil) {
        self.init(Payload(binary: bytes), to: recipient, timeToLive: timeToLive, id: id)
    }

    /// A message of bytes.
    public init(_ bytes: [UInt8], to recipient: Recipient, timeToLive: Duration? = nil, id: String? = nil) {
        self.init(ByteBuffer(bytes: bytes), to: recipient, timeToLive: timeToLive, id: id)
    }
}
