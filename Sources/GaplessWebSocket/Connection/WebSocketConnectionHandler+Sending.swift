package import NIOCore

extension WebSocketConnectionHandler {
    /// The loop that all calls to and from this connection are made on.
    package var eventLoop: any EventLoop {
        guard let loop = self.loop else { preconditionFailure("a connection has an event loop once it is opened") }
        return loop
    }

    /// The peer's address as the socket sees it; behind a balancer that is the balancer.
    package var remoteAddress: SocketAddress? { self.context?.channel.remoteAddress }

    /// Whether messages can be sent.
    package var isOpen: Bool {
        if case .open = self.state { true } else { false }
    }

    /// Whether there is room: what waits for the flush and what the socket has not taken are below the high-water mark.
    ///
    /// Messages sent when this is false are not lost, they use memory.
    package var isWritable: Bool {
        guard self.isOpen, let context = self.context else { return false }
        return context.channel.isWritable && (self.batch?.readableBytes ?? 0) <= self.configuration.highWaterBytes
    }

    /// The most bytes of an inbound message. May be changed at any time; it holds from the next frame on.
    package var maxMessageBytes: Int {
        get { self.decoder.maxMessageBytes }
        set { self.decoder.maxMessageBytes = newValue }
    }

    /// Adds a message to the batch; the closure writes its payload straight behind the frame's header, and only appends.
    ///
    /// Does nothing once the connection is closing: a race that the sender cannot see.
    ///
    /// - Parameter expectedBytes: a guess of the length of the payload; a good one saves moving it.
    package func send(_ kind: WebSocketMessageKind, expectedBytes: Int = 64, _ encode: (inout ByteBuffer) -> Void) {
        guard self.isOpen, let context = self.context else { return }
        var batch = self.takeBatch(context, room: expectedBytes)
        var random = SystemRandomNumberGenerator()
        self.encoder.write(kind.opcode, expectedBytes: expectedBytes, into: &batch, using: &random, encode: encode)
        self.keepBatch(batch)
    }

    /// Adds a message whose payload exists already.
    package func send(_ kind: WebSocketMessageKind, _ payload: ByteBuffer) {
        guard self.isOpen, let context = self.context else { return }
        var batch = self.takeBatch(context, room: payload.readableBytes)
        var random = SystemRandomNumberGenerator()
        self.encoder.write(kind.opcode, payload: payload, into: &batch, using: &random)
        self.keepBatch(batch)
    }

    /// Writes the batch to the socket. Not needed inside the calls of a read, which ends with a flush.
    package func flush() {
        self.called { self.flushBatch() }
    }

    /// Ends the connection with this code, after what was batched. Does nothing when it is closing already.
    package func close(_ code: WebSocketCloseCode, reason: String = "") {
        self.called {
            guard self.isOpen else { return }
            self.state = .closeSent
            self.decoder.discardMessages()
            self.writeClose(code, reason: reason)
        }
    }

    /// Ends the TCP connection at once, without a Close.
    package func abort() {
        self.called { self.context?.close(promise: nil) }
    }

    /// Stops reading from the socket. A few messages may still come: those that were read already.
    package func pauseReading() {
        // Once closing, the peer's Close must be read.
        if self.isOpen { self.isPaused = true }
    }

    /// Reads again.
    package func resumeReading() {
        self.called {
            self.isPaused = false
            self.releaseHeldRead()
        }
    }

    /// Bytes that were sent and that the socket has not taken, those that wait for the flush included.
    package var bytesOutstanding: Int { (self.batch?.readableBytes ?? 0) + self.bytesInChannel }

    /// When the socket last took a byte, as far as was looked; the time of this call when nothing waits.
    package var lastWriteProgress: NIODeadline {
        self.bytesInChannel == 0 ? self.context?.eventLoop.now ?? self.lastProgress : self.lastProgress
    }
}

extension WebSocketConnectionHandler {
    /// Runs a call of the delegate; what it brings about is told to the delegate in a later turn.
    private func called(_ body: () -> Void) {
        self.depth += 1
        body()
        self.depth -= 1
    }

    private func takeBatch(_ context: ChannelHandlerContext, room: Int) -> ByteBuffer {
        // Taken out and put back: with two owners each write would copy the batch.
        self.batch.take() ?? context.channel.allocator.buffer(capacity: max(256, room + WebSocketFrameHeader.maxBytes))
    }

    private func keepBatch(_ batch: consuming ByteBuffer) {
        precondition(self.batch == nil, "an encode closure does not send")
        if batch.readableBytes > self.configuration.highWaterBytes { self.owesWritable = true }
        self.batch = batch
    }

    /// Writes the batch. What the delegate is to be told because of it is told in a later turn of the loop: a delegate that always has
    /// more to send neither recurses nor keeps the loop from its other connections.
    func flushBatch(promise: EventLoopPromise<Void>? = nil) {
        guard let context = self.context, let batch = self.batch.take() else {
            promise?.succeed()
            return
        }
        self.writtenBytes += batch.readableBytes
        self.called { context.writeAndFlush(Self.wrapOutboundOut(batch), promise: promise) }
        self.scheduleStallCheck(context)
        if !self.isWritable { self.owesWritable = true }
        if self.isOpen, self.owesWritable { self.deliverLater() }
    }

    /// Answers the last Ping once the socket has room; until then no Pong is made.
    func answerPing() {
        guard self.isOpen, let context = self.context, context.channel.isWritable, let payload = self.unansweredPing.take() else { return }
        var batch = self.takeBatch(context, room: payload.readableBytes)
        var random = SystemRandomNumberGenerator()
        self.encoder.write(.pong, payload: payload, into: &batch, using: &random)
        self.keepBatch(batch)
    }

    /// The socket has taken bytes or is full.
    func writabilityChanged() {
        if self.depth > 0 { return self.deliverLater() }
        self.answerPing()
        self.tellWritability()
        self.flushBatch()
        if self.isOverBound, self.context?.channel.isWritable == true {
            self.isOverBound = false
            self.releaseHeldRead()
        }
    }

    private func tellWritability() {
        guard self.isOpen else { return }
        if self.isWritable {
            guard self.owesWritable else { return }
            self.owesWritable = false
            self.toldWritable = true
            self.delegate?.writabilityChanged(true)
        } else {
            self.owesWritable = true
            guard self.toldWritable else { return }
            self.toldWritable = false
            self.delegate?.writabilityChanged(false)
        }
    }

    func deliverLater() {
        guard !self.isDeliveryScheduled, let context = self.context else { return }
        self.isDeliveryScheduled = true
        context.eventLoop.assumeIsolated().execute {
            self.isDeliveryScheduled = false
            self.writabilityChanged()
            self.tellClosed()
        }
    }
}
