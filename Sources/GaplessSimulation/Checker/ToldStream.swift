import GaplessCore

/// How far a connection told its client of the queue, to see whether it withholds something.
struct ToldStream {
    /// Everything through this number was sent here, or told to be gone, or handled before.
    private var told: SequenceNumber
    private var acknowledged: SequenceNumber
    /// Whether `BYE` came, after which nothing is sent.
    private var isLeft = false

    /// A stream that begins behind a number.
    init(after: SequenceNumber) {
        self.told = after
        self.acknowledged = after
    }

    mutating func sent(_ frame: ServerFrame) {
        switch frame {
        case .message(let message): self.told = message.sequence
        case .gap(let gap): self.told = gap.range.last
        case .welcome, .acknowledge, .ping, .pong, .authenticate, .authenticated, .drain, .error: break
        }
    }

    mutating func received(_ frame: ClientFrame) {
        switch frame {
        case .acknowledge(let through): self.acknowledged = max(self.acknowledged, through)
        case .bye: self.isLeft = true
        case .hello, .message, .ping, .pong, .authenticate: break
        }
    }

    /// What of a stretch that was read is not sent though nothing stands against it: a gap, or a message that the window takes; nil when
    /// nothing is. [R6.2-1, R6.2-5, R6.4-1]
    func withheld(of slice: QueueSlice, _ window: SentWindow) -> String? {
        guard !self.isLeft, self.acknowledged <= slice.head else { return nil }
        let reached = max(self.told, self.acknowledged)
        guard let next = slice.messages.first(where: { $0.sequence > reached }) else {
            return reached < slice.through ? "what is gone through \(slice.through)" : nil
        }
        guard next.sequence == reached.next else { return "what is gone through \(next.sequence.previous)" }
        return window.fits(next) ? "message \(next.sequence)" : nil
    }
}
