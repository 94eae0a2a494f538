import GaplessCore
import Testing

@testable import GaplessSimulation

@Suite("Simulation: time, luck and traces")
struct PartsTests {
    private func moment(_ milliseconds: Int64) -> Instant { World.start + .milliseconds(milliseconds) }

    @Test("events happen by time, and those of one moment in the order in which they were arranged")
    func eventOrder() {
        var queue = EventQueue()
        var seen: [Int] = []
        for (number, time) in [5, 1, 3, 1, 5, 1].enumerated() {
            queue.schedule(at: self.moment(Int64(time))) { seen.append(number) }
        }
        #expect(queue.nextTime == self.moment(1))
        var times: [Instant] = []
        while let (time, action) = queue.popFirst() {
            times.append(time)
            action()
        }
        #expect(seen == [1, 3, 5, 2, 0, 4])
        #expect(times == times.sorted() && queue.nextTime == nil)
    }

    @Test("a stream of luck depends on its seed, its name and its keys, and on no other stream")
    func streams() {
        func draws(_ random: SeededRandom) -> [UInt64] {
            var random = random
            return (0..<4).map { _ in random.next() }
        }
        let stream = draws(SeededRandom(seed: 1, stream: "link", 2, 3))
        #expect(stream == draws(SeededRandom(seed: 1, stream: "link", 2, 3)))
        #expect(stream != draws(SeededRandom(seed: 2, stream: "link", 2, 3)))
        #expect(stream != draws(SeededRandom(seed: 1, stream: "lint", 2, 3)))
        #expect(stream != draws(SeededRandom(seed: 1, stream: "link", 3, 2)))
        #expect(Set(stream).count == 4)
    }

    @Test("latencies stay within their range, and most are short")
    func latencies() {
        var random = SeededRandom(seed: 7, stream: "latency")
        let draws = (0..<1_000).map { _ in random.latency(1_000...100_000).microseconds }
        #expect(draws.allSatisfy { (1_000...100_000).contains($0) })
        #expect(draws.count { $0 < 50_000 } > 600)
        let exact = random.latency(5...5)
        #expect(exact == .microseconds(5))
    }

    @Test("a chance of 1,000 in 1,000 always happens, one of none never")
    func chances() {
        var random = SeededRandom(seed: 7, stream: "chance")
        let (always, never) = ((0..<100).map { _ in random.happens(1_000) }, (0..<100).map { _ in random.happens(0) })
        #expect(!always.contains(false) && !never.contains(true))
    }

    @Test("a fingerprint tells what happened, to whom, when and in which order")
    func fingerprints() {
        func fingerprint(_ notes: [(Trace.Kind, Int64, UInt64)]) -> UInt64 {
            var trace = Trace(keepsLines: false)
            for (kind, time, number) in notes { trace.note(kind, at: self.moment(time), number, 0, "") }
            return trace.fingerprint
        }
        let one = fingerprint([(.handed, 1, 2), (.saved, 3, 4)])
        #expect(one == fingerprint([(.handed, 1, 2), (.saved, 3, 4)]))
        #expect(one != fingerprint([(.saved, 3, 4), (.handed, 1, 2)]))
        #expect(one != fingerprint([(.handed, 2, 2), (.saved, 3, 4)]))
        #expect(one != fingerprint([(.handed, 1, 3), (.saved, 3, 4)]))
        #expect(one != fingerprint([(.died, 1, 2), (.saved, 3, 4)]))
    }

    @Test("time lines: what was made before a branch is there on both sides, what was made after it on one")
    func timeLines() {
        var lines = TimeLines()
        #expect(!lines.hasBranches)
        let first = lines.branch(from: 0, at: 10)
        let second = lines.branch(from: first, at: 15)
        #expect(lines.hasBranches)
        #expect(lines.isVisible(10, of: 0, on: first) && lines.isVisible(10, of: 0, on: second))
        #expect(!lines.isVisible(11, of: 0, on: first) && lines.isVisible(11, of: 0, on: 0))
        #expect(lines.isVisible(15, of: first, on: second) && !lines.isVisible(16, of: first, on: second))
        #expect(!lines.isVisible(1, of: second, on: first))
        // The way to the root passes the lowest of the branches.
        let third = lines.branch(from: second, at: 5)
        #expect(!lines.isVisible(6, of: 0, on: third) && lines.isVisible(5, of: 0, on: third))
    }

    @Test("a clock may be believed at once for a few seconds, for more after it held, and by whoever starts")
    func believableClock() {
        var clock = BelievableClock(nodes: 2)
        func lead(at time: Int64) -> Int64 { clock.lead(now: self.moment(time)) }
        clock.move(0, by: 9_000, now: self.moment(0))
        var leads = [lead(at: 0)]
        clock.move(0, by: 600_000, now: self.moment(1_000))
        leads += [lead(at: 60_000), lead(at: 61_000)]
        clock.move(1, by: 3_600_000, now: self.moment(70_000))
        clock.move(1, by: -3_600_000, now: self.moment(80_000))
        leads.append(lead(at: 200_000))
        clock.move(1, by: 3_600_000, now: self.moment(200_000))
        clock.start(1)
        leads.append(lead(at: 200_000))
        #expect(leads == [9_000, 9_000, 609_000, 609_000, 3_600_000])
    }

    @Test("a window counts messages and bytes; one message always fits")
    func sentWindow() {
        var sent = SentWindow()
        sent.window = Window(messages: 2, bytes: 10)
        var fits = [sent.send(SequenceNumber(1), bytes: 50)]
        #expect(sent.isFull)
        fits.append(sent.send(SequenceNumber(2), bytes: 1))
        sent.acknowledge(SequenceNumber(2))
        for number in UInt64(3)...5 { fits.append(sent.send(SequenceNumber(number), bytes: number == 5 ? 0 : 5)) }
        #expect(fits == [true, false, true, true, false])
    }

    @Test("counters add up, and name what never happened")
    func counters() {
        var counters = Counters()
        #expect(counters.missing.count == Counters.Kind.allCases.count)
        counters.count(.cut)
        var other = Counters()
        other.count(.cut)
        other.count(ending: .superseded)
        counters.add(other)
        #expect(counters[.cut] == 2 && counters[.superseded] == 1 && counters[.twin] == 0)
        #expect(!counters.missing.contains(.cut) && counters.missing.contains(.twin))
    }
}
