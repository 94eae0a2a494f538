import GaplessCore

// Protocol.md §7.
extension ServerConformance {
    static let uplink: [Check<ServerBench>] = [
        Check("R7.2-1", "a burst is handled, one after the other, and acknowledged") { bench in
            let (connection, welcome) = try await bench.attach(bench.hello { $0.outbox = ServerBench.random() })
            let count = min(20, welcome.uplinkWindow.messages)
            for number in 1...count { connection.send("MSG \(number) \(number)") }
            try await connection.acknowledgement(through: count)
        },
        Check("R7.2-2", "a message at or below the mark is acknowledged again") { bench in
            let outbox = try await Self.markTwo(bench)
            let (connection, welcome) = try await bench.attach(bench.hello { ($0.attempt, $0.outbox) = (2, outbox) })
            try require(welcome.mark.rawValue, 2, "mark")
            connection.send("MSG 1 one", "MSG 2 two", "MSG 3 three")
            try await connection.acknowledgement(through: 3)
        },
        Check("R7.2-3", "what was acknowledged is in the mark of the next WELCOME") { bench in
            let outbox = ServerBench.random()
            for round: UInt64 in 1...5 {
                let hello = bench.hello { ($0.attempt, $0.outbox) = (round, outbox) }
                let (connection, welcome) = try await bench.attach(hello)
                try require(welcome.mark.rawValue, round - 1, "mark")
                connection.send("MSG \(round) x")
                try await connection.acknowledgement(through: round)
                connection.socket.cut()
            }
        },
        .outOfReach("R7.2-4", "a mark moves from n-1 to n by comparison", "nobody outside sees two commits of one mark"),
        Check("R7.2-5", "a first number above mark + 1 gets 4401") { bench in
            try await Self.isOutOfOrder(bench, "MSG 2 x")
        },
        Check("R7.2-5", "a number that is not the one before plus 1 gets 4401") { bench in
            try await Self.isOutOfOrder(bench, "MSG 1 x", "MSG 3 x")
            try await Self.isOutOfOrder(bench, "MSG 1 x", "MSG 1 x")
        },
        Check("R7.2-5", "a MSG without an outbox gets 4401") { bench in
            let (connection, _) = try await bench.attach()
            connection.send("MSG 1 x")
            try await connection.ends(4_401)
        },
        Check("R7.2-6", "the mark stays when the epoch changes") { bench in
            let outbox = try await Self.markTwo(bench)
            let epoch = try await bench.visit(bench.rival()).epoch.description
            let rolledBack = bench.hello().again(epoch, 9).with { $0.outbox = outbox }
            let welcome = try await bench.visit(rolledBack)
            try require(welcome.resume, .reset(.rollback), "resume")
            try require(welcome.mark.rawValue, 2, "mark")
        },
        Check("R7.2-7", "four outboxes are remembered") { bench in
            let outboxes = (0..<4).map { _ in ServerBench.random() }
            for (index, outbox) in outboxes.enumerated() {
                let (connection, _) = try await bench.attach(bench.rival { $0.outbox = outbox })
                for number in 1...(index + 1) { connection.send("MSG \(number) x") }
                try await connection.acknowledgement(through: UInt64(index) + 1)
                try await connection.close()
            }
            for (index, outbox) in outboxes.enumerated() {
                let welcome = try await bench.visit(bench.rival { $0.outbox = outbox })
                try require(welcome.mark.rawValue, UInt64(index) + 1, "mark of outbox \(index + 1)")
            }
            try require(try await bench.visit(bench.rival { $0.outbox = ServerBench.random() }).mark.rawValue, 0, "mark of a new one")
        },
        .outOfReach("R7.2-8", "a lost connection does not cancel its handler", "the kit has no say in what handlers do"),
        .outOfReach("R7.2-9", "slow handlers do not stop the reading", "the kit has no say in what handlers do"),
        Check("R7.3-2", "more in flight than the uplink window allows gets 4401") { bench in
            let (connection, welcome) = try await bench.attach(bench.hello { $0.outbox = ServerBench.random() })
            let count = welcome.uplinkWindow.messages * 4
            guard count <= 4_096 else { throw Unjudged("the uplink window is larger than 1024 messages") }
            connection.socket.send((1...count).map { .text("MSG \($0) x") })
            while true {
                switch try await connection.next("ACKs, or the end with 4401") {
                case .frame(.acknowledge(let through)) where through.rawValue == count:
                    throw Unjudged("the server handled \(count) messages as fast as it read them")
                case .frame(.acknowledge): continue
                case .end(4_401): return
                case let incoming: throw Broken("ACKs, or the end with 4401", came: connection.told(incoming))
                }
            }
        },
        .outOfReach("R7.3-3", "4100 when the server holds all the uplink that it can", "the other checks would meet it too"),
    ]

    /// Two messages of an outbox are handled; the outbox.
    private static func markTwo(_ bench: ServerBench) async throws -> String {
        let outbox = ServerBench.random()
        let (connection, _) = try await bench.attach(bench.hello { $0.outbox = outbox })
        connection.send("MSG 1 one", "MSG 2 two")
        try await connection.acknowledgement(through: 2)
        try await connection.close()
        return outbox
    }

    private static func isOutOfOrder(_ bench: ServerBench, _ frames: String...) async throws {
        let (connection, _) = try await bench.attach(bench.rival { $0.outbox = ServerBench.random() })
        connection.socket.send(frames.map { .text($0) })
        try await connection.ends(4_401)
    }
}
