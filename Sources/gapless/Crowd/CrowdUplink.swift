import GaplessClient
import GaplessCore

/// Sends at a steady rate, from each client of a crowd in turn, whatever becomes of what was sent before.
///
/// A text is the client, a number, and the moment in nanoseconds since the UNIX epoch at which it *should* have been sent: being late here
/// counts as delay like being late anywhere else. Standard error tells `sent`, when the client has taken the text, and `confirmed`, when the
/// server has handled it.
struct CrowdUplink: Sendable {
    private let interval: Duration

    /// - Parameter rate: messages a second, of all clients together; above zero.
    init(rate: Double) {
        self.interval = .nanoseconds(Int64(1_000_000_000 / rate))
    }

    /// Sends until `end` returns, and returns when all that was sent is handled.
    func send(from members: [CrowdMember], until end: @escaping @Sendable () async -> Void) async throws {
        let (turns, turn) = AsyncStream.makeStream(of: Int.self)
        let began = (clock: ContinuousClock.now, wall: WallClock.nanoseconds)
        try await withThrowingDiscardingTaskGroup { tasks in
            // Owned by the group; ends when `end` returns.
            tasks.addTask { await self.tick(turn, from: began.clock, until: end) }
            for await number in turns {
                let member = members[number % members.count]
                let due = began.wall + Int((self.interval * number) / .nanoseconds(1))
                let text = "\(member.name) \(number) \(due)"
                // The order in which a client is given its texts is the order in which they have to be handled.
                let ticket = try await member.client.enqueue(Payload(text: text))
                StandardError.write("sent \(WallClock.nanoseconds) \(text)")
                tasks.addTask {
                    try await ticket.confirmed()
                    StandardError.write("confirmed \(WallClock.nanoseconds) \(text)")
                }
            }
        }
    }

    private func tick(
        _ turn: AsyncStream<Int>.Continuation,
        from began: ContinuousClock.Instant,
        until end: @escaping @Sendable () async -> Void
    ) async {
        await withTaskGroup { parts in
            parts.addTask { await end() }
            parts.addTask {
                var number = 0
                while (try? await Task.sleep(until: began + self.interval * number, tolerance: .zero)) != nil {
                    turn.yield(number)
                    number += 1
                }
            }
            await parts.next()
            parts.cancelAll()
        }
        turn.finish()
    }
}
