import NIOCore
import NIOPosix

/// A server that takes connections and says nothing.
final class MuteServer: Sendable {
    private let listener: any Channel
    private let connections: Mailbag<any Channel>

    private init(_ listener: any Channel, _ connections: Mailbag<any Channel>) {
        self.listener = listener
        self.connections = connections
    }

    /// Opens a free port on loopback.
    static func start() async throws -> MuteServer {
        let connections = Mailbag<any Channel>()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                connections.put(channel)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return MuteServer(listener, connections)
    }

    var port: Int { self.listener.localAddress?.port ?? 0 }

    /// Waits for the next connection.
    func accepted() async throws {
        _ = try await self.connections.next("a connection")
    }

    func stop() async throws {
        try await self.listener.close()
    }
}
