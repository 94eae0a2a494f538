import Hummingbird
import Logging
import NIOCore

/// The port of the HTTP API.
struct AdminListener: Sendable {
    let api: AdminAPI
    let configuration: AdminConfiguration
    /// How many connections it takes at once. Others wait in the backlog of the port until one ends; one burst of `accept` may exceed it by
    /// three.
    let maxConnections: Int
    let group: any EventLoopGroup
    let logger: Logger

    /// What stands on each connection before the router.
    static func makeHandlers() -> [any RemovableChannelHandler] {
        [LastRequestHandler(), ContinueHandler()]
    }

    /// What serves the port.
    func makeApplication(
        listening: @escaping @Sendable (ListenAddress) async -> Void
    ) -> Application<RouterResponder<BasicRequestContext>> {
        let address = self.configuration.listen
        var logger = self.logger
        // What its framework reports on are calls that were cut off; the callers know.
        logger.logLevel = .critical
        return Application(
            router: self.api.makeRouter(),
            server: .http1(configuration: .init(additionalChannelHandlers: Self.makeHandlers(), idleTimeout: .seconds(75))),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port),
                availableConnectionsDelegate: .maximum(self.maxConnections, logger: logger)
            ),
            onServerRunning: { channel in await listening(channel.localAddress.flatMap { ListenAddress($0) } ?? address) },
            eventLoopGroupProvider: .shared(self.group),
            logger: logger
        )
    }
}
