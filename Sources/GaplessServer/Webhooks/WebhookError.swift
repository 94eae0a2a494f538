/// Why a call of a webhook did not do what it was for.
///
/// `GaplessServer.onFailure` gets it when a message could not be brought to a `messageWebhook`. It holds nothing of what was sent or answered.
public struct WebhookError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of thing went wrong; more kinds may come.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The kind's name, as metrics and logs give it.
        public let description: String

        /// No connection, or one that broke before the answer.
        public static let unreachable = Code(description: "unreachable")
        /// No complete answer within `WebhookConfiguration.timeout`.
        public static let timeout = Code(description: "timeout")
        /// An answer with another status than 2xx; redirects are not followed.
        public static let status = Code(description: "status")
        /// An answer that is too large, or cannot be understood.
        public static let invalid = Code(description: "invalid")
        /// A good answer with a reply that the store refused: for a full queue, or an idempotency key that was used otherwise.
        public static let refusedReply = Code(description: "refused-reply")
    }

    /// The kind.
    public let code: Code

    /// One sentence for people.
    public let message: String

    /// Joins the two.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The kind and the sentence.
    public var description: String { "\(self.code): \(self.message)" }
}
