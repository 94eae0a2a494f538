import AsyncHTTPClient
import GaplessCore
import GaplessStore
import GaplessWebSocket
import Logging
import NIOCore
import NIOSSL

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

    init(_ parts: Node.Parts, metrics: WebhookMetrics, tracer: ServerTracer?) {
        let configuration = parts.configuration
        let authentication = parts.authentication.webhook
        let all = Self.all(configuration, parts.authentication)
        self.eventTimeout = configuration.eventWebhook?.timeout ?? .zero
        guard !all.isEmpty else {
            (self.http, self.messages, self.events, self.authenticator) = (nil, nil, nil, nil)
            return
        }
        let share = { (webhook: WebhookConfiguration) in Self.calls(of: webhook, among: all, within: parts.maxWebhookCalls) }
        let http = Self.makeClient(parts.group, all, maxConnections: all.reduce(0) { $0 + share($1) })
        let shared = WebhookCaller.Shared(
            http: http,
            eventLoop: parts.group.any(),
            loopClock: parts.loopClock,
            wallClock: parts.clock.wallClock,
            metrics: metrics,
            tracer: tracer,
            logger: parts.logger
        )
        self.http = http
        self.messages = configuration.messageWebhook.map {
            WebhookMessages(WebhookCaller($0, .message, shared, maxCalls: share($0)), maxMessageBytes: configuration.maxMessageBytes)
        }
        self.events = configuration.eventWebhook.map {
            WebhookEvents(WebhookCaller($0, .events, shared, maxCalls: share($0)), kinds: configuration.webhookEvents, node: parts.identity)
        }
        self.authenticator = authentication.map { WebhookAuthenticator(WebhookCaller($0, .authentication, shared, maxCalls: share($0))) }
    }

    /// How many calls one of several webhooks may have at once: as many as are set, or its share when there are not so many for all; at least one.
    static func calls(of webhook: WebhookConfiguration, among all: [WebhookConfiguration], within limit: Int) -> Int {
        let wanted = all.reduce(0) { $0 + $1.maxCalls }
        return wanted <= limit ? webhook.maxCalls : max(1, webhook.maxCalls * limit / wanted)
    }

    static func makeClient(
        _ group: any EventLoopGroup,
        _ webhooks: [WebhookConfiguration],
        maxConnections: Int,
        tls: TLSConfiguration? = nil
    ) -> HTTPClient {
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        // One call a connection, so that the bound of calls is one of connections.
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        // Its spans would tell the URL.
        configuration.tracing.tracer = nil
        configuration.timeout = .init(connect: webhooks.map { TimeAmount($0.timeout) }.max())
        // Whoever calls knows better when to try again.
        configuration.connectionPool.retryConnectionEstablishment = false
        // Many services close a connection that is idle for two or five seconds, and a call may meet that.
        configuration.connectionPool.idleTimeout = .seconds(1)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = maxConnections
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

    /// The error of a message of which a reply was refused.
    func error(of refusal: SendError) -> any Error {
        self.messages?.refused(refusal) ?? refusal
    }

    /// Tells of replies that the store refused.
    func committed(_ operations: [CommittedOperation]) {
        guard let messages = self.messages else { return }
        for operation in operations {
            guard case .advanceMark(.sendRefused(_, let receipt)) = operation.receipt else { continue }
            messages.caller.refused(messages.refused(receipt.error))
        }
    }

    /// Waits until the last events are posted, for as long as one call may take and the stop goes on.
    func flush(before hardStop: HardStop) async {
        await self.events?.ended(before: hardStop.cancelling(after: TimeAmount(self.eventTimeout), share: 1))
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
