import GaplessCore
import Metrics

/// What one connection adds to the metrics. It lives with its connection on one event loop, and counts a batch at a time.
struct ConnectionTally {
    /// When `HELLO` came, while it is not answered.
    private var greeted: Instant?
    /// The newest message that was stored when the client attached.
    private var head = SequenceNumber.zero
    private var isMoving = false

    /// `HELLO` came.
    mutating func greeted(now: Instant) {
        self.greeted = now
    }

    /// A batch of frames was written.
    mutating func sent(_ frames: [ServerFrame], _ metrics: ServerMetrics) {
        var (delivered, replayed) = (0, 0)
        for frame in frames {
            switch frame {
            case .message(let message):
                delivered += 1
                if message.sequence <= self.head { replayed += 1 }
            case .welcome(let welcome): self.head = welcome.head
            case .drain: self.isMoving = true
            case .acknowledge, .gap, .ping, .pong, .authenticate, .authenticated, .error: break
            }
        }
        if delivered > 0 { metrics.delivered.increment(by: Int64(delivered)) }
        if replayed > 0 { metrics.replayed.increment(by: Int64(replayed)) }
    }

    /// Something worth telling happened.
    mutating func observed(_ observation: SessionObservation, now: Instant, _ metrics: ServerMetrics) {
        switch observation {
        case .attached(_, let attachment):
            if let greeted { metrics.attached(attachment.resume, after: now - greeted) }
            self.greeted = nil
        case .gap(_, let gap):
            metrics.gap(gap.reason)
        case .delivered:
            break
        case .closed(_, let code, _):
            metrics.closed(code)
            if self.greeted != nil { metrics.refused(code) }
            self.greeted = nil
            self.moved(code == .superseded ? .moved : .closed, metrics)
        }
    }

    /// The socket is gone.
    mutating func closed(_ metrics: ServerMetrics) {
        self.moved(.left, metrics)
    }

    private mutating func moved(_ move: ServerMetrics.Move, _ metrics: ServerMetrics) {
        if self.isMoving { metrics.ended(move) }
        self.isMoving = false
    }
}
