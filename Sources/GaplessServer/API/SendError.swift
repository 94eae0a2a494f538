/// Why a send did not succeed: nothing was stored for the recipient that it speaks of, except with `unknown`.
public struct SendError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of thing went wrong; more kinds may come.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The kind's name, as the HTTP API gives it.
        public let description: String

        /// More sends wait for the store than the server holds in memory. Try again after a while.
        public static let overloaded = Code(description: "overloaded")
        /// The recipient's queue is full and refuses what is new (`rejectNew`). There is room again when the client acknowledges.
        public static let queueFull = Code(description: "queueFull")
        /// The payload is larger than the limit of a message, or than a queue may hold.
        public static let tooLarge = Code(description: "tooLarge")
        /// There is no such client, and the send was to existing clients only.
        public static let noSuchClient = Code(description: "noSuchClient")
        /// The idempotency key was used for other recipients or another payload.
        public static let conflict = Code(description: "conflict")
        /// The store cannot be reached or refused the work for a passing reason, or the server does not run.
        public static let unavailable = Code(description: "unavailable")
        /// Whether the message was committed cannot be known. A retry with the same idempotency key settles it.
        public static let unknown = Code(description: "unknown")
        /// The disk, the store, its table of idempotency keys or its number of queues is full.
        public static let full = Code(description: "full")
        /// The message itself is not well formed: an idempotency key or a time to live out of its bounds, no recipient.
        public static let invalid = Code(description: "invalid")
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
