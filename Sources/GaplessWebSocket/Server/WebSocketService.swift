package import NIOCore
package import NIOHTTP1

/// What a public listener does with requests: who may open a WebSocket and what everything else is answered.
///
/// All closures are called on the event loop of the connection and must not block.
package struct WebSocketService<Delegate: WebSocketConnectionDelegate>: Sendable {
    /// Whether a valid handshake becomes a connection.
    package enum Admission {
        /// Yes; this delegate stands behind it. The header fields are added to the 101.
        case accept(Delegate, headers: HTTPHeaders = [:])
        /// No: an HTTP status before the upgrade, such as 503 with `Retry-After`.
        case refuse(HTTPAnswer)
    }

    package var handshake: ServerHandshake
    package var connection: WebSocketConnectionConfiguration
    package var http: HTTPBounds

    /// Decides about a handshake that is valid, and makes the delegate of the connection. Channel: for its loop and the peer's address.
    package var admit: @Sendable (_ request: HTTPRequestHead, _ channel: any Channel) -> Admission

    /// Answers every other `GET` or `HEAD` (`/live`, `/ready`, `/load`). Other methods and requests with a body are refused before.
    package var answer: @Sendable (_ request: HTTPRequestHead) -> HTTPAnswer

    package init(
        handshake: ServerHandshake = ServerHandshake(),
        connection: WebSocketConnectionConfiguration = WebSocketConnectionConfiguration(),
        http: HTTPBounds = HTTPBounds(),
        admit: @escaping @Sendable (_ request: HTTPRequestHead, _ channel: any Channel) -> Admission,
        answer: @escaping @Sendable (_ request: HTTPRequestHead) -> HTTPAnswer = { _ in
            HTTPAnswer(.notFound, text: "There is nothing here.")
        }
    ) {
        self.handshake = handshake
        self.connection = connection
        self.http = http
        self.admit = admit
        self.answer = answer
    }
}

/// The bounds of HTTP before the upgrade.
package struct HTTPBounds: Sendable {
    /// How long TCP, TLS and the first request may take. Default 10 s.
    package var handshakeTimeout = TimeAmount.seconds(10)

    /// How long a connection may wait for its next request. Longer than balancers keep an unused connection. Default 75 s.
    package var keepAliveTimeout = TimeAmount.seconds(75)

    /// How long the client may take to notice that the connection ends after an answer. Default 2 s.
    package var lingerTimeout = TimeAmount.seconds(2)

    /// The most bytes of all header fields of a request. Cookies and tokens need room. Default 16 KiB.
    package var maxHeaderBytes = 16_384

    /// The most header fields of a request. Default 100.
    package var maxHeaders = 100

    package init() {}

    /// The same for the HTTP decoder.
    var decoderLimits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = self.maxHeaderBytes
        limits.maxHeaderListSize = self.maxHeaderBytes
        limits.maxHeaderFieldCount = self.maxHeaders
        return limits
    }
}
