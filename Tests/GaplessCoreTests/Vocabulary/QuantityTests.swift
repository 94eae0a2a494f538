import GaplessCore
import Testing

@Suite("Numbers, times and windows")
struct QuantityTests {
    @Test("A sequence number ends at 2^53-1")
    func sequenceNumbers() {
        #expect(SequenceNumber(exactly: 0) == .zero)
        #expect(SequenceNumber(exactly: Limits.maxInteger) == .max)
        #expect(SequenceNumber(exactly: Limits.maxInteger + 1) == nil)
        #expect(SequenceNumber.zero.next == .first)
        #expect(SequenceNumber.first.previous == .zero)
        #expect(SequenceNumber(7).advanced(by: 3) == SequenceNumber(10))
        #expect(SequenceRange(.first, through: .max).count == Limits.maxInteger)
        #expect(SequenceRange(SequenceNumber(4), through: SequenceNumber(4)).count == 1)
        #expect(SequenceRange(SequenceNumber(4), through: SequenceNumber(6)).description == "4-6")
    }

    @Test("A time of any length that a peer can name is kept, and no sum of times crashes")
    func longTimes() {
        let longest = Duration.milliseconds(Limits.maxInteger)
        #expect(longest.milliseconds == Int64(Limits.maxInteger))
        #expect(longest.nanoseconds == .max)
        #expect((Instant(nanoseconds: 5) + longest).nanoseconds == .max)
        #expect((Instant(nanoseconds: -5) + (.zero - longest)).nanoseconds == .min)
        #expect((Instant(nanoseconds: .max) - Instant(nanoseconds: .min)).nanoseconds == .max)
        #expect((Instant(nanoseconds: .min) - Instant(nanoseconds: .max)).nanoseconds == .min)
        #expect((Timestamp(milliseconds: Limits.maxInteger) + longest).milliseconds == Limits.maxInteger)
        #expect(Duration.seconds(Int64.max).milliseconds == .max)
        #expect(Duration.seconds(Int64.min).milliseconds == .min)
        #expect(Duration.seconds(Int64.min).nanoseconds == .min)
    }

    @Test("A duration is cut towards zero")
    func cuts() {
        #expect(Duration.microseconds(1_999).milliseconds == 1)
        #expect(Duration.microseconds(-1_999).milliseconds == -1)
        #expect(Duration.milliseconds(1_500).nanoseconds == 1_500_000_000)
    }

    @Test("A narrowed window is the smaller in each dimension")
    func windows() {
        let narrowed = Window(messages: 256, bytes: 10).narrowed(to: Window(messages: 32, bytes: 20))
        #expect(narrowed == Window(messages: 32, bytes: 10))
    }

    @Test("A queue may be kept for no time at all after detach")
    func keep() {
        #expect(RetentionPolicy(keep: .zero).keep == .zero)
    }
}
