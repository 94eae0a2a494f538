import DequeModule

/// Which uplink messages of one connection are taken, and what is acknowledged (Protocol.md §7).
package struct UplinkReceiver: Hashable, Sendable {
    /// What to do with an uplink message.
    package enum Verdict: Hashable, Sendable {
        /// The next one: hand it to the lane.
        case deliver(OutboxID)
        /// Handled before: acknowledge through the mark, hand over nothing. [R7.2-2]
        case acknowledge(through: SequenceNumber)
        /// Not the next one, or no outbox: 4401. [R7.2-5]
        case outOfOrder(String)
        /// More in flight than the window allows: 4401. [R7.3-2]
        case overWindow
    }

    private struct InFlight: Hashable, Sendable {
        let number: SequenceNumber
        let bytes: UInt64
    }

    private let outbox: OutboxID?
    private let window: Window
    /// The highest number handled.
    package private(set) var mark: SequenceNumber
    /// The highest number received here; nil before the first.
    private var received: SequenceNumber?
    private var inFlight = Deque<InFlight>()
    private var bytesInFlight: UInt64 = 0

    /// Begins at the mark that `WELCOME` tells; without an outbox nothing is taken.
    package init(outbox: OutboxID?, mark: SequenceNumber, window: Window) {
        self.outbox = outbox
        self.mark = mark
        self.window = window
    }

    /// Messages received and not acknowledged.
    package var messagesInFlight: Int { self.inFlight.count }

    /// Judges a message.
    package mutating func receive(_ number: SequenceNumber, bytes: Int) -> Verdict {
        guard let outbox else { return .outOfOrder("HELLO named no outbox.") }
        if let received {
            guard number > .first, number.previous == received else {
                return .outOfOrder("MSG \(number) does not follow \(received).")
            }
        } else if number > self.mark, number.previous > self.mark {
            return .outOfOrder("MSG \(number) is above the mark, \(self.mark), plus 1.")
        }
        self.received = number
        guard number > self.mark else { return .acknowledge(through: self.mark) }
        let bytes = UInt64(bytes)
        let isAlone = self.inFlight.isEmpty
        guard isAlone || (UInt64(self.inFlight.count) < self.window.messages && self.bytesInFlight + bytes <= self.window.bytes) else {
            return .overWindow
        }
        self.inFlight.append(InFlight(number: number, bytes: bytes))
        self.bytesInFlight += bytes
        return .deliver(outbox)
    }

    /// The mark is committed through the number; returns whether that is news to be acknowledged. [R7.2-3]
    package mutating func handled(through number: SequenceNumber) -> Bool {
        guard number > self.mark else { return false }
        self.mark = number
        while let oldest = self.inFlight.first, oldest.number <= number {
            self.bytesInFlight -= oldest.bytes
            self.inFlight.removeFirst()
        }
        return true
    }
}
