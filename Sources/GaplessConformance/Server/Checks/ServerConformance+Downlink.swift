import GaplessCore

// Protocol.md §6.
extension ServerConformance {
    static let downlink: [Check<ServerBench>] = [
        .watch("R6.1-1", "numbers and gaps follow one another without hole and overlap"),
        Check("R6.1-1", "replay and what is sent meanwhile are one stream") { bench in
            try await bench.send(count: 60)
            let (connection, _) = try await bench.attach(bench.hello { $0.window = (8, 65_536) })
            for number: UInt64 in 1...90 {
                if number % 2 == 1, number <= 60 { try await bench.send("\(60 + (number + 1) / 2)") }
                try await connection.message(number, "\(number)")
                if number % 4 == 0 { connection.send("ACK \(number)") }
            }
        },
        Check("R6.2-1", "a gap is told although nothing follows it") { bench in
            try await bench.send("gone", timeToLive: 1)
            try await Task.sleep(for: .milliseconds(100))
            let (connection, welcome) = try await bench.attach()
            try require(welcome.head.rawValue, 1, "head")
            try await connection.gap(1, 1, "expired")
        },
        .watch("R6.2-2", "a GAP covers nothing that was sent on the connection"),
        Check("R6.2-2", "what was sent before it expired is in no GAP") { bench in
            let (connection, _) = try await bench.attach()
            try await bench.send("one", timeToLive: 1_000)
            do {
                try await connection.message(1, "one")
            } catch is Broken {
                throw Unjudged("the message did not come within its life of a second")
            }
            try await Task.sleep(for: .milliseconds(1_300))
            try await bench.send("two")
            try await connection.message(2, "two")
        },
        Check("R6.2-3", "an expired message is not sent") { bench in
            try await bench.send("gone", timeToLive: 1)
            try await bench.send("kept")
            try await Task.sleep(for: .milliseconds(100))
            let (connection, _) = try await bench.attach()
            try await connection.gap(1, 1)
            try await connection.message(2, "kept")
        },
        Check("R6.2-4", "overflow up to what overflow dropped, above that expired, in two frames") { bench in
            let count = try Self.overflowingCount(bench)
            let lifetime = 4_000
            let start = ContinuousClock.now
            try await bench.send(count: count + 3, mortal: 3..<6, timeToLive: lifetime)
            guard ContinuousClock.now - start < .milliseconds(lifetime) else {
                throw Unjudged("it took longer than \(lifetime) ms to send \(count + 3) messages")
            }
            try await Task.sleep(for: .milliseconds(lifetime + 200))
            let (connection, _) = try await bench.attach()
            try await connection.gap(1, 3, "overflow")
            try await connection.gap(4, 6, "expired")
            try await connection.message(7, "7")
        },
        Check("R6.2-5", "a GAP comes although the window is full") { bench in
            try await bench.send("one")
            try await bench.send("gone", timeToLive: 1)
            try await bench.send("three")
            try await Task.sleep(for: .milliseconds(100))
            let (connection, _) = try await bench.attach(bench.hello { $0.window = (1, 1_000) })
            try await connection.message(1, "one")
            try await connection.gap(2, 2, "expired")
            try await connection.quiet("the window is full")
            connection.send("ACK 1")
            try await connection.message(3, "three")
        },
        Check("R6.2-6", "what expires beyond the cursor of a connection is told by itself") { bench in
            try await bench.send("one")
            let (connection, _) = try await bench.attach(bench.hello { $0.window = (1, 1_000) })
            try await connection.message(1, "one")
            try await bench.send("gone", timeToLive: 300)
            try await connection.gap(2, 2, "expired")
        },
        Check("R6.2-6", "what overflows beyond the cursor of a connection is told by itself") { bench in
            let count = try Self.overflowingCount(bench)
            let (connection, _) = try await bench.attach(bench.hello { $0.window = (1, 1_000) })
            try await bench.send("1")
            try await connection.message(1, "1")
            try await bench.send(count: count + 2)
            try await connection.gap(2, 3, "overflow")
        },
        Check("R6.3-8", "an ACK that is not above the last one is ignored") { bench in
            try await bench.send("one", "two", "three")
            let (connection, welcome) = try await bench.attach()
            for number: UInt64 in 1...3 { try await connection.message(number) }
            connection.send("ACK 2", "ACK 1", "ACK 2")
            try await connection.quiet("an old ACK is nothing")
            try await bench.eventually("acknowledged 2") { $0?.acknowledged == 2 }
            try await connection.close()
            let (second, _) = try await bench.attach(bench.hello().again(welcome.epoch.description, 2))
            second.send("ACK 1", "ACK 2")
            try await second.message(3)
            try await second.quiet("an ACK below handled is nothing")
        },
        Check("R6.3-9", "an ACK above what was sent moves the cursor, up to the head") { bench in
            try await bench.send("one", "two", "three", "four")
            let (connection, _) = try await bench.attach(bench.hello { $0.window = (1, 1_000) })
            try await connection.message(1, "one")
            connection.send("ACK 3")
            try await connection.message(4, "four")
            try await bench.eventually("acknowledged 3") { $0?.acknowledged == 3 }
        },
        .outOfReach("R6.3-10", "4107 for an ACK of what the store forgot", "the kit does not come to the store"),
        Check("R6.3-11", "an ACK above the head gets 4403") { bench in
            try await bench.send("one")
            let (connection, _) = try await bench.attach()
            try await connection.message(1)
            connection.send("ACK 2")
            try await connection.ends(4_403)
            try await bench.eventually("acknowledged 0") { $0?.acknowledged == 0 }
        },
        .watch("R6.4-1", "no more messages are in flight than the window allows"),
        Check("R6.4-1", "the window counts messages, not numbers, and opens with an ACK") { bench in
            try await bench.send("one")
            try await bench.send("gone", timeToLive: 1)
            try await bench.send("three", "four", "five")
            try await Task.sleep(for: .milliseconds(100))
            let (connection, _) = try await bench.attach(bench.hello { $0.window = (2, 1_000) })
            try await connection.message(1, "one")
            try await connection.gap(2, 2)
            try await connection.message(3, "three")
            try await connection.quiet("two are in flight")
            connection.send("ACK 1")
            try await connection.message(4, "four")
            try await connection.quiet("two are in flight")
            connection.send("ACK 4")
            try await connection.message(5, "five")
        },
        .watch("R6.4-2", "no more bytes are in flight than the window allows, but one message may always be"),
        Check("R6.4-2", "a message larger than the window goes alone") { bench in
            try await bench.send("12345678", "12345678", "1234567890123")
            let (connection, _) = try await bench.attach(bench.hello { $0.window = (10, 10) })
            for number: UInt64 in 1...3 {
                try await connection.message(number)
                try await connection.quiet("the bytes of the window are in flight")
                connection.send("ACK \(number)")
            }
        },
        .outOfReach("R6.4-3", "the server bounds what it holds for a slow client", "the kit does not see the server's memory"),
    ]

    /// How many messages fill the queue; few enough for a test.
    private static func overflowingCount(_ bench: ServerBench) throws -> Int {
        let retention = bench.told.retention
        guard retention.onOverflow == .discardOldest else { throw Unjudged("retention.overflow is not discardOldest") }
        guard retention.maxMessages <= 5_000, retention.maxBytes >= retention.maxMessages * 8 else {
            throw Unjudged("the queue holds more than 5000 messages or is bound by bytes")
        }
        guard retention.maxMessages >= 10 else { throw Unjudged("the queue holds fewer than 10 messages") }
        return retention.maxMessages
    }
}
