import GaplessWebSocket
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A TCP or TLS connection that sends exactly what it is told and shows everything that comes.
final class WireSocket: Sendable {
    private let channel: any Channel
    private let events: Mailbox<WireEvent>
    /// The key that frames are masked with; a server's are not.
    private let maskKey: [UInt8]?

    private init(_ channel: any Channel, _ events: Mailbox<WireEvent>, maskKey: [UInt8]?) {
        self.channel = channel
        self.events = events
        self.maskKey = maskKey
    }

    /// Connects as a client; the handshake is the caller's.
    ///
    /// - Throws: `Broken` when nobody answers there.
    static func connect(to endpoint: WebSocketEndpoint, within patience: Duration) async throws -> WireSocket {
        let events = Mailbox<WireEvent>()
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(TimeAmount(patience))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if endpoint.isTLS {
                            let context = try NIOSSLContext(configuration: .makeClientConfiguration())
                            let isAddress = (try? SocketAddress(ipAddress: endpoint.host, port: 0)) != nil
                            let tls = try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : endpoint.host)
                            try channel.pipeline.syncOperations.addHandler(tls)
                        }
                        try channel.pipeline.syncOperations.addHandler(Handler(.client, events))
                    }
                }
                .connect(host: endpoint.host, port: endpoint.port).get()
            let key = (0..<4).map { _ in UInt8.random(in: .min ... .max) }
            return WireSocket(channel, events, maskKey: key)
        } catch {
            throw Broken("a connection to \(endpoint.hostHeader)", came: String(describing: error))
        }
    }

    /// Listens on a free port of this machine; each connection is put into the mailbox.
    static func listen(into connections: Mailbox<WireSocket>) async throws -> any Channel {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let events = Mailbox<WireEvent>()
                    try channel.pipeline.syncOperations.addHandler(Handler(.server, events))
                    connections.put(WireSocket(channel, events, maskKey: nil))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    // MARK: Sending

    /// Sends bytes as they are.
    func send(_ bytes: ByteBuffer) {
        self.channel.writeAndFlush(bytes, promise: nil)
    }

    /// Sends frames in one write.
    func send(_ frames: WireFrame...) {
        self.send(frames)
    }

    /// Sends frames in one write.
    func send(_ frames: [WireFrame]) {
        var bytes = ByteBuffer()
        for frame in frames { bytes.writeImmutableBuffer(frame.bytes(maskedWith: self.maskKey)) }
        self.send(bytes)
    }

    /// Sends a frame without the mask that it must have.
    func sendUnmasked(_ frame: WireFrame) {
        self.send(frame.bytes(maskedWith: nil))
    }

    /// Ends the TCP connection, as a lost network does.
    func cut() {
        self.channel.close(promise: nil)
    }

    /// Stops or begins to take bytes from the socket.
    func setReading(_ isReading: Bool) async throws {
        try await self.channel.setOption(.autoRead, value: isReading).get()
    }

    // MARK: Receiving

    /// What comes next; nil when nothing comes within this time.
    func next(within patience: Duration) async -> WireEvent? {
        await self.events.next(within: patience)
    }

    /// Puts an event back, so that it is the next one.
    func putBack(_ event: WireEvent) {
        self.events.putBack(event)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private var reader: WireReader
        private let events: Mailbox<WireEvent>

        init(_ role: WebSocketRole, _ events: Mailbox<WireEvent>) {
            self.reader = WireReader(role)
            self.events = events
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            for event in self.reader.take(Self.unwrapInboundIn(data)) { self.events.put(event) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.events.put(.end)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
