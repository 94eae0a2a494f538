/// Why a WebSocket connection did not come about.
package struct WebSocketConnectError: Error, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The request cannot be sent as it is: a fault of the caller.
        case invalidRequest
        /// The URL is not one of a WebSocket.
        case invalidURL
        /// The server answered with an HTTP status other than 101; redirects are not followed. `Retry-After`, in either of its forms, is at
        /// most a day.
        case refused(status: UInt, retryAfterSeconds: Int64?)
        /// The answer is not that of a WebSocket server.
        case invalidResponse
        /// The deadline passed: for name lookup, TCP, TLS and handshake together.
        case timeout
        /// The caller gave up.
        case cancelled
        /// No connection, or it was lost; see `cause`.
        case transport
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String {
        self.cause.map { "\(self.message): \($0)" } ?? self.message
    }
}
