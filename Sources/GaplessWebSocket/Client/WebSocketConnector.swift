package import NIOCore
package import NIOHTTP1
import NIOPosix

/// Opens WebSockets as a client.
///
/// ```swift
/// let attempt = WebSocketConnector(group: group, timeout: .seconds(10), tls: makeTLSHandlers)
///     .connect(to: try WebSocketEndpoint(url: url), headers: ["Authorization": "Bearer \(token)"]) { eventLoop in
///         ConnectionShell(eventLoop: eventLoop, ...)
///     }
/// attempt.opened.whenFailure { error in ... }     // a WebSocketConnectError
/// ```
package struct WebSocketConnector: Sendable {
    package var group: any EventLoopGroup
    /// How long everything until the checked handshake may take.
    package var timeout: TimeAmount
    package var subprotocol: String?
    package var configuration: WebSocketConnectionConfiguration
    /// Makes the TLS handlers for a `wss:` endpoint.
    package var tls: (@Sendable (WebSocketEndpoint, any Channel) throws -> [any ChannelHandler])?

    package init(
        group: any EventLoopGroup,
        timeout: TimeAmount = .seconds(10),
        subprotocol: String? = "gapless.v1",
        configuration: WebSocketConnectionConfiguration = WebSocketConnectionConfiguration(),
        tls: (@Sendable (WebSocketEndpoint, any Channel) throws -> [any ChannelHandler])? = nil
    ) {
        self.group = group
        self.timeout = timeout
        self.subprotocol = subprotocol
        self.configuration = configuration
        self.tls = tls
    }

    /// Begins an attempt.
    ///
    /// - Parameters:
    ///   - headers: more header fields of the request, such as `Authorization`.
    ///   - eventLoop: where the connection is to live; nil = the group's next.
    ///   - makeDelegate: called on that loop once the handshake is through.
    package func connect<Delegate: WebSocketConnectionDelegate>(
        to endpoint: WebSocketEndpoint,
        headers: HTTPHeaders = [:],
        on eventLoop: (any EventLoop)? = nil,
        makeDelegate: @escaping @Sendable (any EventLoop) -> Delegate
    ) -> WebSocketConnectAttempt {
        let eventLoop = eventLoop ?? self.group.next()
        let attempt = WebSocketConnectAttempt(eventLoop: eventLoop)
        let handshake: ClientHandshake
        do {
            var random = SystemRandomNumberGenerator()
            handshake = try ClientHandshake(endpoint: endpoint, subprotocol: self.subprotocol, headers: headers, using: &random)
        } catch {
            attempt.fail(error)
            return attempt
        }
        guard !endpoint.isTLS || self.tls != nil else {
            attempt.fail(WebSocketConnectError(.invalidRequest, "there is no TLS for \(endpoint)"))
            return attempt
        }
        let deadline = eventLoop.scheduleTask(in: self.timeout) {
            attempt.fail(WebSocketConnectError(.timeout, "no WebSocket within the deadline"))
        }
        attempt.opened.whenComplete { _ in deadline.cancel() }
        self.bootstrap(endpoint, on: eventLoop) { channel in
            guard attempt.started(channel) else { throw WebSocketConnectError(.cancelled, "the caller gave up") }
            return WebSocketClientUpgradeHandler(
                handshake: handshake,
                configuration: self.configuration,
                attempt: attempt,
                makeDelegate: makeDelegate
            )
        }
        .connect(host: endpoint.host, port: endpoint.port)
        .flatMapThrowing { channel in
            try channel.pipeline.syncOperations.handler(type: WebSocketClientUpgradeHandler<Delegate>.self).begin()
        }
        .whenFailure { error in
            attempt.fail(
                error as? WebSocketConnectError
                    ?? WebSocketConnectError(.transport, "no connection to \(endpoint.hostHeader)", cause: error)
            )
        }
        return attempt
    }

    private func bootstrap<Delegate: WebSocketConnectionDelegate>(
        _ endpoint: WebSocketEndpoint,
        on eventLoop: any EventLoop,
        makeHandler: @escaping @Sendable (any Channel) throws -> WebSocketClientUpgradeHandler<Delegate>
    ) -> ClientBootstrap {
        var bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(self.timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.maxMessagesPerRead, value: 4)
            // Not with TLS: NIO's TLS handler then misses the end of its own shutdown and waits for a deadline each time.
            .channelOption(.allowRemoteHalfClosure, value: !endpoint.isTLS)
            .channelOption(.writeBufferWaterMark, value: self.configuration.waterMark)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = try makeHandler(channel)
                    if endpoint.isTLS, let tls = self.tls {
                        try channel.pipeline.syncOperations.addHandlers(try tls(endpoint, channel))
                    }
                    try channel.pipeline.syncOperations.addHandlers(handler.handlers(limits: HTTPBounds().decoderLimits))
                }
            }
        if let option = TCPUserTimeout.option {
            bootstrap = bootstrap.channelOption(option, value: TCPUserTimeout.value(.seconds(30)))
        }
        return bootstrap
    }
}
