import GaplessCore

// Protocol.md §5.1 and §5.2.
extension ServerConformance {
    static let resuming: [Check<ServerBench>] = [
        Check("R5.1-1", "a connection without a HELLO gets 4106") { bench in
            let connection = try await bench.connect()
            do {
                try await connection.ends(4_106, within: .seconds(20))
            } catch let broken as Broken where broken.isSilence {
                throw Unjudged("no hello deadline within 20 s; it is a setting that WELCOME does not tell")
            }
        },
        Check("R5.1-2", "a refusal changes nothing in the queue") { bench in
            try await bench.send("one", "two")
            let (connection, welcome) = try await bench.attach(bench.hello { $0.attempt = 5 })
            let before = try await bench.queue()
            let late = bench.hello().again(welcome.epoch.description, 2).with { $0.attempt = 5 }
            try await bench.greet(late).ends(4_500)
            let after = try await bench.queue()
            try require(after?.generation, before?.generation, "generation")
            try require(after?.acknowledged, 0, "acknowledged")
            try require(after?.attached?.instance, bench.instance, "attached")
            try await connection.message(1)
        },
        .outOfReach("R5.1-3", "a draining node refuses with 4100", "to drain the server would end it for the other checks"),
        .outOfReach("R5.1-6", "a cordoned node refuses while another one takes clients", "the kit judges one node"),
        .outOfReach("R5.1-4", "4102 while the store is out of reach", "the kit does not come to the store"),
        .outOfReach("R5.1-5", "4101 for queues that come too fast", "the bound is not told, and the other checks would meet it too"),
        Check("R5.1-7", "who is sent away is closed with the operator's code, and refused with it until it is let in") { bench in
            let (connection, welcome) = try await bench.attach()
            try await bench.sendAway(code: 4_450)
            try await connection.ends(4_450)
            let again = bench.hello().again(welcome.epoch.description, 0, held: 1)
            try await bench.greet(again).ends(4_450)
            try await bench.eventually("the queue, as it was") { $0?.generation == 1 && $0?.attached == nil }
            try await bench.letIn()
            let after = try await bench.visit(again.with { $0.attempt = 3 })
            try Self.tells(after, .resumed, after: 0, head: 0)
        },
        Check("R5.1-7", "who is sent away has not to be there, and gets no queue") { bench in
            try await bench.sendAway(code: 4_302)
            try await bench.greet(bench.hello()).ends(4_302)
            let queue = try await bench.queue()
            try require(queue == nil, "no queue", came: "a queue")
            try await bench.letIn()
        },
        .outOfReach("R5.1-8", "4101 for clients that come too fast", "the bound is not told, and the other checks would meet it too"),
        .outOfReach("R5.1-9", "a node that has too much to do takes clients when no other can", "the kit judges one node"),
        Check("R5.2-1", "the first row that fits is the answer: rollback comes before partial") { bench in
            let before = try await Self.acknowledgeTwoOfThree(bench)
            let held = before.generation.rawValue + 7
            try await Self.rollsBack(bench, bench.hello().again(before.epoch.description, 1, held: held), before)
        },
        Check("R5.2-2", "no queue, no position: new, after 0") { bench in
            let welcome = try await bench.visit()
            try Self.tells(welcome, .new, after: 0, head: 0)
            try await bench.eventually("a queue that was created") { $0 != nil }
        },
        Check("R5.2-3", "no queue, a position: reset, unknown, another epoch") { bench in
            let before = try await bench.visit()
            try await bench.remove()
            let (_, welcome) = try await bench.attach(bench.hello().again(before.epoch.description, 0))
            try Self.tells(welcome, .reset(.unknown), after: 0, head: 0)
            try require(welcome.epoch != before.epoch, "another epoch", came: "\(welcome.epoch)")
        },
        Check("R5.2-4", "a queue that was never attached, no position: new, after the floor") { bench in
            try await bench.send("one")
            let (connection, welcome) = try await bench.attach()
            try Self.tells(welcome, .new, after: 0, head: 1)
            try await connection.message(1, "one")
        },
        Check("R5.2-5", "a queue that was attached, no position: resumed, after the floor") { bench in
            try await Self.acknowledgeTwoOfThree(bench)
            let (connection, welcome) = try await bench.attach(bench.rival())
            try Self.tells(welcome, .resumed, after: 2, head: 3)
            try await connection.message(3, "three")
        },
        Check("R5.2-6", "a position of another life of the store: reset, rollback, a new epoch, the messages kept") { bench in
            let before = try await Self.acknowledgeTwoOfThree(bench)
            try await Self.rollsBack(bench, bench.rival { ($0.epoch, $0.handled) = ("ffffffffffffffff.1", 9) }, before)
        },
        Check("R5.2-7", "handled above the head: reset, rollback") { bench in
            let before = try await Self.acknowledgeTwoOfThree(bench)
            try await Self.rollsBack(bench, bench.hello().again(before.epoch.description, 4), before)
        },
        Check("R5.2-8", "held above the generation: reset, rollback") { bench in
            let before = try await Self.acknowledgeTwoOfThree(bench)
            let held = before.generation.rawValue + 7
            try await Self.rollsBack(bench, bench.hello().again(before.epoch.description, 2, held: held), before)
        },
        Check("R5.2-9", "last contradicts what is stored: reset, rollback") { bench in
            let before = try await Self.acknowledgeTwoOfThree(bench)
            let hello = bench.hello().again(before.epoch.description, 3).with { $0.last = (3, 1) }
            try await Self.rollsBack(bench, hello, before)
        },
        Check("R5.2-18", "what was taken is above the head, or contradicts what is stored: reset, rollback") { bench in
            let before = try await Self.acknowledgeTwoOfThree(bench)
            let above = bench.hello().again(before.epoch.description, 2).with { $0.taken = (4, 1) }
            let welcome = try await Self.rollsBack(bench, above, before)
            let other = bench.hello().again(welcome.epoch.description, 2).with { ($0.attempt, $0.taken) = (3, (3, 1)) }
            try await Self.rollsBack(bench, other, welcome)
        },
        Check("R5.2-13", "what was taken and is stored moves nothing: resumed") { bench in
            try await bench.send("one", "two")
            let (connection, before) = try await bench.attach()
            try await connection.message(1)
            let newest = try await connection.message(2)
            try await connection.close()
            let hello = bench.hello().again(before.epoch.description, 1).with { $0.taken = (2, newest.time.milliseconds) }
            let (second, welcome) = try await bench.attach(hello)
            try Self.tells(welcome, .resumed, after: 1, head: 2)
            try await second.message(2)
        },
        Check("R5.2-10", "another epoch of the queue: reset, epoch; a second time the same") { bench in
            let old = try await bench.visit()
            try await bench.remove()
            try await bench.send("new")
            for attempt: UInt64 in 2...3 {
                let hello = bench.hello().again(old.epoch.description, 5).with { $0.attempt = attempt }
                let (connection, welcome) = try await bench.attach(hello)
                try Self.tells(welcome, .reset(.epoch), after: 0, head: 1)
                try await connection.message(1, "new")
                try await connection.close()
            }
            let first = try await bench.visit(bench.rival())
            try Self.tells(first, .resumed, after: 0, head: 1)
            try require(first.epoch != old.epoch, "another epoch than \(old.epoch)", came: "\(first.epoch)")
        },
        Check("R5.2-11", "handled below the floor: partial, first GAP … acknowledged") { bench in
            let before = try await Self.acknowledgeTwoOfThree(bench)
            let (connection, welcome) = try await bench.attach(bench.hello().again(before.epoch.description, 1))
            try Self.tells(welcome, .partial, after: 1, head: 3)
            try await connection.gap(2, 2, "acknowledged")
            try await connection.message(3, "three")
        },
        Check("R5.2-12", "the next message is gone: partial, first the GAP; handled counts as an ACK") { bench in
            let before = try await bench.visit()
            try await bench.send("one")
            try await bench.send("two", timeToLive: 1)
            try await bench.send("three")
            try await Task.sleep(for: .milliseconds(100))
            let (connection, welcome) = try await bench.attach(bench.hello().again(before.epoch.description, 1))
            try Self.tells(welcome, .partial, after: 1, head: 3)
            try await connection.gap(2, 2, "expired")
            try await connection.message(3, "three")
            try await bench.eventually("acknowledged 1") { $0?.acknowledged == 1 }
        },
        Check("R5.2-13", "a position within the queue: resumed; handled counts as an ACK") { bench in
            let before = try await Self.acknowledgeTwoOfThree(bench)
            let (connection, welcome) = try await bench.attach(bench.hello().again(before.epoch.description, 3))
            try Self.tells(welcome, .resumed, after: 3, head: 3)
            try await bench.eventually("acknowledged 3") { $0?.acknowledged == 3 }
            try await bench.send("four")
            try await connection.message(4, "four")
        },
        Check("R5.2-14", "what is no longer known contradicts nothing; the time at the floor does") { bench in
            let before = try await Self.acknowledgeTwoOfThree(bench)
            let forgotten = bench.hello().again(before.epoch.description, 2).with { $0.last = (1, 1) }
            let welcome = try await bench.visit(forgotten)
            try Self.tells(welcome, .resumed, after: 2, head: 3)
            let floor = bench.hello().again(before.epoch.description, 2).with { ($0.attempt, $0.last) = (3, (2, 1)) }
            try await Self.rollsBack(bench, floor, welcome)
        },
        Check("R5.2-15", "after a reset comes everything that the queue holds") { bench in
            try await bench.send(count: 40)
            let (connection, welcome) = try await bench.attach(bench.hello { ($0.epoch, $0.handled) = ("other", 30) })
            try require(welcome.after.rawValue, 0, "after")
            for number: UInt64 in 1...40 { try await connection.message(number, "\(number)") }
        },
    ]

