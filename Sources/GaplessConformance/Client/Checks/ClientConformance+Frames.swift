import GaplessCore

// Protocol.md §4.
extension ClientConformance {
    static let frames: [Check<ClientBench>] =
        BadFrames.down.map { group in
            Check(group.rule, "each bad frame of §4.12 under this rule gets 4400") { bench in
                for frame in group.frames {
                    try await bench.another { bench in try await Self.isMalformed(frame, bench) }
                }
            }
        } + [
            .watch("R4.0-1", "HELLO comes first and once"),
            .watch("R4.0-2", "between HELLO and WELCOME come only PING and PONG"),
            Check("R4.0-2", "what the application sends waits for the WELCOME") { bench in
                bench.start()
                let (connection, _) = try await bench.greeted()
                bench.send("early")
                try await connection.quiet("there was no WELCOME")
                connection.welcome(WelcomeText(resume: "new"))
                try await connection.message(1, "early")
            },
            Check("R4.1-5", "HELLO carries what was handled, not what was taken") { bench in
                let connection = try await bench.attached()
                connection.sendMessages(1...2)
                try await bench.reports(.text(1, "1"))
                try await bench.reports(.text(2, "2"))
                try await connection.acknowledgement(through: 2)
                try await bench.hold()
                connection.sendMessages(3...3)
                try await bench.reports(.text(3, "3"))
                connection.close(1_000)
                let (second, hello) = try await bench.greeted()
                try require(hello.position?.handled.rawValue, 2, "handled")
                try require(hello.position?.last?.sequence.rawValue ?? 2, 2, "last")
                second.welcome(WelcomeText(generation: 2, after: 2, head: 4))
                second.sendMessages(3...4)
                bench.tell("release")
                try await bench.reports(.text(4, "4"))
                try await second.acknowledgement(through: 4)
            },
            Check("R4.1-9", "HELLO tells the newest message that waits for the application") { bench in
                let connection = try await bench.attached()
                try await bench.hold()
                connection.send("MSG 1 1767225601250 one", "MSG 2 1767225601260 two")
                try await bench.reports(.text(1, "one"))
                try await bench.reports(.text(2, "two"))
                connection.close(1_000)
                let (second, hello) = try await bench.greeted()
                // A client that calls them handled breaks another rule, and has nothing to tell here.
                let handled = hello.position?.handled.rawValue
                try require(hello.taken?.through.rawValue ?? handled, 2, "taken")
                try require(hello.taken?.newest.milliseconds ?? 1_767_225_601_260, 1_767_225_601_260, "the time of what was taken")
                second.welcome(WelcomeText(generation: 2, after: handled ?? 0, head: 2))
            },
            Check("R4.1-10", "last is the newest message handled, also below a gap") { bench in
                let connection = try await bench.attached()
                connection.send("MSG 1 1767225601250 one", "MSG 2 1767225601260 two", "GAP 3 5 expired")
                try await connection.acknowledgement(through: 5)
                connection.close(1_001)
                let (_, hello) = try await bench.greeted()
                try require(hello.position?.last?.sequence.rawValue ?? 2, 2, "last")
                try require(hello.position?.last?.time.milliseconds ?? 1_767_225_601_260, 1_767_225_601_260, "the time of last")
            },
            Check("R4.1-6", "a client that has a position sends it, with held and last") { bench in
                let connection = try await bench.attached(WelcomeText(generation: 5, resume: "new"))
                connection.send("MSG 1 1767225601250 one")
                try await bench.reports(.text(1, "one"))
                try await connection.acknowledgement(through: 1)
                connection.close(1_001)
                let (_, hello) = try await bench.greeted()
                try require(hello.position?.handled.rawValue, 1, "handled")
                try require(hello.position?.last?.time.milliseconds ?? 1_767_225_601_250, 1_767_225_601_250, "time in last")
                try require(hello.held?.rawValue ?? 5, 5, "held")
            },
            .watch("R4.1-7", "attempt grows with each connection of an instance"),
            Check("R4.2-3", "the limits and intervals of the newest WELCOME count") { bench in
                var welcome = WelcomeText(resume: "new")
                welcome["limits"] = #"{"message":10,"hello":8192,"json":4096}"#
                let connection = try await bench.attached(welcome)
                connection.close(1_000)
                welcome["limits"] = #"{"message":20,"hello":8192,"json":4096}"#
                welcome.setIntervals(heartbeat: 300, silence: 20_000)
                let (second, _) = try await bench.welcomed(welcome)
                bench.send("fifteen letters")
                try await second.message(1, "fifteen letters")
                second.answersPings = false
                _ = try await second.expect("PING after 300 ms") { if case .ping = $0 { true } else { nil } }
            },
            Check("R4.2-4", "a reset with an unknown reason is a reset") { bench in
                _ = try await bench.attached(WelcomeText(resume: "reset", reason: "moon", after: 4))
                try await bench.reports(.reset("moon"))
            },
            Check("R4.2-5", "a WELCOME for another client gets 4400") { bench in
                try await Self.refuses(bench) { $0.client = "kit/other" }
            },
            Check("R4.3-3", "a payload above limits.message is not sent") { bench in
                var welcome = WelcomeText(resume: "new")
                welcome["limits"] = #"{"message":10,"hello":8192,"json":4096}"#
                let connection = try await bench.attached(welcome)
                bench.send("12345678901", "1234567890")
                try await connection.message(1, "1234567890")
            },
            Check("R4.3-4", "a payload of limits.message is accepted") { bench in
                let connection = try await bench.attached()
                let text = String(repeating: "x", count: 65_536)
                connection.send("MSG 1 0 \(text)")
                try await bench.reports(.text(1, text))
                try await connection.acknowledgement(through: 1)
            },
            Check("R4.5-1", "a gap with an unknown reason is a gap") { bench in
                let connection = try await bench.attached()
                connection.send("GAP 1 4 quota", "MSG 5 0 five")
                try await bench.reports(.gap(1, 4, "quota"))
                try await bench.reports(.text(5, "five"))
            },
            Check("R4.6-1", "PING is answered, before WELCOME too") { bench in
                bench.start()
                let (connection, _) = try await bench.greeted()
                connection.send("PING 9007199254740991")
                _ = try await connection.expect("PONG 9007199254740991") {
                    if case .pong(9_007_199_254_740_991) = $0 { true } else { nil }
                }
                connection.welcome(WelcomeText(resume: "new"))
                try await connection.pings()
            },
            Check("R4.6-2", "a PONG that nobody asked for is accepted") { bench in
                let connection = try await bench.attached()
                connection.send("PONG 77", "PONG 0")
                try await connection.pings()
            },
            .watch("R4.11-3", "no frame comes that §4.0 does not know"),
            Check("R4.11-4", "unknown frames are ignored, before WELCOME too") { bench in
                bench.start()
                let (connection, _) = try await bench.greeted()
                connection.send("NOOP", "LATER {\"x\":1}")
                connection.welcome(WelcomeText(resume: "new"))
                connection.send("NOOP 1", "ABCDEFGHIJKLMNOP  two spaces")
                try await connection.pings()
            },
        ]

    /// The frame gets 4400: a `WELCOME` in answer to the `HELLO`, every other after a `WELCOME`.
    private static func isMalformed(_ frame: BadFrames.Frame, _ bench: ClientBench) async throws {
        bench.start()
        let (connection, _) = try await bench.greeted()
        if !frame.text.hasPrefix("WELCOME") { connection.welcome(WelcomeText(resume: "new")) }
        connection.send(frame.text)
        do {
            try await connection.ends(4_400)
        } catch let broken as Broken {
            throw Broken("\(broken.expected) after \(frame.text) (\(frame.fault))", came: broken.came)
        }
    }
}
