import DequeModule
import GaplessCore

/// What is in flight on a connection, as the checker counts it.
struct SentWindow {
    private var sent: Deque<(number: SequenceNumber, bytes: Int)> = []
    private var bytes = 0
    var window = Window.defaultDownlink

    /// False when more is in flight than the window allows.
    mutating func send(_ message: StoredMessage) -> Bool {
        self.sent.append((message.sequence, message.payload.count))
        self.bytes += message.payload.count
        return self.sent.count <= self.window.messages && (self.sent.count == 1 || self.bytes <= self.window.bytes)
    }

    mutating func acknowledge(_ through: SequenceNumber) {
        while let first = self.sent.first, first.number <= through {
            self.bytes -= first.bytes
            self.sent.removeFirst()
        }
    }
}
