import AsyncHTTPClient
import GaplessCore
import GaplessStore
import GaplessWebSocket
import Logging
import NIOCore

/// The webhooks of a running node, with the HTTP client that they share.
final class Webhooks: Sendable {
    private let http: HTTPClient?
    private let messages: WebhookMessages?
    let events: WebhookEvents?
    /// Who is asked about clients; nil when that is nobody's webhook.
    let authenticator: WebhookAuthenticator?
    private let eventTimeout: Duration

    /// All that are set.
    static func all(_ configuration: ServerConfiguration, _ authentication: Authentication) -> [WebhookConfiguration] {
        [configuration.messageWebhook, configuration.eventWebhook, authentication.webhook].compactMap { $0 }
    }

    init(_ parts: Node.Parts, metrics: WebhookMetrics) {
        let configuration = parts.configuration
        let authentication = parts.authentication.webhook
        let all = Self.all(configuration, parts.authentication)
        self.eventTimeout = configuration.eventWebhook?.timeout ?? .zero
        guard !all.isEmpty else {
            (self.http, self.messages, self.events, self.authenticator) = (nil, nil, nil, nil)
            return
        }
        let http = Self.makeClient(parts.group, all)
        let shared = WebhookCaller.Shared(
            http: http,
            eventLoop: parts.group.any(),
            loopClock: parts.loopClock,
            wallClock: parts.clock.wallClock,
            metrics: metrics,
            logger: parts.logger
        )
        self.http = http
        self.messages = configuration.messageWebhook.map {
            WebhookMessages(WebhookCaller($0, .message, shared), maxMessageBytes: configuration.maxMessageBytes)
        }
        self.events = configuration.eventWebhook.map {
            WebhookEvents(WebhookCaller($0, .events, shared), kinds: configuration.webhookEvents, node: parts.identity)
        }
        self.authenticator = authentication.map { WebhookAuthenticator(WebhookCaller($0, .authentication, shared)) }
    }

    private static func makeClient(_ group: any EventLoopGroup, _ webhooks: [WebhookConfiguration]) -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: webhooks.map { TimeAmount($0.timeout) }.max())
        // Whoever calls knows better when to try again.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = webhooks.reduce(0) { $0 + $1.maxCalls }
        return HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
    }

    /// The hooks of the service, with the message webhook in the place of a handler. An outage of a backend is tried through by default, since
    /// to send clients away would help nobody.
    func completing(_ hooks: ServerHooks) -> ServerHooks {
        guard let messages = self.messages else { return hooks }
        var hooks = hooks
        hooks.message = { message, session in try await messages.handle(message, session) }
        hooks.failure = hooks.failure ?? { _, _ in .retry }
        return hooks
    }

    /// Waits until the last events are posted, for as long as one call may take.
    func flush() async {
        await self.events?.ended(within: self.eventTimeout)
    }

    /// Closes the connections.
    func shutDown() async {
        // It can only have been shut down already.
        try? await self.http?.shutdown()
    }
}

extension Authentication {
    /// Who is asked over HTTP; nil for the other ways.
    fileprivate var webhook: WebhookConfiguration? {
        if case .webhook(let webhook) = self.way { webhook } else { nil }
    }
}

extension GaplessServer {
    /// The most calls of all webhooks at once.
    var maxWebhookCalls: Int {
        Webhooks.all(self.configuration, self.authentication).reduce(0) { $0 + $1.maxCalls }
    }
}
