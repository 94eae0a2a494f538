import GaplessCore
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
    private let ponger: Ponger

    private init(_ channel: any Channel, _ events: Mailbox<WireEvent>, maskKey: [UInt8]?, ponger: Ponger) {
        self.channel = channel
        self.events = events
        self.maskKey = maskKey
        self.ponger = ponger
    }

    /// Whether each `PING` is answered as soon as it comes, also while nobody reads.
    var answersPings: Bool {
        get { self.ponger.isAwake.withLock { $0 } }
        set { self.ponger.isAwake.withLock { $0 = newValue } }
    }

    /// Connects as a client; the handshake is the caller's.
    ///
    /// - Throws: `Broken` when nobody answers there.
    static func connect(to endpoint: WebSocketEndpoint, within patience: Duration) async throws -> WireSocket {
        let events = Mailbox<WireEvent>()
        let key = (0..<4).map { _ in UInt8.random(in: .min ... .max) }
        let ponger = Ponger(isAwake: true, maskKey: key)
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
                        try channel.pipeline.syncOperations.addHandler(Handler(.client, events, ponger))
                    }
                }
                .connect(host: endpoint.host, port: endpoint.port).get()
            return WireSocket(channel, events, maskKey: key, ponger: ponger)
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
                    let ponger = Ponger(isAwake: false, maskKey: nil)
                    try channel.pipeline.syncOperations.addHandler(Handler(.server, events, ponger))
                    connections.put(WireSocket(channel, events, maskKey: nil, ponger: ponger))
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

    /// Answers `PING`s where the bytes come in.
    private final class Ponger: Sendable {
        let isAwake: Mutex<Bool>
        private let maskKey: [UInt8]?

        init(isAwake: Bool, maskKey: [UInt8]?) {
            self.isAwake = Mutex(isAwake)
            self.maskKey = maskKey
        }

        /// The bytes that answer the event, if it asks for an answer.
        func answer(to event: WireEvent) -> ByteBuffer? {
            guard case .message(.text, let bytes) = event, self.isAwake.withLock({ $0 }) else { return nil }
            let text = String(buffer: bytes)
            guard text.hasPrefix("PING ") else { return nil }
            return WireFrame.text("PONG " + text.dropFirst(5)).bytes(maskedWith: self.maskKey)
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private var reader: WireReader
        typealias OutboundOut = ByteBuffer
        private let events: Mailbox<WireEvent>
        private let ponger: Ponger

        init(_ role: WebSocketRole, _ events: Mailbox<WireEvent>, _ ponger: Ponger) {
            self.reader = WireReader(role)
            self.events = events
            self.ponger = ponger
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            for event in self.reader.take(Self.unwrapInboundIn(data)) {
                if let answer = self.ponger.answer(to: event) {
                    context.writeAndFlush(Self.wrapOutboundOut(answer), promise: nil)
                }
                self.events.put(event)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.events.put(.end)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
