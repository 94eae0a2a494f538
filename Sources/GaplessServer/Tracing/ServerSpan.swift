package import Tracing

/// The spans of a server, by their names. Attributes come from a closed set, and hold neither payloads nor proofs nor URLs.
package enum ServerSpan: String, CaseIterable, Sendable {
    /// A send through the SDK or the HTTP API, until it is durable.
    case send = "gapless.send"
    /// A client between its `HELLO` and its `WELCOME`, or the end of its connection.
    case attach = "gapless.attach"
    /// A run of a handler for a message of a client.
    case message = "gapless.message"
    /// A call of a webhook, the wait for its turn included.
    case webhook = "gapless.webhook"
    /// A call of the HTTP API.
    case api = "gapless.api"
    /// A drain, until the last client has gone.
    case drain = "gapless.drain"

    /// What a span tells.
    package enum Attribute: String, CaseIterable, Sendable {
        case client = "gapless.client"
        case clients = "gapless.clients"
        case connection = "gapless.connection"
        case connections = "gapless.connections"
        case errorType = "error.type"
        case failures = "gapless.failures"
        case generation = "gapless.generation"
        case left = "gapless.connections.left"
        case messages = "gapless.messages"
        case method = "http.request.method"
        case outcome = "gapless.outcome"
        case refused = "gapless.refused"
        case route = "http.route"
        case sequence = "gapless.sequence"
        case status = "http.response.status_code"
        case webhook = "gapless.webhook"
    }

    /// Its kind, in the words of tracing.
    package var kind: SpanKind {
        switch self {
        case .send: .producer
        case .attach, .api: .server
        case .message: .consumer
        case .webhook: .client
        case .drain: .internal
        }
    }

    /// What it tells; `error.type` only when it failed.
    package var attributes: [Attribute] {
        switch self {
        case .send: [.messages, .clients, .refused, .errorType]
        case .attach: [.connection, .client, .generation, .outcome, .errorType]
        case .message: [.client, .sequence, .failures, .errorType]
        case .webhook: [.webhook, .outcome, .errorType]
        case .api: [.method, .route, .status, .errorType]
        case .drain: [.connections, .left]
        }
    }
}
