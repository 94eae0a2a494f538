import GaplessCore

// Protocol.md §8.
extension ClientConformance {
    static let liveness: [Check<ClientBench>] = [
        Check("R8-1", "a client that sent nothing for the heartbeat sends PING") { bench in
            let connection = try await bench.attached(Self.short(bench, heartbeat: 300, silence: 20_000))
            connection.answersPings = false
            for _ in 0..<2 {
                _ = try await connection.expect("PING") { if case .ping(let number) = $0 { number } else { nil } }
                connection.send("NOOP")
            }
        },
        Check("R8-2", "any frame is a sign of life, also one that is ignored") { bench in
            let connection = try await bench.attached(Self.short(bench, heartbeat: 500, silence: 2_500))
            connection.answersPings = false
            for _ in 0..<12 {
                connection.send("NOOP")
                try await connection.quiet("there are signs of life")
            }
        },
        Check("R8-4", "silence ends the connection with 4105, and the client comes again") { bench in
            let connection = try await bench.attached(Self.short(bench, heartbeat: 300, silence: 1_000))
            connection.answersPings = false
            try await connection.ends(4_105, nil)
            // A dead network brings no answer to the Close either.
            _ = try await bench.greeted()
        },
        Check("R8-5", "a client that stood still asks before it believes in silence") { bench in
            let connection = try await bench.attached(Self.short(bench, heartbeat: 500, silence: 1_000))
            try await connection.pings()
            connection.answersPings = false
            bench.setStopped(true)
            try await Task.sleep(for: .milliseconds(5_500))
            while await connection.socket.next(within: .zero) != nil {}
            bench.setStopped(false)
            _ = try await connection.expect("PING, not the end") { if case .ping(let number) = $0 { number } else { nil } }
            connection.answersPings = true
            connection.send("NOOP")
            try await connection.pings("PONG: the connection goes on")
        },
    ]

    private static func short(_ bench: ClientBench, heartbeat: Int, silence: Int) -> WelcomeText {
        var welcome = WelcomeText(resume: "new")
        welcome.setIntervals(heartbeat: heartbeat, silence: silence)
        return welcome
    }
}
