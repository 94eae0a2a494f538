import GaplessCore

// Protocol.md §8.
extension ServerConformance {
    /// The longest that a trial of an interval may take.
    private static let patience = Duration.seconds(45)

    static let liveness: [Check<ServerBench>] = [
        Check("R8-1", "a server that sent nothing for the heartbeat sends PING") { bench in
            let heartbeat = bench.told.heartbeat
            try Self.allow(heartbeat, "the heartbeat")
            let (connection, _) = try await bench.attach()
            connection.answersPings = false
            let limit = min(heartbeat + .seconds(5), bench.told.silence)
            while case .frame(let frame) = try await connection.next("PING within \(heartbeat)", within: limit) {
                if case .ping = frame { return }
            }
            throw Broken("PING within \(heartbeat)", came: "the end")
        },
        Check("R8-2", "any message is a sign of life") { bench in
            let silence = bench.told.silence
            try Self.allow(silence * 2, "twice the silence")
            let (connection, _) = try await bench.attach()
            connection.answersPings = false
            for _ in 0..<6 {
                connection.send("PONG 1")
                try await Task.sleep(for: silence / 3)
            }
            connection.answersPings = true
            connection.send("PING 12345")
            while true {
                switch try await connection.next("PONG 12345") {
                case .frame(.pong(12_345)): return
                case .frame(.ping): continue
                case let incoming: throw Broken("PONG 12345", came: connection.told(incoming))
                }
            }
        },
        Check("R8-3", "a connection on which nothing came for the silence ends with 4105") { bench in
            let silence = bench.told.silence
            try Self.allow(silence, "the silence")
            let (connection, _) = try await bench.attach()
            connection.answersPings = false
            let start = ContinuousClock.now
            try await connection.ends(4_105, within: silence + .seconds(10))
            let passed = ContinuousClock.now - start
            // The kit's own clock began after the server's.
            try require(passed > silence - .milliseconds(500), "the end after \(silence)", came: "the end after \(passed)")
        },
        .outOfReach("R8-5", "a server whose deadline is late probes first", "the kit cannot stop the server's clock"),
        .outOfReach("R8-6", "4104 for a client that takes no byte", "it takes half a minute and the system's buffers hide it"),
    ]

    private static func allow(_ interval: Duration, _ name: String) throws {
        guard interval <= Self.patience else { throw Unjudged("\(name) is longer than \(Self.patience): start it with a shorter one") }
    }
}
