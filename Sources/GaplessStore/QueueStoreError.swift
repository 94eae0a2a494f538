/// The world's fault in a store: what went wrong, where, and whether anything may have happened.
public struct QueueStoreError: Error, CustomStringConvertible, Sendable {
    /// What kind of thing went wrong; more kinds may come.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The kind's name.
        public let description: String

        /// The store cannot be reached or refused the work for a passing reason. Nothing happened.
        public static let unavailable = Code(description: "unavailable")
        /// Whether the batch was committed cannot be known. A retry with the same idempotency key settles it.
        public static let unknown = Code(description: "unknown")
        /// There is no room: the disk or the store's own bound is full. Nothing happened.
        public static let full = Code(description: "full")
        /// More work waits for the store than the process holds in memory. Nothing happened.
        public static let overloaded = Code(description: "overloaded")
        /// The file or database belongs to something else.
        public static let foreign = Code(description: "foreign")
        /// The store's schema is newer than this program can work with.
        public static let newerSchema = Code(description: "newerSchema")
        /// The store is damaged.
        public static let corrupt = Code(description: "corrupt")
        /// The path, the permissions or the settings do not allow it.
        public static let misconfigured = Code(description: "misconfigured")
        /// The store object was closed.
        public static let closed = Code(description: "closed")
    }

    /// The kind.
    public let code: Code
    /// One sentence for people.
    public let message: String
    /// What lies beneath, when there is something.
    public let cause: (any Error)?

    /// Joins the parts.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The kind, the sentence and the cause.
    public var description: String {
        self.cause.map { "\(self.code): \(self.message) (\($0))" } ?? "\(self.code): \(self.message)"
    }
}
