import NIOCore

/// Stands before NIO's HTTP decoder while a connection becomes a WebSocket, and holds the peer's end of TCP back until the decoder is gone.
///
/// The decoder leaves in a later turn of the loop and hands on what it has not decoded; but when it sees the end before that, it throws
/// those bytes away: the frames of a peer that sends them with its handshake and ends its half at once.
///
/// Where no WebSocket begins and the connection only waits for its end, it keeps the peer's bytes away from the decoder.
final class EndOfInputHolder: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var context: ChannelHandlerContext?
    private var isHolding = false
    private var hasEnded = false
    private var isDiscarding = false

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !self.isDiscarding { context.fireChannelRead(data) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if self.isHolding, case .some(.inputClosed) = event as? ChannelEvent {
            self.hasEnded = true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// From now on the end is held back.
    func hold() {
        self.isHolding = true
    }

    /// From now on no byte matters.
    func discard() {
        self.isDiscarding = true
    }

    /// Passes on the end if it came, and leaves the pipeline.
    func release() {
        self.isHolding = false
        guard let context = self.context else { return }
        if self.hasEnded { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
}
