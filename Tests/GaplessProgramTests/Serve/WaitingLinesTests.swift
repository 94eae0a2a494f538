import Testing

@testable import gapless

/// Lines that wait for the one who writes them.
@Suite struct WaitingLinesTests {
    /// Takes lines until there are none.
    private static func takeAll<Line>(_ lines: inout WaitingLines<Line>) -> [Line] {
        var taken: [Line] = []
        while let line = lines.take() { taken.append(line) }
        return taken
    }

    @Test func whoComesFirstIsTakenFirst() {
        var lines = WaitingLines<String>()
        for line in ["a", "b", "c"] { _ = lines.add(line) }
        let taken = Self.takeAll(&lines)
        #expect(taken == ["a", "b", "c"])
    }

    @Test func aWriterIsWokenOnceUntilItsWorkIsDone() {
        var lines = WaitingLines<String>()
        var wakes = [lines.add("a").wakesWriter, lines.add("b").wakesWriter]
        _ = lines.take()
        wakes.append(lines.add("c").wakesWriter)
        let taken = Self.takeAll(&lines)
        wakes.append(lines.add("d").wakesWriter)
        #expect(taken == ["b", "c"])
        #expect(wakes == [true, false, false, true])
    }

    @Test func whatIsTakenBackLeavesNothing() {
        var lines = WaitingLines<Int>()
        _ = lines.add(-1)
        _ = lines.take()
        for number in 0..<1_000 {
            let (ticket, _) = lines.add(number)
            lines.withdraw(ticket)
        }
        #expect(lines.count == 0)
        _ = lines.add(1_000)
        let taken = Self.takeAll(&lines)
        #expect(taken == [1_000])
    }

    @Test func aLineThatWasTakenCannotBeTakenBack() {
        var lines = WaitingLines<String>()
        let (ticket, _) = lines.add("a")
        _ = lines.add("b")
        let first = lines.take()
        lines.withdraw(ticket)
        let rest = Self.takeAll(&lines)
        #expect(first == "a" && rest == ["b"])
    }
}
