import GaplessCore

// Protocol.md §7.
extension ClientConformance {
    static let uplink: [Check<ClientBench>] = [
        Check("R7.1-1", "a number is the higher of the last one and the mark, plus 1") { bench in
            let connection = try await bench.attached(WelcomeText(resume: "new", mark: 41))
            bench.send("a", "b")
            try await connection.message(42, "a")
            try await connection.message(43, "b")
            connection.send("ACK 43")
            connection.close(1_000)
            let (second, _) = try await bench.welcomed(WelcomeText(generation: 2, mark: 43))
            bench.send("c")
            try await second.message(44, "c")
        },
        .outOfReach("R7.1-2", "a number is saved before it is sent", "the kit does not see where a client keeps its state"),
        Check("R7.1-3", "what is not acknowledged goes again, under its number") { bench in
            let connection = try await bench.attached()
            bench.send("one", "two", "three")
            for (number, text) in [(1, "one"), (2, "two"), (3, "three")] { try await connection.message(UInt64(number), text) }
            connection.send("ACK 1")
            try await connection.pings()
            connection.socket.cut()
            let (second, _) = try await bench.welcomed(WelcomeText(generation: 2, mark: 1))
            try await second.message(2, "two")
            try await second.message(3, "three")
            second.send("ACK 3")
            try await bench.reports(.confirmed(3))
        },
        .watch("R7.1-4", "a number of an outbox stands for one message"),
        .watch("R7.1-5", "the first number is at most the mark plus 1"),
        .watch("R7.1-6", "each following number is the one before plus 1"),
        .watch("R7.1-7", "without an outbox in HELLO no MSG comes"),
        Check("R7.1-8", "the mark acknowledges") { bench in
            let connection = try await bench.attached()
            bench.send("one", "two")
            try await connection.message(1)
            try await connection.message(2)
            connection.socket.cut()
            let (second, _) = try await bench.welcomed(WelcomeText(generation: 2, mark: 2))
            try await bench.reports(.confirmed(2))
            try await second.quiet("both are acknowledged")
            bench.send("three")
            try await second.message(3, "three")
        },
        Check("R7.2-10", "an ACK above what was assigned gets 4400") { bench in
            let connection = try await bench.attached()
            bench.send("one")
            try await connection.message(1)
            connection.send("ACK 2")
            try await connection.ends(4_400)
        },
        .watch("R7.3-1", "no more is in flight than the uplink window allows"),
        Check("R7.3-1", "the window opens with an ACK; one message may always be in flight") { bench in
            var welcome = WelcomeText(resume: "new")
            welcome.setWindow(up: (2, 10))
            let connection = try await bench.attached(welcome)
            bench.send("12345", "12345", "1", "12345678901", "2")
            try await connection.message(1)
            try await connection.message(2)
            try await connection.quiet("two messages are in flight")
            connection.send("ACK 1")
            try await connection.message(3, "1")
            connection.send("ACK 2")
            try await connection.quiet("the next message is larger than the window")
            connection.send("ACK 3")
            try await connection.message(4, "12345678901")
            try await connection.quiet("more bytes are in flight than the window has")
            connection.send("ACK 4")
            try await connection.message(5, "2")
        },
        Check("R7.4-1", "a mark that went back: no uplink here, and 1000") { bench in
            let (second, _) = try await Self.withForgottenOutbox(bench)
            while true {
                switch try await second.next("a Close with 1000") {
                case .frame(.message(let number, _)): throw Broken("no uplink", came: "MSG \(number)")
                case .frame: continue
                case .end(let code): return try require(code, 1_000, "the code")
                }
            }
        },
        Check("R7.4-2", "then comes another outbox, with numbers from 1") { bench in
            let (second, before) = try await Self.withForgottenOutbox(bench)
            try await second.ends(1_000)
            let (third, hello) = try await bench.welcomed(WelcomeText(generation: 3))
            try require(
                hello.outbox != before.outbox && hello.outbox != nil,
                "another outbox",
                came: "\(hello.outbox?.description ?? "none")"
            )
            try await third.message(1, "three")
        },
        Check("R7.4-3", "and the application is told") { bench in
            _ = try await Self.withForgottenOutbox(bench)
            try await bench.reports(.repeats)
        },
        Check("R7.4-4", "on a reset with uplink in flight the application is told; outbox and numbers stay") { bench in
            let connection = try await bench.attached()
            bench.send("one")
            try await connection.message(1)
            connection.socket.cut()
            let reset = WelcomeText(epoch: "kit.2", resume: "reset", reason: "rollback")
            let (second, hello) = try await bench.welcomed(reset)
            try require(hello.outbox, connection.hello?.outbox, "outbox")
            try await second.message(1, "one")
            // The order of the two reports is the client's.
            var (isReset, isTold) = (false, false)
            while !isReset || !isTold {
                switch try await bench.anyReport("reset and repeat") {
                case .reset: isReset = true
                case .repeats: isTold = true
                case .confirmed: continue
                case let report: throw Broken("reset and repeat", came: report.told)
                }
            }
        },
    ]

    /// Two of three messages are acknowledged; then the server knows none of them.
    private static func withForgottenOutbox(_ bench: ClientBench) async throws -> (ServedConnection, Hello) {
        let connection = try await bench.attached()
        bench.send("one", "two", "three")
        for number: UInt64 in 1...3 { try await connection.message(number) }
        connection.send("ACK 2")
        try await bench.reports(.confirmed(2))
        connection.socket.cut()
        return try await bench.welcomed(WelcomeText(generation: 2))
    }
}
