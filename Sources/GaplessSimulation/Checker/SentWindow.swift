import DequeModule
import GaplessCore

/// What is in flight on a connection in one direction, as the checker counts it.
struct SentWindow {
    private var sent: Deque<(number: SequenceNumber, bytes: Int)> = []
    private var bytes = 0
    var window = Window.defaultDownlink

    /// Whether one more message has to wait.
    var isFull: Bool { self.sent.count >= self.window.messages || self.bytes >= self.window.bytes }

    /// Whether the window takes the message now.
    func fits(_ message: StoredMessage) -> Bool {
        self.sent.isEmpty
            || (self.sent.count < self.window.messages && self.bytes + message.payload.count <= self.window.bytes)
    }

    /// False when more is in flight than the window allows; one message always may be.
    mutating func send(_ number: SequenceNumber, bytes: Int) -> Bool {
        self.sent.append((number, bytes))
        self.bytes += bytes
        return self.sent.count <= self.window.messages && (self.sent.count == 1 || self.bytes <= self.window.bytes)
    }

    mutating func send(_ message: StoredMessage) -> Bool {
        self.send(message.sequence, bytes: message.payload.count)
    }

    mutating func acknowledge(_ through: SequenceNumber) {
        while let first = self.sent.first, first.number <= through {
            self.bytes -= first.bytes
            self.sent.removeFirst()
        }
    }
}