    /// Three messages come, two are acknowledged, the client leaves; what it was told.
    @discardableResult
    static func acknowledgeTwoOfThree(_ bench: ServerBench) async throws -> Welcome {
        try await bench.send("one", "two", "three")
        let (connection, welcome) = try await bench.attach()
        for number: UInt64 in 1...3 { try await connection.message(number) }
        connection.send("ACK 2")
        try await bench.eventually("acknowledged 2") { $0?.acknowledged == 2 }
        try await connection.close()
        return welcome
    }

    /// The `HELLO` shows that the store went back: a new epoch, and what the queue holds.
    @discardableResult
    private static func rollsBack(_ bench: ServerBench, _ hello: HelloText, _ before: Welcome) async throws -> Welcome {
        let (connection, welcome) = try await bench.attach(hello)
        try Self.tells(welcome, .reset(.rollback), after: 2, head: 3)
        try require(welcome.epoch != before.epoch, "a new epoch", came: "\(welcome.epoch)")
        try await connection.message(3, "three")
        return welcome
    }

    static func tells(_ welcome: Welcome, _ resume: Resume, after: UInt64, head: UInt64) throws {
        let came = "\(welcome.resume), after \(welcome.after), head \(welcome.head)"
        try require(came, "\(resume), after \(after), head \(head)", "WELCOME with")
    }
}
