import GaplessCore
import Testing

@testable import GaplessSimulation

@Suite("Simulation: a connection withholds nothing of what it read")
struct ToldStreamTests {
    private var stream = ToldStream(after: SequenceNumber(2))
    private var window = SentWindow()

    init() {
        self.window.window = Window(messages: 2, bytes: 1_000)
    }

    private func message(_ number: UInt64) -> StoredMessage {
        StoredMessage(sequence: SequenceNumber(number), time: Timestamp(milliseconds: number), payload: Payload(text: "m\(number)"))
    }

    private func slice(_ numbers: [UInt64], through: UInt64) -> QueueSlice {
        QueueSlice(
            messages: numbers.map { self.message($0) },
            through: SequenceNumber(through),
            head: SequenceNumber(through),
            floor: .zero,
            overflowedThrough: .zero
        )
    }

    private mutating func send(_ number: UInt64) {
        _ = self.window.send(self.message(number))
        self.stream.sent(.message(self.message(number)))
    }

    private mutating func tellGap(_ first: UInt64, through last: UInt64) {
        self.stream.sent(.gap(Gap(SequenceRange(SequenceNumber(first), through: SequenceNumber(last)), reason: .expired)))
    }

    @Test("a message that the window takes is sent; one that it does not take waits")
    mutating func messages() {
        #expect(self.stream.withheld(of: self.slice([3, 4, 5], through: 5), self.window) == "message 3")
        self.send(3)
        #expect(self.stream.withheld(of: self.slice([3, 4, 5], through: 5), self.window) == "message 4")
        self.send(4)
        #expect(self.stream.withheld(of: self.slice([3, 4, 5], through: 5), self.window) == nil)
    }

    @Test("a gap is told though the window is full, before a message and at the end [R6.2-1, R6.2-5]")
    mutating func gaps() {
        self.send(3)
        self.send(4)
        #expect(self.stream.withheld(of: self.slice([8], through: 8), self.window) == "what is gone through 7")
        #expect(self.stream.withheld(of: self.slice([], through: 9), self.window) == "what is gone through 9")
        self.tellGap(5, through: 7)
        #expect(self.stream.withheld(of: self.slice([8], through: 8), self.window) == nil)
        self.tellGap(8, through: 9)
        #expect(self.stream.withheld(of: self.slice([], through: 9), self.window) == nil)
    }

    @Test("what the client acknowledged without being sent it here is left out, and after BYE nothing is sent")
    mutating func acknowledged() {
        self.stream.received(.acknowledge(through: SequenceNumber(4)))
        #expect(self.stream.withheld(of: self.slice([3, 4], through: 4), self.window) == nil)
        #expect(self.stream.withheld(of: self.slice([3, 4, 5], through: 5), self.window) == "message 5")
        #expect(self.stream.withheld(of: self.slice([3], through: 3), self.window) == nil, "the read is older than the ACK")
        self.stream.received(.bye)
        #expect(self.stream.withheld(of: self.slice([3, 4, 5], through: 5), self.window) == nil)
    }
}
