import NIOCore
import NIOPosix

/// Collects what a server sends over plain TCP until it ends its half.
private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var received = ByteBuffer()
    private let done: EventLoopPromise<ByteBuffer>

    init(done: EventLoopPromise<ByteBuffer>) {
        self.done = done
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = Self.unwrapInboundIn(data)
        self.received.writeBuffer(&bytes)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { self.done.succeed(self.received) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.done.succeed(self.received)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.done.fail(error)
        context.close(promise: nil)
    }
}

/// Completes with the first bytes.
private final class FirstBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let done: EventLoopPromise<Void>

    init(done: EventLoopPromise<Void>) {
        self.done = done
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.done.succeed()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.done.fail(ChannelError.eof)
    }
}

/// A peer that is just bytes: it sends what it was given, right or wrong, and reads until the end.
enum RawClient {
    static let upgrade =
        "GET /gapless HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: gapless.v1\r\n\r\n"

    /// - Parameter endsFirst: whether it ends its own half of TCP after sending.
    /// - Returns: everything that came, once the server has ended its half; throws on a reset.
    static func exchange(port: Int, send pieces: [ByteBuffer], endsFirst: Bool = false) async throws -> ByteBuffer {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let done = eventLoop.makePromise(of: ByteBuffer.self)
        let channel = try await ClientBootstrap(group: eventLoop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Collector(done: done)) }
            }
            .connect(host: "127.0.0.1", port: port).get()
        if endsFirst {
            // In one turn of the loop, so that the end leaves before an answer can come.
            try await eventLoop.flatSubmit {
                for piece in pieces { channel.write(piece, promise: nil) }
                channel.flush()
                return channel.close(mode: .output)
            }
            .get()
        } else {
            // The server ends its half first and takes the rest.
            for piece in pieces { try await channel.writeAndFlush(piece).get() }
        }
        let received = try await done.futureResult.get()
        do {
            try await channel.close().get()
        } catch ChannelError.alreadyClosed {
            // Both halves had ended.
        }
        return received
    }

    /// Opens a connection that the server has noticed: it answered a health check on it.
    static func holdConnection(port: Int) async throws -> any Channel {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let done = eventLoop.makePromise(of: Void.self)
        let channel = try await ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(FirstBytes(done: done)) }
            }
            .connect(host: "127.0.0.1", port: port).get()
        try await channel.writeAndFlush(ByteBuffer(string: "GET /live HTTP/1.1\r\nHost: a\r\n\r\n")).get()
        try await done.futureResult.get()
        return channel
    }
}
