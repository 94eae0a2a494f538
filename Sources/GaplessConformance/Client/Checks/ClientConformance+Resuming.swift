import GaplessCore

// Protocol.md §5.2, §5.4, §5.6.
extension ClientConformance {
    static let resuming: [Check<ClientBench>] = [
        Check("R5.2-16", "a GAP may be the first frame after any WELCOME") { bench in
            let connection = try await bench.attached(WelcomeText(resume: "new", head: 3))
            connection.send("GAP 1 2 overflow")
            try await bench.reports(.gap(1, 2, "overflow"))
            connection.close(1_000)
            let (second, _) = try await bench.welcomed(WelcomeText(generation: 2, resume: "resumed", after: 2, head: 4))
            second.send("GAP 3 3 expired")
            try await bench.reports(.gap(3, 3, "expired"))
            second.close(1_000)
            let (third, _) = try await bench.welcomed(WelcomeText(generation: 3, resume: "partial", after: 3, head: 9))
            third.send("GAP 4 8 acknowledged", "MSG 9 0 nine")
            try await bench.reports(.gap(4, 8, "acknowledged"))
            try await bench.reports(.text(9, "nine"))
        },
        Check("R5.2-17", "a position exists from the WELCOME on") { bench in
            let connection = try await bench.attached(WelcomeText(resume: "new", after: 17))
            try await connection.pings()
            connection.close(1_000)
            let (_, hello) = try await bench.greeted()
            try require(hello.position?.epoch.description, "kit.1", "epoch")
            try require(hello.position?.handled.rawValue, 17, "handled")
            try require(hello.position?.last == nil, "no last", came: "last")
        },
        Check("R5.4-2", "in its own epoch the client keeps what it has") { bench in
            let connection = try await bench.attached(WelcomeText(resume: "new", head: 3))
            connection.sendMessages(1...2)
            try await bench.reports(.text(1, "1"))
            try await bench.reports(.text(2, "2"))
            try await connection.acknowledgement(through: 2)
            connection.close(1_000)
            let (second, _) = try await bench.welcomed(WelcomeText(generation: 2, head: 3))
            second.sendMessages(1...3)
            try await bench.reports(.text(3, "3"))
            try await second.acknowledgement(through: 3)
        },
        Check("R5.4-3", "after above taken is a gap, acknowledged") { bench in
            let connection = try await bench.attached()
            try await connection.pings()
            connection.close(1_000)
            let (second, _) = try await bench.welcomed(WelcomeText(generation: 2, after: 5, head: 6))
            second.send("MSG 6 0 six")
            try await bench.reports(.gap(1, 5, "acknowledged"))
            try await bench.reports(.text(6, "six"))
        },
        Check("R5.4-4", "another epoch is a reset, whatever resume says; after is where it goes on") { bench in
            for (resume, reason) in [("reset", "rollback"), ("reset", "epoch"), ("resumed", nil), ("new", nil)] as [(String, String?)] {
                try await bench.another { bench in
                    let connection = try await bench.attached()
                    connection.sendMessages(1...3)
                    for number: UInt64 in 1...3 { try await bench.reports(.text(number, "\(number)")) }
                    try await connection.acknowledgement(through: 3)
                    connection.close(1_000)
                    let other = WelcomeText(epoch: "kit.2", resume: resume, reason: reason, after: 1, head: 2)
                    let (second, _) = try await bench.welcomed(other)
                    second.send("MSG 2 0 again")
                    try await bench.reports(.reset(reason))
                    try await bench.reports(.text(2, "again"))
                    try await second.acknowledgement(through: 2)
                    second.close(1_000)
                    let (_, hello) = try await bench.greeted()
                    try require(hello.position?.epoch.description, "kit.2", "epoch")
                    try require(hello.position?.handled.rawValue, 2, "handled")
                }
            }
        },
        Check("R5.4-1", "numbers of an older connection in another epoch do not count") { bench in
            let (first, second) = try await Self.movedIntoAnotherEpoch(bench)
            try await second.pings()
            first.sendMessages(1...1)
            second.send("MSG 11 0 eleven")
            try await bench.reports(.reset("epoch"))
            try await bench.reports(.text(11, "eleven"))
        },
        Check("R5.4-5", "on a reset the older connections are closed") { bench in
            let (first, _) = try await Self.movedIntoAnotherEpoch(bench)
            try await first.ends(1_000, nil)
        },
        Check("R5.4-6", "what was taken before a reset is told before it, and not acknowledged") { bench in
            let connection = try await bench.attached()
            try await bench.hold()
            connection.sendMessages(1...2)
            try await bench.reports(.text(1, "1"))
            connection.close(1_000)
            let (second, _) = try await bench.welcomed(
                WelcomeText(epoch: "kit.2", resume: "reset", reason: "rollback", after: 10, head: 11)
            )
            bench.tell("release")
            try await bench.reports(.text(2, "2"))
            try await bench.reports(.reset("rollback"))
            second.send("MSG 11 0 eleven")
            try await bench.reports(.text(11, "eleven"))
            let first: UInt64 = try await Self.firstAcknowledgement(second)
            try require(first, 11, "the first ACK in the new epoch")
        },
        Check("R5.4-7", "the first WELCOME is no reset unless it says so") { bench in
            let connection = try await bench.attached(WelcomeText(resume: "resumed", after: 7, head: 8))
            connection.send("MSG 8 0 eight")
            try await bench.reports(.text(8, "eight"))
        },
        .outOfReach("R5.5-1", "a client that keeps its instance keeps its attempt", "the kit does not start a client with its old state"),
        .outOfReach("R5.5-2", "a state is used by one process", "the kit does not see where a client keeps its state"),
        Check("R5.6-1", "other refusals and lost connections are no failed resumes") { bench in
            let connection = try await bench.attached()
            connection.socket.cut()
            for code: UInt16 in [4_102, 4_100] {
                let (refused, _) = try await bench.greeted()
                refused.end(code)
            }
            let (_, hello) = try await bench.greeted(within: .seconds(60))
            try require(hello.position?.handled.rawValue, 0, "handled")
        },
        Check("R5.6-2", "after three failed resumes comes a HELLO without position; the position is kept") { bench in
            let connection = try await bench.attached()
            connection.sendMessages(1...1)
            try await bench.reports(.text(1, "1"))
            try await connection.acknowledgement(through: 1)
            connection.close(1_000)
            for _ in 0..<3 {
                let (refused, hello) = try await bench.greeted()
                try require(hello.position?.handled.rawValue, 1, "handled")
                refused.end(4_103)
            }
            let (last, hello) = try await bench.greeted(within: .seconds(60))
            try require(hello.position == nil && hello.held == nil, "no position", came: "a position")
            last.welcome(WelcomeText(generation: 2, head: 2))
            last.sendMessages(1...2)
            try await bench.reports(.text(2, "2"))
        },
    ]

    /// The client moves, because of a drain, to a connection of another epoch.
    private static func movedIntoAnotherEpoch(_ bench: ClientBench) async throws -> (ServedConnection, ServedConnection) {
        let first = try await bench.attached()
        first.send(#"DRAIN {"within":20000}"#)
        let welcome = WelcomeText(epoch: "kit.2", generation: 2, resume: "reset", reason: "epoch", after: 10, head: 11)
        return (first, try await bench.welcomed(welcome).0)
    }

    /// The number of the next `ACK`.
    static func firstAcknowledgement(_ connection: ServedConnection) async throws -> UInt64 {
        try await connection.expect("an ACK") { if case .acknowledge(let through) = $0 { through.rawValue } else { nil } }
    }
}
