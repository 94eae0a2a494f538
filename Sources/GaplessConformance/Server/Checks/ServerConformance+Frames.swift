import GaplessCore

// Protocol.md §4 and the codes of §11.
extension ServerConformance {
    static let frames: [Check<ServerBench>] = [
        Check("R4.0-3", "another frame than HELLO first gets 4401") { bench in
            for frame in ["PING 1", "PONG 1", "ACK 1", "MSG 1 x", "BYE", "AUTH {\"token\":\"x\"}"] {
                let connection = try await bench.connect()
                connection.send(frame)
                try await connection.ends(4_401)
            }
        },
        Check("R4.0-3", "a second HELLO gets 4401") { bench in
            let (connection, _) = try await bench.attach()
            connection.send(bench.hello { $0.attempt = 2 }.frame)
            try await connection.ends(4_401)
        },
        Check("R4.0-3", "a second HELLO before the WELCOME gets 4401") { bench in
            let connection = try await bench.connect()
            connection.send(bench.hello().frame, bench.hello { $0.attempt = 2 }.frame)
            try await connection.ends(4_401)
        },
        .watch("R4.0-4", "before WELCOME come only PING, PONG and ERROR"),
        .watch("R4.0-5", "one WELCOME answers a HELLO"),
        .watch("R4.2-1", "WELCOME has all its fields"),
        Check("R4.2-2", "the window is the smaller of both") { bench in
            let own = bench.told.downlinkWindow
            let small = try await bench.visit(bench.hello { $0.window = (1, 2) })
            try require(small.downlinkWindow, Window(messages: 1, bytes: 2), "window.down")
            let large = try await bench.visit(bench.rival { $0.window = (1_000_000_000, 3) })
            try require(large.downlinkWindow, Window(messages: own.messages, bytes: 3), "window.down")
            try require(try await bench.visit(bench.rival()).downlinkWindow, own, "window.down")
        },
        .outOfReach("R4.3-1", "no message is sent before it is durable", "nobody outside sees when a disk has it"),
        .watch("R4.3-5", "times do not decrease as numbers grow"),
        Check("R4.3-5", "neither in replay nor in what is sent meanwhile") { bench in
            try await bench.send("one", "two")
            let (connection, _) = try await bench.attach()
            try await bench.send("three")
            for number: UInt64 in 1...3 { try await connection.message(number) }
        },
        Check("R4.3-2", "an uplink payload at the limit is taken, one above it gets 4404") { bench in
            let limit = bench.told.limits.message
            let (connection, _) = try await bench.attach(bench.hello { $0.outbox = ServerBench.random() })
            connection.send("MSG 1 " + String(repeating: "x", count: limit))
            try await connection.acknowledgement(through: 1)
            connection.send("MSG 2 " + String(repeating: "x", count: limit + 1))
            try await connection.ends(4_404)
        },
        Check("R4.6-1", "PING is answered") { bench in
            let connection = try await bench.connect()
            connection.send(bench.hello().frame, "PING 9007199254740991")
            var (isWelcome, isAnswered) = (false, false)
            while !isWelcome || !isAnswered {
                let incoming = try await connection.next("WELCOME and PONG 9007199254740991")
                switch incoming {
                case .frame(.welcome): isWelcome = true
                case .frame(.pong(9_007_199_254_740_991)): isAnswered = true
                default: throw Broken("WELCOME and PONG 9007199254740991", came: connection.told(incoming))
                }
            }
        },
        Check("R4.6-2", "a PONG that nobody asked for is accepted") { bench in
            let (connection, _) = try await bench.attach()
            connection.send("PONG 77", "PONG 0")
            try await connection.quiet("a PONG is a sign of life")
        },
        Check("R4.11-1", "WELCOME names no feature that HELLO did not name") { bench in
            let welcome = try await bench.visit(bench.hello { $0.more = [#""features":["example.com-nothing"]"#] })
            try require(welcome.features.filter { $0 != "example.com-nothing" }, [], "other features")
            try require(try await bench.visit(bench.rival()).features, [], "features")
        },
        Check("R4.11-2", "unknown features are ignored") { bench in
            let names = (0..<32).map { "\"example.com-\($0)\"" }.joined(separator: ",")
            try await bench.visit(bench.hello { $0.more = ["\"features\":[\(names)]"] })
        },
        .watch("R4.11-3", "no frame comes that §4.0 does not know"),
        .watch("R11.1-1", "every ERROR has a code of §11.1 and its name"),
    ]
}
