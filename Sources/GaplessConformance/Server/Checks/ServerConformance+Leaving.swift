import GaplessCore

// Protocol.md §10.
extension ServerConformance {
    private static let needsDrain = "to drain the server would end it for the other checks"

    static let leaving: [Check<ServerBench>] = [
        .outOfReach("R10.1-8", "a draining node goes on serving", Self.needsDrain),
        .outOfReach("R10.1-9", "4000 with jitter when the time is over", Self.needsDrain),
        .outOfReach("R10.1-10", "DRAINs are spread evenly", Self.needsDrain),
        .outOfReach("R10.1-11", "a draining node takes clients for a while", Self.needsDrain),
        .outOfReach("R10.2-1", "4001 comes after DRAIN only", "one server has nobody to move its clients to"),
        .outOfReach("R10.2-2", "no client moves by load while a node is cordoned", "one server has nobody to move its clients to"),
        Check("R10.3-1", "BYE removes the queue with its messages and marks") { bench in
            let outbox = ServerBench.random()
            try await bench.send("one")
            let (connection, welcome) = try await bench.attach(bench.hello { $0.outbox = outbox })
            try await connection.message(1)
            connection.send("MSG 1 x")
            try await connection.acknowledgement(through: 1)
            connection.send("BYE")
            try await connection.ends(4_502)
            let after = try await bench.visit(bench.hello { ($0.attempt, $0.outbox) = (2, outbox) })
            try Self.tells(after, .new, after: 0, head: 0)
            try require(after.mark.rawValue, 0, "mark")
            try require(after.epoch != welcome.epoch, "another epoch", came: "\(after.epoch)")
        },
        Check("R10.3-2", "when 4502 is there, the queue is gone") { bench in
            for _ in 0..<5 {
                let (connection, _) = try await bench.attach(bench.rival())
                connection.send("BYE")
                try await connection.ends(4_502)
                let queue = try await bench.queue()
                try require(queue == nil, "no queue", came: "a queue")
            }
        },
    ]
}
