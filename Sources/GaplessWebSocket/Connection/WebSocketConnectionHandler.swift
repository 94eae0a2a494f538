package import NIOCore

/// The one handler of an established WebSocket connection: frames, the duties of RFC 6455, batching, backpressure and the close.
///
/// It knows nothing of what the messages say; that is its delegate's. All methods are called on the connection's event loop.
///
/// A shell is a delegate that feeds its session machine and performs what that returns:
///
/// ```swift
/// final class SessionShell: WebSocketConnectionDelegate {
///     private var connection: WebSocketConnectionHandler<SessionShell>?
///
///     func connectionOpened(_ connection: WebSocketConnectionHandler<SessionShell>) {
///         self.connection = connection                       // the cycle ends with connectionClosed
///         connection.maxMessageBytes = limits.hello          // until HELLO; raise it after
///     }
///     func received(_ kind: WebSocketMessageKind, _ payload: ByteBuffer) {
///         self.perform(self.session.receive(kind, payload, now: connection.eventLoop.now))
///     }
///     // inside perform: any number of frames, straight into the batch; flushed at the end of the read
///     connection.send(.text, expectedBytes: 16) { buffer in frame.encode(into: &buffer) }
///     // outside of a read (commit thread's batch, a timer): the same, then once
///     connection.flush()
///
///     func writabilityChanged(_ isWritable: Bool) { if isWritable { /* load the next window */ } }
///     func violation(_ violation: WebSocketViolation) -> (code: WebSocketCloseCode, reason: String) {
///         connection.send(.text) { buffer in error.encode(into: &buffer) }   // ERROR first, then Close
///         return (.init(4404), "too-large")
///     }
///     func connectionClosed(_ closure: WebSocketClosure) {
///         self.connection = nil
///         // server: detach. client: closure.code says what to do; nil = resume with backoff
///     }
/// }
/// ```
///
/// A server gets its connections from ``WebSocketListener``, a client from ``WebSocketConnector``; both make the delegate on the event
/// loop. To reach a connection from another thread, wrap it in `NIOLoopBound` and `execute` on its loop.
///
/// **Closing.** `close(_:reason:)` sends what was batched, then Close, and nothing after; inbound messages are discarded until the peer's
/// Close, the end of TCP or `closeTimeout`, so that a TCP reset cannot eat the code. The peer's Close is echoed once. The server ends
/// TCP first, the client waits for that.
package final class WebSocketConnectionHandler<Delegate: WebSocketConnectionDelegate>: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = Never
    package typealias OutboundIn = Never
    package typealias OutboundOut = ByteBuffer

    /// Where the connection stands. Each state names the ones that may follow.
    enum State {
        /// The channel is not active yet. Next: open, closed.
        case idle
        /// Messages flow. Next: closeSent, closeReceived, failed, closed.
        case open
        /// Our Close is out; inbound messages are discarded until the peer's. Next: closeReceived, failed, closed.
        case closeSent
        /// Both Closes exist; only TCP is left. Next: closed.
        case closeReceived
        /// The peer's frames cannot be read any more; our Close is out, inbound bytes are discarded. Next: closed.
        case failed
        /// TCP is gone.
        case closed
    }

    /// Above so many in one read, Pings are a flood, and only the last is answered.
    private static var maxPongsPerRead: Int { 16 }

    let role: WebSocketRole
    let configuration: WebSocketConnectionConfiguration
    let receiveBuffers: ReceiveBufferPool?

    var state = State.idle
    var context: ChannelHandlerContext?
    var loop: (any EventLoop)?
    /// Let go when the connection has been reported closed, which ends the cycle with a delegate that holds its connection.
    var delegate: Delegate?
    var decoder: WebSocketFrameDecoder
    let encoder: WebSocketFrameEncoder

    /// Bytes of a read that are not decoded yet: decoding waits for the end of the read, when the socket has let go of the buffer.
    var unread: ByteBuffer?
    /// Whether bytes came since the last end of a read.
    var hasRead = false
    /// Frames that wait for the flush.
    var batch: ByteBuffer?
    /// The payload of the last Ping that has not been answered. An earlier one need not be (RFC 6455 §5.5.3).
    var unansweredPing: ByteBuffer?
    /// How many Pings of this read were answered by themselves.
    var pongsOfRead = 0

    /// Whether the delegate was last told that it may send.
    var toldWritable = true
    /// Whether `isWritable` was false since the delegate was told that it may send: it may have looked, and waits to hear.
    var owesWritable = false
    /// Whether the delegate asked for a pause.
    var isPaused = false
    /// Whether so much waits to be sent that nothing is read.
    var isOverBound = false
    /// Whether a read was asked for and held back.
    var isReadHeld = false

    /// How many calls into this connection, or from it into the channel, are under way.
    var depth = 0
    /// Whether `deliverDeferred` will run in the next turn.
    var isDeliveryScheduled = false
    /// What the delegate is to be told when no call of its own is under way.
    var closure: WebSocketClosure?

    var closeDeadline: Scheduled<Void>?
    /// Whether our Close has left for the kernel.
    var isCloseWritten = false
    /// Whether the peer has ended its half of TCP.
    var isInputClosed = false
    var error: (any Error)?

    var stallCheck: Scheduled<Void>?
    var writtenBytes = 0
    var takenBytes = 0
    var lastProgress = NIODeadline.uptimeNanoseconds(0)

    package init(
        role: WebSocketRole,
        delegate: Delegate,
        configuration: WebSocketConnectionConfiguration,
        receiveBuffers: ReceiveBufferPool? = nil
    ) {
        precondition(configuration.lowWaterBytes <= configuration.highWaterBytes, "the low water mark is not above the high one")
        self.role = role
        self.delegate = delegate
        self.configuration = configuration
        self.receiveBuffers = receiveBuffers
        self.encoder = WebSocketFrameEncoder(role: role)
        self.decoder = WebSocketFrameDecoder(
            role: role,
            maxMessageBytes: configuration.maxMessageBytes,
            maxFragments: configuration.maxFragments
        )
    }

    // MARK: Inbound

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.loop = context.eventLoop
        if context.channel.isActive { self.opened(context) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.tcpEnded()
        self.context = nil
    }

    package func channelActive(context: ChannelHandlerContext) {
        self.opened(context)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        self.decodeUnread()
        self.tcpEnded()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.state {
        case .open:
            self.hasRead = true
            self.delegate?.anyInbound()
        case .idle, .closeSent:
            break
        case .closeReceived, .failed, .closed:
            return  // Nothing that comes now matters; reading it keeps TCP from a reset.
        }
        // Usually the only read before `channelReadComplete`.
        if self.unread != nil { self.decodeUnread() }
        self.unread = Self.unwrapInboundIn(data)
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        self.decodeUnread()
        if case .open = self.state, self.hasRead { self.delegate?.readBatchEnded() }
        self.hasRead = false
        self.pongsOfRead = 0
        self.answerPing()
        self.flushBatch()
        self.holdReadsIfOverBound(context)
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            self.inputClosed()
        case is WebSocketShutdownEvent:
            if case .open = self.state { self.delegate?.shutdownRequested() }
        default:
            break
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The first error is the cause, later ones are its echo.
        if self.error == nil { self.error = error }
        context.close(promise: nil)
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.writabilityChanged()
    }

    package func read(context: ChannelHandlerContext) {
        if self.mayRead {
            context.read()
        } else {
            self.isReadHeld = true
        }
    }

    private func opened(_ context: ChannelHandlerContext) {
        guard case .idle = self.state else { return }
        self.state = .open
        self.lastProgress = context.eventLoop.now
        self.delegate?.connectionOpened(self)
        self.flushBatch()
    }

    /// Decodes what was read and hands it on, as long as somebody is there to take it.
    func decodeUnread() {
        guard let bytes = self.unread.take() else { return }
        self.decoder.append(consume bytes)
        loop: while true {
            switch self.state {
            case .open, .closeSent: break
            case .idle, .closeReceived, .failed, .closed: break loop
            }
            do {
                guard let event = try self.decoder.next() else { break loop }
                self.handle(event)
            } catch {
                self.violated(error)
            }
        }
        self.receiveBuffers?.giveBack(self.decoder.reclaimInput())
    }

    private func handle(_ event: WebSocketEvent) {
        switch event {
        case .message(let kind, let payload):
            if case .open = self.state { self.delegate?.received(kind, payload) }
        case .ping(let payload):
            self.unansweredPing = payload
            // In order with the messages, unless it is a flood: of that the last is answered when the read ends.
            if self.pongsOfRead < Self.maxPongsPerRead {
                self.pongsOfRead += 1
                self.answerPing()
            }
        case .pong:
            break
        case .close(let code, let reason):
            self.peerClosed(code, reason: reason)
        }
    }
}

/// Sent through the pipeline of each connection when its listener shuts down.
package struct WebSocketShutdownEvent: Sendable {
    package init() {}
}
