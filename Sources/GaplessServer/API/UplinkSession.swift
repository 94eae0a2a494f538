public import GaplessCore
public import NIOCore
import Synchronization

/// What a handler can do for the client whose message it handles.
///
/// What is sent here is committed together with the acknowledgement of the message: both or neither. When one of the sends is refused
/// - a full queue, a payload that is too large - none is stored, and the message counts as if its handler had thrown.
public final class UplinkSession: Sendable {
    /// The most messages that one handler can send together with its acknowledgement. With more it counts as if it had thrown.
    public static let maxSends = 256

    /// The client whose message is handled.
    public let client: ClientID

    private let sends = Mutex<[OutgoingMessage]>([])

    package init(client: ClientID) {
        self.client = client
    }

    /// Sends text to the client whose message is handled.
    public func send(_ text: String, timeToLive: Duration? = nil) {
        self.send(OutgoingMessage(text, to: .client(self.client), timeToLive: timeToLive))
    }

    /// Sends bytes to the client whose message is handled.
    public func send(_ bytes: ByteBuffer, timeToLive: Duration? = nil) {
        self.send(OutgoingMessage(bytes, to: .client(self.client), timeToLive: timeToLive))
    }

    /// Sends bytes to the client whose message is handled.
    public func send(_ bytes: [UInt8], timeToLive: Duration? = nil) {
        self.send(OutgoingMessage(bytes, to: .client(self.client), timeToLive: timeToLive))
    }

    /// Sends text to others.
    public func send(_ text: String, to recipient: Recipient, timeToLive: Duration? = nil) {
        self.send(OutgoingMessage(text, to: recipient, timeToLive: timeToLive))
    }

    /// Sends bytes to others.
    public func send(_ bytes: ByteBuffer, to recipient: Recipient, timeToLive: Duration? = nil) {
        self.send(OutgoingMessage(bytes, to: recipient, timeToLive: timeToLive))
    }

    /// Sends bytes to others.
    public func send(_ bytes: [UInt8], to recipient: Recipient, timeToLive: Duration? = nil) {
        self.send(OutgoingMessage(bytes, to: recipient, timeToLive: timeToLive))
    }

    /// Sends a message to whoever it is for.
    public func send(_ message: OutgoingMessage) {
        self.sends.withLock { $0.append(message) }
    }

    /// What was sent, in order.
    package func takeSends() -> [OutgoingMessage] {
        self.sends.withLock { sends in
            defer { sends = [] }
            return sends
        }
    }
}

/// What becomes of a message whose handler failed again and again.
public enum FailureDecision: Hashable, Sendable {
    /// The message is given up: its mark moves, the client takes it for handled.
    case skip
    /// The connection closes with 4103; the client comes back with backoff and sends the message again.
    case close
    /// The handler runs again, after waits that double up to 30 s, and is asked about after each failure, for as long as the client is attached
    /// to this node. For outages of what the handler needs: the client stays connected, and what it sends meanwhile waits behind this message.
    case retry
}
