import GaplessCore
import Metrics

/// What one connection adds to the metrics. It lives with its connection on one event loop, and counts a batch at a time.
struct ConnectionTally {
    /// When `HELLO` came.
    private var greeted: Instant?
    /// The newest message that was stored when the client attached.
    private var head = SequenceNumber.zero
    private var delivered = 0
    private var replayed = 0

    /// `HELLO` came.
    mutating func greeted(now: Instant) {
        self.greeted = now
    }

    /// A frame was written. It counts when the batch has ended.
    mutating func sent(_ frame: ServerFrame) {
        switch frame {
        case .message(let message):
            self.delivered += 1
            if message.sequence <= self.head { self.replayed += 1 }
        case .welcome(let welcome): self.head = welcome.head
        case .acknowledge, .gap, .ping, .pong, .authenticate, .authenticated, .drain, .error: break
        }
    }

    /// All frames of a batch were written.
    mutating func batchEnded(_ metrics: ServerMetrics) {
        if self.delivered > 0 { metrics.delivered.increment(by: Int64(self.delivered)) }
        if self.replayed > 0 { metrics.replayed.increment(by: Int64(self.replayed)) }
        (self.delivered, self.replayed) = (0, 0)
    }

    /// Something worth telling happened.
    func observed(_ observation: SessionObservation, now: @autoclosure () -> Instant, _ metrics: ServerMetrics) {
        switch observation {
        case .attached(_, let attachment):
            if let greeted { metrics.attached(attachment.resume, after: now() - greeted) }
        case .gap(_, let gap):
            metrics.gap(gap.reason)
        case .delivered:
            break
        case .closed(_, let code, _, let phase):
            metrics.closed(code)
            if phase == .greeting { metrics.refused(code) }
        case .lost(_, by: .peer, .greeting):
            metrics.leftUnanswered()
        case .lost:
            break
        }
        if let move = observation.move { metrics.ended(move) }
    }
}
