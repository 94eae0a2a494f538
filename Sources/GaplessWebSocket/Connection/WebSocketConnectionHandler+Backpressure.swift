import NIOCore

extension WebSocketConnectionHandler {
    var mayRead: Bool { !self.isPaused && !self.isOverBound }

    func releaseHeldRead() {
        guard self.mayRead, self.isReadHeld, let context = self.context else { return }
        self.isReadHeld = false
        context.read()
    }

    /// Stops reading while too much waits to be sent, whoever caused it.
    func holdReadsIfOverBound(_ context: ChannelHandlerContext) {
        guard self.isOpen, !context.channel.isWritable else { return }
        if self.bytesOutstanding > self.configuration.maxOutstandingBytes { self.isOverBound = true }
    }

    /// Bytes that the channel holds because the socket has not taken them. Looking also tells how far the socket has come.
    var bytesInChannel: Int {
        // All was taken when somebody last looked, and nothing was written since.
        if self.takenBytes == self.writtenBytes { return 0 }
        guard let context = self.context, let options = context.channel.syncOptions else { return 0 }
        // Fails only on a closed channel, which holds nothing.
        let waiting = (try? options.getOption(.bufferedWritableBytes)) ?? 0
        let taken = self.writtenBytes - waiting
        // With TLS what waits is longer than what was written, so `taken` may also fall; that is no progress.
        if taken > self.takenBytes { self.lastProgress = context.eventLoop.now }
        self.takenBytes = taken
        return waiting
    }

    /// After a flush somebody looks now and then whether the bytes move. One timer serves all flushes of its time.
    func scheduleStallCheck(_ context: ChannelHandlerContext) {
        guard self.stallCheck == nil, self.isOpen, let timeout = self.configuration.writeStallTimeout else { return }
        self.lastProgress = context.eventLoop.now
        self.scheduleStallCheck(context, timeout)
    }

    private func scheduleStallCheck(_ context: ChannelHandlerContext, _ timeout: TimeAmount) {
        self.stallCheck = context.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(max(1, timeout.nanoseconds / 4))) {
            self.checkStall(timeout)
        }
    }

    private func checkStall(_ timeout: TimeAmount) {
        self.stallCheck = nil
        guard self.isOpen, let context = self.context else { return }
        // All is taken; the next flush begins anew.
        guard self.bytesInChannel > 0 else { return }
        let duration = context.eventLoop.now - self.lastProgress
        if duration >= timeout { self.delegate?.writeStalled(for: duration) }
        guard self.isOpen else { return }
        self.scheduleStallCheck(context, timeout)
    }
}
