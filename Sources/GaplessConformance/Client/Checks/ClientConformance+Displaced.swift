import GaplessCore

// Protocol.md §5.3.
extension ClientConformance {
    static let displaced: [Check<ClientBench>] = [
        Check("R5.3-10", "4500 without a newer connection: resume") { bench in
            let connection = try await bench.attached()
            connection.end(4_500)
            let (_, hello) = try await bench.greeted()
            try require(hello.attempt.rawValue > 1, "a higher attempt of the instance", came: "\(hello.attempt)")
            try require(hello.instance, connection.hello?.instance ?? hello.instance, "instance")
        },
        Check("R5.3-10", "4500 with a newer connection: nothing") { bench in
            let first = try await bench.attached()
            first.send(#"DRAIN {"within":20000}"#)
            let (second, _) = try await bench.welcomed(WelcomeText(generation: 2))
            first.end(4_500)
            second.sendMessages(1...1)
            try await bench.reports(.text(1, "1"))
            try await bench.staysAway("the newer connection is there", for: .milliseconds(800))
        },
        Check("R5.3-11", "a HELLO that is late for no reason: a new instance, attempt 1, no held") { bench in
            let connection = try await bench.attached()
            connection.socket.cut()
            let (late, before) = try await bench.greeted()
            late.end(4_500)
            let (_, hello) = try await bench.greeted()
            try require(hello.instance != before.instance, "another instance", came: "\(hello.instance)")
            try require(hello.attempt.rawValue, 1, "attempt")
            try require(hello.held == nil, "no held", came: "held \(hello.held?.rawValue ?? 0)")
            try require(hello.position?.epoch.description, "kit.1", "epoch")
        },
        Check("R5.3-12", "4501: force once, and believe the second") { bench in
            let connection = try await bench.attached()
            connection.end(4_501)
            let (second, hello) = try await bench.greeted()
            try require(hello.force, "force", came: "none")
            second.welcome(WelcomeText(generation: 3))
            try await second.pings()
            second.end(4_501)
            try await bench.reports(.stopped(4_501))
            try await bench.staysAway("the client was taken over", for: .milliseconds(1_500))
        },
        .watch("R5.3-13", "force comes only after a 4501"),
        .outOfReach(
            "R5.3-15",
            "a client that was taken over believes every 4501",
            "the kit does not start a client again after it stopped"
        ),
    ]
}
