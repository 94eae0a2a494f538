/// When each message of a crowd should be sent: at a steady rate from one moment on, whatever becomes of what was sent before.
struct CrowdSchedule: Hashable, Sendable {
    /// Nanoseconds of `MonotonicClock` at which message 0 is due.
    let began: Int
    /// Messages a second.
    let rate: Double

    /// When message `number` should be sent, in nanoseconds of `MonotonicClock`. No error adds up over the numbers.
    func due(_ number: Int) -> Int {
        self.began + Int(Double(number) * 1_000_000_000 / self.rate)
    }

    /// The numbers that are due at `now` and follow those below `next`: all that a late sender left out, each with its own due time.
    func overdue(from next: Int, now: Int) -> Range<Int> {
        guard self.due(next) <= now else { return next..<next }
        var end = max(next + 1, Int(Double(now - self.began) * self.rate / 1_000_000_000))
        while self.due(end) <= now { end += 1 }
        while self.due(end - 1) > now { end -= 1 }
        return next..<end
    }
}
