/// Lines that wait for the one who writes them: first come, first written, and whoever gives up takes his line back.
///
/// It holds the lines that wait and nothing of those that were taken back, however many they are.
struct WaitingLines<Line: Sendable>: Sendable {
    /// Names a line that was added.
    typealias Ticket = UInt64

    private var lines: [Ticket: Line] = [:]
    /// No line before this one waits.
    private var first: Ticket = 0
    private var next: Ticket = 0
    /// Whether somebody takes lines until there are none.
    private var isWriting = false

    /// How many lines wait.
    var count: Int { self.lines.count }

    /// Puts a line behind all others; says whether a writer has to be woken, which then takes lines until there are none.
    mutating func add(_ line: Line) -> (ticket: Ticket, wakesWriter: Bool) {
        let ticket = self.next
        self.next += 1
        self.lines[ticket] = line
        let wakesWriter = !self.isWriting
        self.isWriting = true
        return (ticket, wakesWriter)
    }

    /// The line that waits longest; nil when there is none, and then the writer's work is done.
    mutating func take() -> Line? {
        if self.lines.isEmpty { self.first = self.next }
        while self.first < self.next {
            defer { self.first += 1 }
            if let line = self.lines.removeValue(forKey: self.first) { return line }
        }
        self.isWriting = false
        return nil
    }

    /// Drops a line, unless it was taken.
    mutating func withdraw(_ ticket: Ticket) {
        self.lines[ticket] = nil
    }
}
