public import GaplessCore

/// Why a client does not go on. Position and unsent messages are kept, so another client with the same state file can.
public struct ClientError: Error, CustomStringConvertible, Sendable {
    /// What kind of thing went wrong; more kinds may come.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The kind's name.
        public let description: String

        /// The server refused the client: it is not allowed, was removed, has no valid token, or broke the protocol. See `closeCode`.
        public static let refused = Code(description: "refused")
        /// Another instance of the same client attached and stays.
        public static let takenOver = Code(description: "takenOver")
        /// The state file cannot be written any more; see `cause`.
        public static let stateFile = Code(description: "stateFile")
        /// The client was run before.
        public static let alreadyRun = Code(description: "alreadyRun")
        /// The client does not run (any more).
        public static let notRunning = Code(description: "notRunning")
    }

    /// The kind.
    public let code: Code
    /// The code that the server closed with, if that was it.
    public let closeCode: CloseCode?
    /// One sentence for people.
    public let message: String
    /// What lies beneath, when there is something.
    public let cause: (any Error)?

    init(_ code: Code, _ message: String, closeCode: CloseCode? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.closeCode = closeCode
        self.message = message
        self.cause = cause
    }

    /// The kind, the sentence, the server's code and the cause.
    public var description: String {
        let parts = [self.closeCode.map { "closed with \($0)" }, self.cause.map { "\($0)" }].compactMap { $0 }
        return parts.isEmpty ? "\(self.code): \(self.message)" : "\(self.code): \(self.message) (\(parts.joined(separator: ", ")))"
    }
}
