import Hummingbird
import NIOCore
import NIOHTTPTypes

/// Ends a connection of the HTTP API after a request behind which no other can be read: one that asks for another protocol or for a tunnel.
///
/// NIO's decoder takes nothing behind such a request for HTTP, and keeps every byte that comes. The request itself is answered like any
/// other; the answer says that the connection ends, and the bytes behind the request are thrown away.
final class LastRequestHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// How long the client may take to notice the end after the answer.
    static let lingerTimeout = TimeAmount.seconds(2)

    private var isLast = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(var head) where head.method == .connect || head.headerFields[.upgrade] != nil:
            self.isLast = true
            head.headerFields[.connection] = "close"
            context.fireChannelRead(Self.wrapInboundOut(.head(head)))
        case .end(let trailers) where self.isLast:
            do {
                try context.pipeline.syncOperations.addHandler(InputDiscardingHandler(), position: .first)
                context.fireChannelRead(Self.wrapInboundOut(.end(trailers)))
            } catch {
                context.close(promise: nil)
            }
        case .head, .body, .end:
            context.fireChannelRead(data)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch Self.unwrapOutboundIn(data) {
        case .head(var head) where self.isLast:
            head.headerFields[.connection] = "close"
            context.write(Self.wrapOutboundOut(.head(head)), promise: promise)
        case .end where self.isLast:
            let written = promise ?? context.eventLoop.makePromise()
            let timeout = Self.lingerTimeout
            written.futureResult.assumeIsolated().whenComplete { _ in
                context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { context.close(promise: nil) }
            }
            context.write(data, promise: written)
        case .head, .body, .end:
            context.write(data, promise: promise)
        }
    }
}

/// Throws away the bytes that a socket brings.
private final class InputDiscardingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
