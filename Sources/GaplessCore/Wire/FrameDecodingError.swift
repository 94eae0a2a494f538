/// Why a WebSocket message is no frame that may come from the other side: the peer's fault, always.
package enum FrameDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It does not fit the grammar, or a field of its JSON is not what it must be.
    case malformed(String)
    /// Its payload or its JSON is over the limit.
    case tooLarge(String)
    /// It is a text message and not UTF-8.
    case notUTF8

    /// The code that a server closes with (Protocol.md §3). A client closes with `malformed` whatever the fault is.
    package var closeCode: CloseCode {
        switch self {
        case .malformed: .malformed
        case .tooLarge: .tooLarge
        case .notUTF8: .notUTF8
        }
    }

    /// One sentence for people, which goes into `ERROR`; it holds nothing that the peer sent.
    package var message: String {
        switch self {
        case .malformed(let message), .tooLarge(let message): message
        case .notUTF8: "A text message is not valid UTF-8."
        }
    }

    /// The code and the sentence.
    package var description: String { "\(self.closeCode): \(self.message)" }

    init(_ error: JSONReadingError) {
        self = error.fault == .notUTF8 ? .notUTF8 : .malformed(error.description)
    }

    init(_ error: JSONFieldError) {
        self = .malformed(error.description)
    }
}

/// Whether a decoder looks at the encoding of a text message.
package enum TextValidation: Hashable, Sendable {
    /// The WebSocket layer has judged it already. What is not UTF-8 all the same is refused in JSON and repaired where it is read as text.
    case trusted
    /// The decoder refuses what is not UTF-8.
    case checked
}
