import GaplessCore

// Protocol.md §6.1, §6.2.
extension ClientConformance {
    static let downlink: [Check<ClientBench>] = [
        Check("R6.1-2", "messages are taken in the order of their numbers") { bench in
            let connection = try await bench.attached(WelcomeText(resume: "new", after: 41))
            connection.sendMessages(42...60)
            for number: UInt64 in 42...60 { try await bench.reports(.text(number, "\(number)")) }
        },
        Check("R6.1-3", "a number that was taken is dropped without a word") { bench in
            let connection = try await bench.attached()
            connection.sendMessages(1...2)
            connection.sendMessages(1...2)
            connection.send("MSG 2 0 another text", "MSG 3 0 three")
            try await bench.reports(.text(1, "1"))
            try await bench.reports(.text(2, "2"))
            try await bench.reports(.text(3, "three"))
        },
        Check("R6.1-4", "a hole without a GAP gets 4400, and the client resumes") { bench in
            let connection = try await bench.attached()
            connection.sendMessages(1...1)
            connection.sendMessages(3...3)
            try await bench.reports(.text(1, "1"))
            try await connection.ends(4_400)
            let (second, hello) = try await bench.greeted()
            try require(hello.position?.handled.rawValue, 1, "handled")
            second.welcome(WelcomeText(generation: 2, after: 1, head: 3))
            second.sendMessages(2...3)
            try await bench.reports(.text(2, "2"))
            try await bench.reports(.text(3, "3"))
        },
        Check("R6.1-5", "messages and gaps are handed over in order") { bench in
            let connection = try await bench.attached()
            connection.send("MSG 1 0 one", "GAP 2 3 expired", "MSG 4 0 four", "GAP 5 5 overflow", "GAP 6 6 expired", "MSG 7 0 seven")
            try await bench.reports(.text(1, "one"))
            try await bench.reports(.gap(2, 3, "expired"))
            try await bench.reports(.text(4, "four"))
            try await bench.reports(.gap(5, 5, "overflow"))
            try await bench.reports(.gap(6, 6, "expired"))
            try await bench.reports(.text(7, "seven"))
        },
        Check("R6.2-7", "the part of a GAP that was taken is cut off") { bench in
            let connection = try await bench.attached()
            connection.sendMessages(1...3)
            connection.send("GAP 1 3 expired", "GAP 2 5 acknowledged", "MSG 6 0 six")
            for number: UInt64 in 1...3 { try await bench.reports(.text(number, "\(number)")) }
            try await bench.reports(.gap(4, 5, "acknowledged"))
            try await bench.reports(.text(6, "six"))
        },
        Check("R6.2-8", "a GAP that does not begin at the next number gets 4400") { bench in
            let connection = try await bench.attached()
            connection.send("GAP 2 3 expired")
            try await connection.ends(4_400)
            _ = try await bench.greeted()
        },
        Check("R6.2-9", "a gap is acknowledged through its end") { bench in
            let connection = try await bench.attached()
            connection.send("GAP 1 900 overflow")
            try await connection.acknowledgement(through: 900)
        },
        Check("R6.2-10", "each gap is told, with range and reason") { bench in
            let connection = try await bench.attached()
            for (index, reason) in ["expired", "overflow", "removed", "acknowledged"].enumerated() {
                let number = UInt64(index) + 1
                connection.send("GAP \(number) \(number) \(reason)")
                try await bench.reports(.gap(number, number, reason))
            }
        },
    ]
}
