import GaplessCore

// Protocol.md §6.3.
extension ClientConformance {
    static let acknowledging: [Check<ClientBench>] = [
        .watch("R6.3-1", "nothing is acknowledged that did not come"),
        Check("R6.3-1", "what is not handled is not acknowledged") { bench in
            let connection = try await bench.attached()
            try await bench.hold()
            connection.sendMessages(1...3)
            try await bench.reports(.text(1, "1"))
            try await connection.quiet("nothing was handled", for: .milliseconds(700))
            bench.tell("release")
            try await connection.acknowledgement(through: 3)
        },
        .outOfReach("R6.3-2", "the position is saved before it is acknowledged", "the kit does not see where a client keeps its state"),
        Check("R6.3-3", "an eighth of the window's messages is acknowledged at once") { bench in
            var welcome = WelcomeText(resume: "new")
            welcome.setWindow(down: (16, 1_048_576))
            try await Self.isPrompt(bench, welcome, limit: .milliseconds(200)) { connection, round in
                connection.sendMessages((2 * round + 1)...(2 * round + 2))
                return 2 * round + 2
            }
        },
        Check("R6.3-4", "an eighth of the window's bytes is acknowledged at once") { bench in
            var welcome = WelcomeText(resume: "new")
            welcome.setWindow(down: (256, 8_000))
            try await Self.isPrompt(bench, welcome, limit: .milliseconds(200)) { connection, round in
                connection.send("MSG \(round + 1) 0 \(String(repeating: "x", count: 1_000))")
                return round + 1
            }
        },
        Check("R6.3-5", "everything is acknowledged 250 ms later at the latest") { bench in
            try await Self.isPrompt(bench, WelcomeText(resume: "new"), limit: .milliseconds(400)) { connection, round in
                connection.sendMessages((round + 1)...(round + 1))
                return round + 1
            }
        },
        Check("R6.3-6", "an ACK carries the newest number handled") { bench in
            let connection = try await bench.attached()
            connection.sendMessages(1...5)
            for number: UInt64 in 1...5 { try await bench.reports(.text(number, "\(number)")) }
            try await connection.acknowledgement(through: 5)
            try await connection.quiet("everything is acknowledged")
        },
        Check("R6.3-7", "after a move only the newest connection is acknowledged on") { bench in
            let (first, second) = try await Self.moved(bench)
            first.sendMessages(1...1)
            try await bench.reports(.text(1, "1"))
            try await second.acknowledgement(through: 1)
            try await first.quiet("the second connection is welcomed")
        },
    ]

    /// The `ACK` of what was sent comes within the limit, in the best of ten rounds: a loaded machine is slow now and then, but a client
    /// that waits for a timer is slow each time.
    private static func isPrompt(
        _ bench: ClientBench,
        _ welcome: WelcomeText,
        limit: Duration,
        _ send: (ServedConnection, UInt64) -> UInt64
    ) async throws {
        let connection = try await bench.attached(welcome)
        var best = Duration.seconds(1_000)
        for round: UInt64 in 0..<10 {
            let start = ContinuousClock.now
            let last = send(connection, round)
            try await connection.acknowledgement(through: last)
            best = min(best, ContinuousClock.now - start)
            if best < limit { return }
        }
        throw Broken("an ACK within \(limit), in the best of ten rounds", came: "\(best)")
    }

    /// The client has moved, because of a drain: the older connection and the newer one.
    static func moved(_ bench: ClientBench) async throws -> (ServedConnection, ServedConnection) {
        let first = try await bench.attached()
        first.send(#"DRAIN {"within":20000}"#)
        let (second, _) = try await bench.welcomed(WelcomeText(generation: 2))
        try await second.pings()
        return (first, second)
    }
}
