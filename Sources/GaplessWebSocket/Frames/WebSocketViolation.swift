/// What the peer did against RFC 6455 or against our limits, with a sentence for the log.
///
/// After a violation the boundaries of frames are lost: nothing more is decoded on that connection.
package struct WebSocketViolation: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// The frames break RFC 6455. Close code 1002.
        case protocolError
        /// A message is larger than allowed here, or has too many fragments. Close code 1009; Gapless says 4404.
        case tooLarge
        /// A text message or a close reason is not UTF-8. Close code 1007; Gapless says 4405.
        case invalidUTF8
    }

    package let kind: Kind
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// The close code that RFC 6455 §7.4.1 gives to this kind.
    package var closeCode: WebSocketCloseCode {
        switch self.kind {
        case .protocolError: .protocolError
        case .tooLarge: .messageTooLarge
        case .invalidUTF8: .invalidPayload
        }
    }

    package var description: String { self.message }
}
