import GaplessCore

// Protocol.md §5.3.
extension ServerConformance {
    static let attaching: [Check<ServerBench>] = [
        Check("R5.3-1", "each attach raises the generation by one, and nothing else does") { bench in
            for number: UInt64 in 1...4 {
                let welcome = try await bench.visit(bench.hello { $0.attempt = number })
                try require(welcome.generation.rawValue, number, "generation")
            }
            try await bench.send("one")
            try require(try await bench.queue()?.generation, 4, "generation")
        },
        Check("R5.3-2", "a HELLO of a late attempt gets 4500 and changes nothing") { bench in
            let (connection, welcome) = try await bench.attach(bench.hello { $0.attempt = 7 })
            for attempt: UInt64 in [7, 3] {
                let late = bench.hello().again(welcome.epoch.description, 0, held: 1).with { $0.attempt = attempt }
                try await bench.greet(late).ends(4_500)
            }
            try await connection.quiet("a late HELLO changes nothing")
            try require(try await bench.queue()?.generation, 1, "generation")
        },
        Check("R5.3-3", "an old held gets 4501 while another instance is attached") { bench in
            let first = try await bench.visit()
            let (rival, _) = try await bench.attach(bench.rival())
            try await bench.greet(bench.hello().again(first.epoch.description, 0, held: 1)).ends(4_501)
            try await rival.quiet("the holder stays")
            try require(try await bench.queue()?.generation, 2, "generation")
        },
        Check("R5.3-4", "with force it attaches, and so does one without held") { bench in
            let first = try await bench.visit()
            let (rival, _) = try await bench.attach(bench.rival())
            let forced = bench.hello().again(first.epoch.description, 0, held: 1).with { $0.isForced = true }
            let (connection, _) = try await bench.attach(forced)
            try await rival.ends(4_501)
            try await bench.visit(bench.rival { ($0.epoch, $0.handled) = (first.epoch.description, 0) })
            try await connection.ends(4_501)
        },
        Check("R5.3-5", "displaced by the same instance: 4500") { bench in
            let (connection, welcome) = try await bench.attach()
            let (second, _) = try await bench.attach(bench.hello().again(welcome.epoch.description, 0, held: 1))
            try await connection.ends(4_500)
            try await second.quiet("the newer one stays")
        },
        Check("R5.3-5", "displaced by another instance: 4501") { bench in
            let (connection, _) = try await bench.attach()
            let (rival, _) = try await bench.attach(bench.rival())
            try await connection.ends(4_501)
            try await rival.quiet("the newer one stays")
        },
        Check("R5.3-5", "the queue is removed: 4452 or 4201") { bench in
            let (connection, _) = try await bench.attach()
            try await bench.remove()
            try await connection.ends(4_452, 4_201)
        },
        Check("R5.3-5", "the epoch is another: 4107") { bench in
            let (connection, welcome) = try await bench.attach()
            _ = try await bench.attach(bench.rival { ($0.epoch, $0.handled) = (welcome.epoch.description, 9) })
            try await connection.ends(4_107)
        },
        Check("R5.3-6", "what a displaced connection sends has no effect") { bench in
            let outbox = ServerBench.random()
            try await bench.send("one", "two")
            let (old, _) = try await bench.attach(bench.hello { $0.outbox = outbox })
            try await old.message(1)
            try await old.message(2)
            let (holder, _) = try await bench.attach(bench.rival())
            old.send("ACK 2", "MSG 1 late", "BYE")
            try await old.ends(4_501)
            try await holder.message(1)
            try await holder.message(2)
            try await holder.quiet("the holder stays")
            try require(try await bench.queue()?.acknowledged, 0, "acknowledged")
            try require(try await bench.visit(bench.hello { ($0.attempt, $0.outbox) = (2, outbox) }).mark.rawValue, 0, "mark")
        },
        .outOfReach("R5.3-7", "after a refused fence no frame is judged", "nobody outside sees when a fence was refused"),
        Check("R5.3-8", "a displaced connection is not sent what is committed later") { bench in
            let (old, _) = try await bench.attach()
            let (holder, _) = try await bench.attach(bench.rival())
            try await bench.send("later")
            try await holder.message(1, "later")
            while case .frame(let frame) = try await old.next("the end with 4501") {
                if case .message = frame { throw Broken("no MSG after the takeover", came: frame.told) }
            }
        },
        Check("R5.3-9", "a queue that was removed and created again has a new epoch") { bench in
            let before = try await bench.visit()
            try await bench.remove()
            let after = try await bench.visit(bench.rival())
            try require(after.epoch != before.epoch, "another epoch", came: "\(after.epoch)")
        },
        .outOfReach("R5.3-14", "4107 when the store went back", "the kit does not come to the store"),
    ]
}
