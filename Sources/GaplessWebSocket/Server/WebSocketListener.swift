package import NIOCore
import NIOPosix

/// The public port of a node: WebSockets and the few HTTP requests beside them.
///
/// Shutting down is up to the caller: ``stopAccepting()``, then ``quiesce()`` (each delegate hears `shutdownRequested` and closes when it
/// is ready), then ``whenEmpty`` with a deadline, and ``closeAll()`` for those who did not go.
package final class WebSocketListener: Sendable {
    /// How a port is opened.
    package struct Options: Sendable {
        package var host: String
        /// 0 = any free one; see `address`.
        package var port: Int
        /// The most connections at once, WebSocket or not yet; above it they are closed as soon as they are accepted. Default 10,000.
        package var maxConnections = 10_000
        /// How many connections may wait to be accepted. Default 4,096 (the kernel may allow less).
        package var backlog = 4_096
        /// After so long without an acknowledgement of sent bytes the kernel gives a connection up (Linux). Default 30 s.
        package var tcpUserTimeout = TimeAmount.seconds(30)
        /// Makes the TLS handlers of a connection; nil = no TLS.
        package var tls: (@Sendable (any Channel) throws -> [any ChannelHandler])?

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    private let channel: any Channel
    private let registry: ConnectionRegistry

    private init(channel: any Channel, registry: ConnectionRegistry) {
        self.channel = channel
        self.registry = registry
    }

    /// Opens the port.
    package static func bind<Delegate: WebSocketConnectionDelegate>(
        _ options: Options,
        group: any EventLoopGroup,
        service: WebSocketService<Delegate>
    ) -> EventLoopFuture<WebSocketListener> {
        let registry = ConnectionRegistry(maxConnections: options.maxConnections)
        let pools = ReceiveBufferPools()
        var bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(options.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: 16)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // One connection that sends without end must not keep the others of its loop waiting.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            // Not with TLS: NIO's TLS handler then misses the end of its own shutdown and waits for a deadline each time.
            .childChannelOption(.allowRemoteHalfClosure, value: options.tls == nil)
            .childChannelOption(.writeBufferWaterMark, value: service.connection.waterMark)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try registry.add(channel)
                    if let tls = options.tls {
                        try channel.pipeline.syncOperations.addHandlers(try tls(channel))
                        try WebSocketServerUpgradeHandler.configure(channel, service: service)
                    } else {
                        let pool = pools.pool(of: channel.eventLoop)
                        try channel.syncOptions?.setOption(.recvAllocator, value: LentReceiveBufferAllocator(pool: pool))
                        try WebSocketServerUpgradeHandler.configure(channel, service: service, receiveBuffers: pool.value)
                    }
                }
            }
        if let option = TCPUserTimeout.option {
            bootstrap = bootstrap.childChannelOption(option, value: TCPUserTimeout.value(options.tcpUserTimeout))
        }
        return bootstrap.bind(host: options.host, port: options.port).map { WebSocketListener(channel: $0, registry: registry) }
    }

    /// Where the listener can be reached.
    package var address: SocketAddress? { self.channel.localAddress }

    /// The port in use, also when 0 was asked for.
    package var port: Int { self.address?.port ?? 0 }

    /// How many connections there are, WebSocket or not yet.
    package var connectionCount: Int { self.registry.count }

    /// Closes the port; connections stay.
    package func stopAccepting() -> EventLoopFuture<Void> {
        self.channel.close().flatMapErrorThrowing { error in
            guard case ChannelError.alreadyClosed = error else { throw error }
        }
    }

    /// Tells each connection to end when it is ready: WebSockets through their delegate; those that wait for a request end at once.
    /// Connections that still come are refused.
    package func quiesce() {
        self.registry.quiesce()
    }

    /// Ends every connection now, without a Close.
    package func closeAll() {
        self.registry.closeAll()
    }

    /// Completes when no connection is left.
    package var whenEmpty: EventLoopFuture<Void> { self.registry.whenEmpty(on: self.channel.eventLoop) }
}

extension WebSocketConnectionConfiguration {
    /// The marks for the channel.
    var waterMark: ChannelOptions.Types.WriteBufferWaterMark {
        ChannelOptions.Types.WriteBufferWaterMark(low: self.lowWaterBytes, high: self.highWaterBytes)
    }
}
