import GaplessWebSocket
import NIOCore
import NIOEmbedded

/// Stands where the socket is: takes bytes or not, and writes down what the connection wants of TCP.
final class SocketStub: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Ending: Equatable {
        case all
        case output
    }

    var endings: [Ending] = []
    var reads = 0
    var flushes = 0
    /// While true nothing that is written leaves.
    var isStuck = false

    func read(context: ChannelHandlerContext) {
        self.reads += 1
    }

    func flush(context: ChannelHandlerContext) {
        self.flushes += 1
        if !self.isStuck { context.flush() }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .output:
            self.endings.append(.output)
            promise?.succeed()
        case .all, .input:
            self.endings.append(.all)
            context.close(promise: promise)
        }
    }
}

/// One connection on a loop that stands still until told to go on.
final class EmbeddedConnection {
    let channel: EmbeddedChannel
    let socket = SocketStub()
    let delegate = RecordingDelegate()
    let handler: WebSocketConnectionHandler<RecordingDelegate>
    private let role: WebSocketRole

    init(
        role: WebSocketRole = .server,
        prepare: (RecordingDelegate) -> Void = { _ in },
        configure: (inout WebSocketConnectionConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = WebSocketConnectionConfiguration()
        configuration.maxMessageBytes = 100
        configure(&configuration)
        prepare(self.delegate)
        self.role = role
        self.handler = WebSocketConnectionHandler(role: role, delegate: self.delegate, configuration: configuration)
        self.channel = EmbeddedChannel(handlers: [self.socket, self.handler])
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    /// The bytes of one read, and its end.
    func receive(_ frames: [UInt8]...) throws {
        try self.channel.writeInbound(ByteBuffer(bytes: frames.flatMap { $0 }))
    }

    func receiveEnd() {
        self.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        self.run()
    }

    /// Lets everything happen that is due now.
    func run() {
        self.channel.embeddedEventLoop.run()
    }

    func advance(_ time: TimeAmount) {
        self.channel.embeddedEventLoop.advanceTime(by: time)
    }

    func setWritable(_ isWritable: Bool) {
        self.channel.isWritable = isWritable
        self.channel.pipeline.fireChannelWritabilityChanged()
    }

    /// The socket takes bytes again.
    func unstick() {
        self.socket.isStuck = false
        self.channel.flush()
        self.run()
    }

    /// What left since the last call, one element a write.
    func sent() throws -> [[UInt8]] {
        var writes: [[UInt8]] = []
        while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) { writes.append(Array(bytes.readableBytesView)) }
        return writes
    }

    /// The same as frames, unmasked.
    func sentFrames() throws -> [WebSocketEvent] {
        var decoder = WebSocketFrameDecoder(role: self.role == .server ? .client : .server, maxMessageBytes: 1 << 24, maxFragments: 1)
        var events: [WebSocketEvent] = []
        for bytes in try self.sent() {
            decoder.append(ByteBuffer(bytes: bytes))
            while let event = try decoder.next() { events.append(event) }
        }
        return events
    }

    var isActive: Bool { self.channel.isActive }
}
