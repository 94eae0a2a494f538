import NIOCore

extension WebSocketConnectionHandler {
    /// Writes what was batched and our Close, the last frame, and gives the peer `closeTimeout` from now.
    func writeClose(_ code: WebSocketCloseCode?, reason: String) {
        guard let context = self.context else { return }
        var batch = self.batch.take() ?? context.channel.allocator.buffer(capacity: 128)
        var random = SystemRandomNumberGenerator()
        self.encoder.writeClose(code, reason: reason, into: &batch, using: &random)
        self.batch = batch
        self.unansweredPing = nil
        self.closeDeadline = context.eventLoop.assumeIsolated().scheduleTask(in: self.configuration.closeTimeout) {
            self.context?.close(promise: nil)
        }
        // The peer's Close must be read even if the delegate had paused, or if the peer took too little.
        self.isPaused = false
        self.isOverBound = false
        self.releaseHeldRead()
        // Last, since the connection may end with it.
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenSuccess {
            self.isCloseWritten = true
            self.windDown()
        }
        self.flushBatch(promise: written)
    }

    /// The peer's Close came.
    func peerClosed(_ code: WebSocketCloseCode?, reason: String) {
        let isAnswer = if case .closeSent = self.state { true } else { false }
        self.state = .closeReceived
        self.note(WebSocketClosure(code: code, reason: reason, isClean: true, error: nil))
        if isAnswer {
            self.windDown()
        } else {
            self.writeClose(code, reason: "")
        }
        // Behind the answer, since whoever hears it may end the process.
        self.announceClosure()
    }

    /// The peer broke a rule; its frames cannot be read any more.
    func violated(_ violation: WebSocketViolation) {
        guard self.isOpen else {
            // Our Close is out already; there is nothing more to say.
            self.state = .failed
            self.windDown()
            return
        }
        let answer = self.delegate?.violation(violation) ?? (code: violation.closeCode, reason: violation.message)
        // The delegate may have closed or aborted by itself.
        guard self.isOpen else {
            if case .closeSent = self.state { self.state = .failed }
            self.windDown()
            return
        }
        self.state = .failed
        self.writeClose(answer.code, reason: answer.reason)
    }

    /// The peer has ended its half of TCP: no byte will come any more.
    func inputClosed() {
        self.isInputClosed = true
        self.decodeUnread()
        switch self.state {
        case .open, .idle: self.context?.close(promise: nil)
        case .closeSent, .closeReceived, .failed: self.windDown()
        case .closed: break
        }
    }

    /// Ends TCP as far as it is time to. The server goes first; who cannot read the peer's Close any more ends its own half only, so that
    /// the peer sees our Close before anything else.
    func windDown() {
        guard let context = self.context, self.isCloseWritten else { return }
        switch self.state {
        case .idle, .open, .closed:
            break
        case .closeSent:
            if self.isInputClosed { context.close(promise: nil) }
        case .closeReceived:
            if self.role == .server || self.isInputClosed { context.close(promise: nil) }
        case .failed:
            if self.isInputClosed { context.close(promise: nil) } else { context.close(mode: .output, promise: nil) }
        }
    }

    /// TCP is gone.
    func tcpEnded() {
        if case .closed = self.state { return }
        // Who never heard of the beginning does not hear of the end.
        if case .idle = self.state { self.delegate = nil }
        self.state = .closed
        self.closeDeadline?.cancel()
        self.stallCheck?.cancel()
        self.closeDeadline = nil
        self.stallCheck = nil
        self.unread = nil
        self.batch = nil
        self.unansweredPing = nil
        self.note(WebSocketClosure(code: nil, reason: "", isClean: false, error: self.error))
        self.announceClosure()
    }

    /// Keeps how the connection ended, the first time.
    private func note(_ closure: WebSocketClosure) {
        if self.closure == nil, self.delegate != nil { self.closure = closure }
    }

    /// Tells the delegate, now or in a later turn.
    private func announceClosure() {
        guard self.closure != nil, self.delegate != nil else { return }
        if self.depth > 0 { self.deliverLater() } else { self.tellClosed() }
    }

    func tellClosed() {
        guard let closure = self.closure, let delegate = self.delegate.take() else { return }
        delegate.connectionClosed(closure)
    }
}
