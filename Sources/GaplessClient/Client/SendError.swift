/// Why a message was not sent, or not confirmed.
public struct SendError: Error, Hashable, CustomStringConvertible, Sendable {
    /// What kind of thing went wrong; more kinds may come.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The kind's name.
        public let description: String

        /// As many messages or bytes wait as may. Nothing was queued.
        public static let queueFull = Code(description: "queueFull")
        /// The message is larger than the server takes. It is not queued (any more).
        public static let tooLarge = Code(description: "tooLarge")
        /// The session was ended with ``GaplessClient/end(_:)``. The message is not queued (any more).
        public static let ended = Code(description: "ended")
        /// The client stopped or left. A message that was queued before is sent by the next client with the same state file; without
        /// a file it is lost.
        public static let stopped = Code(description: "stopped")
        /// Somebody asked too late: thousands of newer messages were refused since, and what became of this one is not known any more.
        public static let forgotten = Code(description: "forgotten")
    }

    /// The kind.
    public let code: Code
    /// One sentence for people.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// As many messages or bytes wait as may. Nothing was queued.
    public static let queueFull = SendError(.queueFull, "too many messages wait for the server")

    static let ended = SendError(.ended, "the session was ended")
    static let stopped = SendError(.stopped, "the client stopped before the server confirmed the message")
    static let forgotten = SendError(.forgotten, "it is not known any more whether the server handled the message")

    static func tooLarge(limit: Int) -> SendError {
        SendError(.tooLarge, "the server takes messages of at most \(limit) bytes")
    }

    /// The sentence.
    public var description: String { self.message }
}
