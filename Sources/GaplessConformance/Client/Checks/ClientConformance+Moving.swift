import GaplessCore

// Protocol.md §10.
extension ClientConformance {
    static let moving: [Check<ClientBench>] = [
        Check("R10.1-1", "on DRAIN new uplink is held back, and goes on the second connection") { bench in
            let first = try await bench.attached()
            bench.send("one")
            try await first.message(1, "one")
            first.send(#"DRAIN {"within":20000}"#)
            try await first.pings()
            bench.send("two")
            try await first.quiet("the client moves")
            first.send("ACK 1")
            let (second, _) = try await bench.welcomed(WelcomeText(generation: 2, mark: 1))
            try await second.message(2, "two")
        },
        Check("R10.1-2", "the second connection waits for the uplink in flight, half of the time at most") { bench in
            let first = try await bench.attached()
            bench.send("one")
            try await first.message(1, "one")
            first.send(#"DRAIN {"within":3000}"#)
            try await bench.staysAway("an uplink message is in flight", for: .milliseconds(800))
            let (_, hello) = try await bench.welcomed(WelcomeText(generation: 2), within: .seconds(15))
            try require(hello.attempt.rawValue, (first.hello?.attempt.rawValue ?? 1) + 1, "attempt")
        },
        Check("R10.1-3", "the first connection is in full use until the second's WELCOME") { bench in
            let first = try await bench.attached()
            first.send(#"DRAIN {"within":20000}"#)
            let (second, _) = try await bench.greeted()
            first.sendMessages(1...1)
            try await bench.reports(.text(1, "1"))
            try await first.acknowledgement(through: 1)
            try await first.pings()
            second.welcome(WelcomeText(generation: 2, head: 1))
            second.sendMessages(1...2)
            try await bench.reports(.text(2, "2"))
        },
        Check("R10.1-4", "a second connection that fails is tried again, and the first stays") { bench in
            let first = try await bench.attached()
            first.send(#"DRAIN {"within":20000}"#)
            let (lost, _) = try await bench.greeted()
            lost.socket.cut()
            let (refused, _) = try await bench.greeted()
            refused.end(4_450)
            let (third, _) = try await bench.greeted()
            first.sendMessages(1...1)
            try await bench.reports(.text(1, "1"))
            try await first.pings()
            third.welcome(WelcomeText(generation: 2, after: 1))
            try await third.pings()
        },
        Check("R10.1-5", "after the second WELCOME nothing is sent on the first") { bench in
            let (first, second) = try await Self.moved(bench)
            first.send("PING 5")
            first.sendMessages(1...1)
            bench.send("up")
            try await second.message(1, "up")
            try await bench.reports(.text(1, "1"))
            while true {
                let incoming: Incoming<ClientFrame>
                do {
                    incoming = try await first.next("nothing on the first", within: .milliseconds(500))
                } catch let broken as Broken where broken.isSilence {
                    return
                }
                switch incoming {
                // What was under way when the WELCOME came.
                case .frame(.acknowledge(let through)) where through.rawValue == 0: continue
                case .frame(let frame): throw Broken("nothing on the first connection", came: frame.told)
                case .end: return
                }
            }
        },
        Check("R10.1-6", "what still comes on the older connection counts") { bench in
            let (first, second) = try await Self.moved(bench)
            first.send("MSG 1 0 one", "GAP 2 3 expired")
            try await bench.reports(.text(1, "one"))
            try await bench.reports(.gap(2, 3, "expired"))
            second.send("MSG 1 0 one", "MSG 4 0 four")
            try await bench.reports(.text(4, "four"))
            bench.send("up")
            try await second.message(1, "up")
            first.send("ACK 1")
            try await bench.reports(.confirmed(1))
        },
        Check("R10.1-7", "codes, AUTH and DRAIN of an older connection change nothing") { bench in
            let (first, second) = try await Self.moved(bench)
            first.send(#"DRAIN {"within":1000}"#)
            first.end(4_450)
            try await bench.staysAway("the newer connection is there", for: .milliseconds(800))
            second.sendMessages(1...1)
            try await bench.reports(.text(1, "1"))
            try await second.acknowledgement(through: 1)
        },
        .watch("R10.3-3", "nothing follows BYE"),
        Check("R10.3-3", "bye is said once the uplink is acknowledged; 4502 ends the session") { bench in
            let connection = try await bench.attached()
            bench.tell("bye")
            _ = try await connection.expect("BYE") { if case .bye = $0 { true } else { nil } }
            connection.send("PING 7")
            try await connection.quiet("BYE was said", for: .milliseconds(300)) { _ in false }
            connection.end(4_502)
            try await bench.reports(.closed)
        },
        Check("R10.3-4", "a client that merely leaves says no BYE") { bench in
            let connection = try await bench.attached()
            connection.sendMessages(1...1)
            try await bench.reports(.text(1, "1"))
            bench.tell("close")
            while case .frame(let frame) = try await connection.next("a Close with 1000") {
                if case .bye = frame { throw Broken("a Close with 1000", came: "BYE") }
            }
        },
    ]
}
