// How much a node has to do, and how fast it takes clients (Protocol.md §5.1).
extension NodeLogic {
    /// The shell measured the process; it does so each second.
    package mutating func sampled(_ sample: LoadSample, now: Instant, into output: inout NodeOutput) {
        let connections = LoadSample.perMille(self.connectionCount, of: self.configuration.maxConnections)
        if self.load.sampled(sample, connections: connections) { self.heartbeats.hurry(now: now) }
        // What becomes too much is told to people when it is known whether clients can go elsewhere.
        if !self.load.isOver { self.tellLoad(now: now, into: &output) }
        self.beginHeartbeat(now: now, into: &output)
    }

    /// A heartbeat told of the others; may clients be sent to them? [R5.1-9]
    mutating func weighReadiness(now: Instant, into output: inout NodeOutput) {
        self.load.heard(hasSpare: self.fleet.hasSpare, now: now)
        self.tellLoad(now: now, into: &output)
    }

    private mutating func tellLoad(now: Instant, into output: inout NodeOutput) {
        guard let news = self.load.news(now: now) else { return }
        output.effects.append(.observe(.loaded(over: news.over, sheds: news.sheds)))
    }

    /// How much the node has to do.
    package func loadReport(now: Instant) -> NodeLoad {
        NodeLoad(
            connections: self.connectionCount,
            attached: self.attachedCount,
            capacity: self.configuration.maxConnections,
            sample: self.load.sample,
            over: self.load.over,
            readiness: self.readiness(now: now)
        )
    }

    // MARK: Pace

    /// A WebSocket was opened on a loop; it is closed at once when its address has too many. [R5.1-8]
    ///
    /// - Parameter remote: where the connection comes from, by its socket; what a proxy says about that is not believed.
    package mutating func opened(loop: Int, from remote: RemoteAddress, into output: inout NodeOutput) -> ConnectionAddress {
        let address = self.opened(loop: loop)
        if !self.addresses.open(address.id, from: remote) {
            let (retryAfter, jitter) = (self.configuration.retryAfter, self.configuration.retryJitter)
            let message = "Too many connections come from this address."
            output.tell(address, .close(SessionEnding(.rateLimited, message, retryAfter: retryAfter, jitter: jitter)))
        }
        return address
    }

    /// Whether a `HELLO` is heard, before the store is touched: as `admit` says, and not faster than the pace. [R5.1-3, R5.1-4, R5.1-6, R5.1-8]
    package mutating func hear(authentications: Int, now: Instant) -> Admission {
        let admission = self.admit(authentications: authentications, now: now)
        guard admission == .accepted, let wait = self.pace.take(now: now) else { return admission }
        return .refused(SessionEnding(.rateLimited, "Too many clients come at once.", retryAfter: wait, jitter: self.pace.jitter))
    }
}
