package import NIOCore
import NIOHTTP1

/// HTTP/1.1 on a public listener until the WebSocket begins: answers health checks, judges handshakes, and then leaves.
///
/// It stands behind NIO's request decoder and writes its answers itself. When a handshake is accepted it writes the 101, puts the
/// ``WebSocketConnectionHandler`` behind itself and removes the decoder and itself; bytes that came behind the request go to the new
/// handler. What cannot be understood is answered with 400 and the connection ends.
package final class WebSocketServerUpgradeHandler<Delegate: WebSocketConnectionDelegate>: ChannelInboundHandler, RemovableChannelHandler {
    /// Parts of requests from the decoder, and bytes once it has left.
    package typealias InboundIn = Any
    package typealias InboundOut = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private enum State {
        /// Between requests. Next: inRequest, upgrading, lingering.
        case waiting
        /// A request has begun; its end brings the answer. Next: waiting, upgrading, lingering.
        case inRequest(HTTPRequestHead)
        /// The 101 is written and the decoder is leaving; it hands on what it had not decoded.
        case upgrading
        /// The last answer is written; what comes is discarded until the client has seen it.
        case lingering
    }

    private let service: WebSocketService<Delegate>
    private let receiveBuffers: ReceiveBufferPool?
    private let holder: EndOfInputHolder
    private var state = State.waiting
    private var deadline: Scheduled<Void>?
    private var isShuttingDown = false
    private var isReadHeld = false

    private init(service: WebSocketService<Delegate>, holder: EndOfInputHolder, receiveBuffers: ReceiveBufferPool?) {
        self.service = service
        self.holder = holder
        self.receiveBuffers = receiveBuffers
    }

    /// Adds the HTTP decoder and this handler to the pipeline of an accepted connection. On its event loop.
    package static func configure(_ channel: any Channel, service: WebSocketService<Delegate>) throws {
        try self.configure(channel, service: service, receiveBuffers: nil)
    }

    static func configure(_ channel: any Channel, service: WebSocketService<Delegate>, receiveBuffers: ReceiveBufferPool?) throws {
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: service.http.decoderLimits)
        let holder = EndOfInputHolder()
        try channel.pipeline.syncOperations.addHandlers(
            holder,
            ByteToMessageHandler(decoder),
            WebSocketServerUpgradeHandler(service: service, holder: holder, receiveBuffers: receiveBuffers)
        )
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        self.endAfter(self.service.http.handshakeTimeout, context)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        self.deadline = nil
    }

    package func channelInactive(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        context.fireChannelInactive()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = Self.unwrapInboundIn(data) as? HTTPServerRequestPart
        switch (self.state, part) {
        case (.upgrading, nil):
            context.fireChannelRead(data)  // The bytes that the decoder left, for the WebSocket.
        case (.upgrading, .some):
            context.close(promise: nil)  // The decoder took the handshake for a common request, and the frames for the next one.
        case (.waiting, .head(let head)):
            self.state = .inRequest(head)
            if let answer = self.refusal(of: head) { self.write(answer, to: head, mayKeep: false, context) }
        case (.inRequest(let head), .end):
            self.received(head, context)
        case (.waiting, _), (.inRequest, _), (.lingering, _):
            return  // Without a length there is no body; the decoder sees to that.
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
        context.fireChannelReadComplete()
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, self.isReadHeld {
            self.isReadHeld = false
            context.read()
        }
        context.fireChannelWritabilityChanged()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch (event, self.state) {
        case (ChannelEvent.inputClosed, .waiting), (ChannelEvent.inputClosed, .inRequest), (ChannelEvent.inputClosed, .lingering):
            context.close(promise: nil)
        case (is WebSocketShutdownEvent, .waiting):
            context.close(promise: nil)
        case (is WebSocketShutdownEvent, .inRequest):
            self.isShuttingDown = true
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch self.state {
        case .upgrading:
            context.fireErrorCaught(error)
        case .lingering:
            // More requests behind the last one are no matter; trouble with the socket is.
            if !(error is HTTPParserError) { context.close(promise: nil) }
        case .waiting, .inRequest:
            guard let error = error as? HTTPParserError else { return context.close(promise: nil) }
            if case .invalidEOFState = error { return context.close(promise: nil) }
            let isTooLong = if case .headerOverflow = error { true } else { false }
            let answer =
                isTooLong
                ? HTTPAnswer(.requestHeaderFieldsTooLarge, text: "The request has too many or too long header fields.")
                : HTTPAnswer(.badRequest, text: "The request is not valid HTTP/1.1.")
            self.write(answer, to: nil, mayKeep: false, context)
        }
    }
}

extension WebSocketServerUpgradeHandler: ChannelOutboundHandler {
    package typealias OutboundIn = ByteBuffer

    /// Reads no more requests than the client reads answers.
    package func read(context: ChannelHandlerContext) {
        let isUpgrading = if case .upgrading = self.state { true } else { false }
        if isUpgrading || context.channel.isWritable { context.read() } else { self.isReadHeld = true }
    }
}

extension WebSocketServerUpgradeHandler {
    /// What is refused before the request has ended, since its end may be far.
    private func refusal(of head: HTTPRequestHead) -> HTTPAnswer? {
        guard head.version.major == 1, head.version.minor <= 1 else {
            return HTTPAnswer(.httpVersionNotSupported, text: "Only HTTP/1.1 is spoken here.")
        }
        // RFC 9112 §3.2: one is needed in HTTP/1.1, and two are wrong in any version.
        let hosts = head.headers["Host"].count
        guard hosts == 1 || (hosts == 0 && head.version == .http1_0) else {
            return HTTPAnswer(.badRequest, text: "A request has exactly one Host.")
        }
        let lengths = head.headers["Content-Length"]
        guard lengths.allSatisfy({ $0 == "0" }), !head.headers.contains(name: "Transfer-Encoding") else {
            return HTTPAnswer(.payloadTooLarge, text: "A request has no body here.")
        }
        return nil
    }

    /// A request without a body is here in full.
    private func received(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        if ServerHandshake.path(of: head.uri) == self.service.handshake.path[...] {
            switch self.service.handshake.judge(head) {
            case .accept(let headers): self.admit(head, headers: headers, context)
            case .refuse(let answer): self.write(answer, to: head, mayKeep: true, context)
            }
        } else if head.method == .GET || head.method == .HEAD {
            self.write(self.service.answer(head), to: head, mayKeep: true, context)
        } else {
            self.write(HTTPAnswer(.methodNotAllowed, headers: ["Allow": "GET, HEAD"]), to: head, mayKeep: true, context)
        }
    }

    private func admit(_ head: HTTPRequestHead, headers: HTTPHeaders, _ context: ChannelHandlerContext) {
        switch self.service.admit(head, context.channel) {
        case .refuse(let answer):
            self.write(answer, to: head, mayKeep: true, context)
        case .accept(let delegate, let more):
            var headers = headers
            headers.add(contentsOf: more)
            self.upgrade(delegate, headers: headers, context)
        }
    }

    private func upgrade(_ delegate: Delegate, headers: HTTPHeaders, _ context: ChannelHandlerContext) {
        self.state = .upgrading
        self.deadline?.cancel()
        self.deadline = nil
        var response = context.channel.allocator.buffer(capacity: 256)
        response.writeHTTPHead(.switchingProtocols, headers)
        context.write(Self.wrapOutboundOut(response), promise: nil)
        let connection = WebSocketConnectionHandler(
            role: .server,
            delegate: delegate,
            configuration: self.service.connection,
            receiveBuffers: self.receiveBuffers
        )
        let pipeline = context.pipeline.syncOperations
        do {
            // The decoder leaves in a later turn of the loop, since it is decoding just now; what it has not decoded comes to us then.
            let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(connection, position: .after(self))
            let holder = self.holder
            holder.hold()
            pipeline.removeHandler(context: decoder).assumeIsolated().whenSuccess {
                // The leftover bytes were a read as well.
                context.fireChannelReadComplete()
                holder.release()
                pipeline.removeHandler(context: context, promise: nil)
            }
            context.flush()
            if self.isShuttingDown { context.fireUserInboundEventTriggered(WebSocketShutdownEvent()) }
        } catch {
            context.close(promise: nil)  // The channel was torn down meanwhile.
        }
    }

    /// Writes an answer, and ends the connection after it if the request, the answer or the client want that.
    private func write(_ answer: HTTPAnswer, to head: HTTPRequestHead?, mayKeep: Bool, _ context: ChannelHandlerContext) {
        // After a request to upgrade or for a tunnel the decoder takes no more for HTTP, whatever the answer was.
        let wantsUpgrade = head.map { $0.method == .CONNECT || $0.headers.contains(name: "Upgrade") } ?? true
        let isKept = mayKeep && !wantsUpgrade && !self.isShuttingDown && head?.isKeepAlive == true
        var headers = answer.headers
        headers.replaceOrAdd(name: "Content-Length", value: String(answer.body.readableBytes))
        headers.replaceOrAdd(name: "Connection", value: isKept ? "keep-alive" : "close")
        var response = context.channel.allocator.buffer(capacity: 256 + answer.body.readableBytes)
        response.writeHTTPHead(answer.status, headers)
        if head?.method != .HEAD { response.writeImmutableBuffer(answer.body) }
        if isKept {
            self.state = .waiting
            context.write(Self.wrapOutboundOut(response), promise: nil)
            self.endAfter(self.service.http.keepAliveTimeout, context)
        } else {
            self.state = .lingering
            // Of what the decoder takes no more for HTTP it would keep every byte.
            self.holder.discard()
            let written = context.eventLoop.makePromise(of: Void.self)
            // The client may still be sending. Ending both halves now would make TCP throw away the answer.
            written.futureResult.assumeIsolated().whenSuccess { context.close(mode: .output, promise: nil) }
            context.writeAndFlush(Self.wrapOutboundOut(response), promise: written)
            self.endAfter(self.service.http.lingerTimeout, context)
        }
    }

    private func endAfter(_ timeout: TimeAmount, _ context: ChannelHandlerContext) {
        self.deadline?.cancel()
        self.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { context.close(promise: nil) }
    }
}

extension ByteBuffer {
    /// Appends the status line and header fields of a response.
    fileprivate mutating func writeHTTPHead(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) {
        self.writeString("HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n")
        for (name, value) in headers {
            precondition(!name.utf8.contains { $0 < 0x21 } && !value.utf8.contains { $0 < 0x20 }, "a header field is one line")
            self.writeString("\(name): \(value)\r\n")
        }
        self.writeString("\r\n")
    }
}
