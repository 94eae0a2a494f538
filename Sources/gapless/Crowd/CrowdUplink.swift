import GaplessClient
import GaplessCore

/// Sends at a steady rate, from each client of a crowd in turn, whatever becomes of what was sent before.
///
/// A text is the client, a number, and the moment of `MonotonicClock` at which it *should* have been sent: being late here counts as delay like
/// being late anywhere else. What was due when the end came is still sent. Standard error tells `sent`, when the client has taken the text, and
/// `confirmed`, when the server has handled it.
struct CrowdUplink: Sendable {
    /// Messages a second, of all clients together; above zero.
    let rate: Double

    /// Sends until `end` returns, and returns when all that was sent is handled.
    func send(from members: [CrowdMember], until end: @escaping @Sendable () async -> Void) async throws {
        let (turns, turn) = AsyncStream.makeStream(of: Int.self)
        let schedule = CrowdSchedule(began: MonotonicClock.nanoseconds, rate: self.rate)
        try await withThrowingDiscardingTaskGroup { tasks in
            // Owned by the group; ends when `end` returns.
            tasks.addTask { await self.tick(turn, schedule, until: end) }
            for await number in turns {
                let member = members[number % members.count]
                let text = "\(member.name) \(number) \(schedule.due(number))"
                // The order in which a client is given its texts is the order in which they have to be handled.
                let ticket = try await member.client.enqueue(Payload(text: text))
                StandardError.write("sent \(MonotonicClock.nanoseconds) \(text)")
                tasks.addTask {
                    try await ticket.confirmed()
                    StandardError.write("confirmed \(MonotonicClock.nanoseconds) \(text)")
                }
            }
        }
    }

    private func tick(
        _ turn: AsyncStream<Int>.Continuation,
        _ schedule: CrowdSchedule,
        until end: @escaping @Sendable () async -> Void
    ) async {
        await withTaskGroup { parts in
            parts.addTask { await end() }
            parts.addTask {
                var next = 0
                while true {
                    let due = schedule.overdue(from: next, now: MonotonicClock.nanoseconds)
                    for number in due { turn.yield(number) }
                    next = due.upperBound
                    let wait = Duration.nanoseconds(max(0, schedule.due(next) - MonotonicClock.nanoseconds))
                    guard (try? await Task.sleep(for: wait, tolerance: .zero)) != nil else { return }
                }
            }
            await parts.next()
            parts.cancelAll()
        }
        turn.finish()
    }
}
