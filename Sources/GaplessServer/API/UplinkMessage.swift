public import GaplessCore
import NIOCore

/// A message from a client.
///
/// It is handed to the service at least once, and once only unless the process died or the client was taken over before its mark was
/// committed: `client`, `outbox` and `sequence` together are a stable key for side effects.
public struct UplinkMessage: Hashable, Sendable {
    /// Who sent it.
    public let client: ClientID

    /// The outbox that the client numbered it in.
    public let outbox: OutboxID

    /// Its number in the outbox.
    public let sequence: SequenceNumber

    /// What it carries.
    public let payload: Payload

    /// Joins the parts.
    public init(client: ClientID, outbox: OutboxID, sequence: SequenceNumber, payload: Payload) {
        self.client = client
        self.outbox = outbox
        self.sequence = sequence
        self.payload = payload
    }

    /// The payload as text; nil when it is bytes.
    public var text: String? { self.payload.text }

    /// The bytes, of text as well.
    public var bytes: [UInt8] { Array(self.payload.bytes.readableBytesView) }
}
