import NIOCore
import NIOHTTP1

/// The client's HTTP/1.1 until the WebSocket begins: sends the request, checks the answer, and leaves.
final class WebSocketClientUpgradeHandler<Delegate: WebSocketConnectionDelegate>: ChannelInboundHandler, RemovableChannelHandler {
    /// Parts of the answer from the decoder, and bytes once it has left.
    typealias InboundIn = Any
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = HTTPClientRequestPart

    private enum State {
        /// The request is not sent yet. Next: waiting, ended.
        case idle
        /// The answer has not come. Next: accepted, ended.
        case waiting
        /// The head of the answer is right. Next: upgrading, ended.
        case accepted
        /// The decoder is leaving; what it had not decoded is kept for the WebSocket. Next: ended.
        case upgrading(leftover: [ByteBuffer])
        case ended
    }

    private let handshake: ClientHandshake
    private let configuration: WebSocketConnectionConfiguration
    private let attempt: WebSocketConnectAttempt
    private let makeDelegate: (any EventLoop) -> Delegate
    private let holder = EndOfInputHolder()
    private var state = State.idle
    private var context: ChannelHandlerContext?
    /// What went wrong before `begin`.
    private var earlyError: (any Error)?

    init(
        handshake: ClientHandshake,
        configuration: WebSocketConnectionConfiguration,
        attempt: WebSocketConnectAttempt,
        makeDelegate: @escaping (any EventLoop) -> Delegate
    ) {
        self.handshake = handshake
        self.configuration = configuration
        self.attempt = attempt
        self.makeDelegate = makeDelegate
    }

    /// The handlers of the handshake, this one the last.
    func handlers(limits: NIOHTTPDecoderLimitConfiguration) -> [any ChannelHandler] {
        let decoder = HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits)
        return [self.holder, HTTPRequestEncoder(), ByteToMessageHandler(decoder), self]
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    /// Sends the request. Called for the one channel that won: others to the same name may have become active too, and are closed again.
    func begin() {
        guard case .idle = self.state else { return }
        guard let context = self.context, context.channel.isActive else {
            self.state = .ended
            return self.attempt.fail(WebSocketConnectError(.transport, "the connection was lost at once", cause: self.earlyError))
        }
        self.state = .waiting
        context.write(Self.wrapOutboundOut(.head(self.handshake.request)), promise: nil)
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = Self.unwrapInboundIn(data) as? HTTPClientResponsePart
        switch (self.state, part) {
        case (.waiting, .head(let head)):
            do {
                try self.handshake.check(head, now: .current)
                self.state = .accepted
            } catch {
                self.fail(error, context)
            }
        case (.accepted, .end):
            self.upgrade(context)
        case (.upgrading(let leftover), nil):
            // The decoder hands on what it has not decoded as it came.
            self.state = .upgrading(leftover: leftover + [WebSocketConnectionHandler<Delegate>.unwrapInboundIn(data)])
        case (.upgrading, .some):
            self.fail(WebSocketConnectError(.invalidResponse, "the answer goes on after its end"), context)
        case (.idle, _), (.waiting, _), (.accepted, _), (.ended, _):
            return
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent {
            self.fail(Self.lost, context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail(Self.lost, context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.invalidEOFState:
            self.fail(Self.lost, context)
        case is HTTPParserError, is NIOHTTPDecoderError:
            self.fail(WebSocketConnectError(.invalidResponse, "the answer is not valid HTTP", cause: error), context)
        default:
            self.fail(WebSocketConnectError(.transport, "the connection failed during the handshake", cause: error), context)
        }
    }

    private static var lost: WebSocketConnectError {
        WebSocketConnectError(.transport, "the server closed the connection during the handshake")
    }

    private func fail(_ error: WebSocketConnectError, _ context: ChannelHandlerContext) {
        switch self.state {
        case .ended:
            return
        case .idle:
            // Not the attempt's channel yet, and perhaps never.
            if self.earlyError == nil { self.earlyError = error }
        case .waiting, .accepted, .upgrading:
            self.state = .ended
            self.attempt.fail(error)
        }
        context.close(promise: nil)
    }

    /// Removes the HTTP handlers, then puts the WebSocket in their place. Not before: they would take its frames for requests.
    private func upgrade(_ context: ChannelHandlerContext) {
        self.state = .upgrading(leftover: [])
        let pipeline = context.pipeline.syncOperations
        do {
            let encoder = try pipeline.context(handlerType: HTTPRequestEncoder.self)
            let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPResponseDecoder>.self)
            self.holder.hold()
            pipeline.removeHandler(context: decoder).assumeIsolated().whenComplete { _ in
                pipeline.removeHandler(context: encoder).assumeIsolated().whenComplete { _ in
                    self.open(context)
                }
            }
        } catch {
            self.fail(WebSocketConnectError(.transport, "the connection was lost during the handshake", cause: error), context)
        }
    }

    private func open(_ context: ChannelHandlerContext) {
        guard case .upgrading(let leftover) = self.state else { return }
        guard self.attempt.claim() else { return self.fail(WebSocketConnectError(.cancelled, "the caller gave up"), context) }
        self.state = .ended
        let connection = WebSocketConnectionHandler(
            role: .client,
            delegate: self.makeDelegate(context.eventLoop),
            configuration: self.configuration
        )
        do {
            try context.pipeline.syncOperations.addHandler(connection, position: .after(self))
            self.attempt.succeed()
            for bytes in leftover { context.fireChannelRead(Self.wrapInboundOut(bytes)) }
            if !leftover.isEmpty { context.fireChannelReadComplete() }
            self.holder.release()
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        } catch {
            self.attempt.fail(WebSocketConnectError(.transport, "the connection was lost during the handshake", cause: error))
            context.close(promise: nil)
        }
    }
}
