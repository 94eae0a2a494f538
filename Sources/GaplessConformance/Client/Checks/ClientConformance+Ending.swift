import GaplessCore
import NIOCore

// Protocol.md §11.
extension ClientConformance {
    static let ending: [Check<ClientBench>] = [
        Check("R11.2-1", "4000-4099 and 4100-4199: the client resumes, with its position") { bench in
            for code: UInt16 in [4_000, 4_099, 4_104, 4_199] {
                try await bench.another { bench in
                    let connection = try await bench.attached()
                    connection.end(code, #","jitter":10"#)
                    let (_, hello) = try await bench.greeted()
                    try require(hello.position?.epoch.description, "kit.1", "epoch after \(code)")
                }
            }
        },
        Check("R11.2-1", "4200-4299: the client comes without position and tells a reset") { bench in
            for code: UInt16 in [4_201, 4_299] {
                try await bench.another { bench in
                    let connection = try await bench.attached()
                    try await connection.pings()
                    connection.end(code)
                    let (second, hello) = try await bench.greeted()
                    try require(hello.position == nil && hello.held == nil, "no position after \(code)", came: "a position")
                    try require(hello.client?.description, bench.client, "client")
                    second.welcome(WelcomeText(epoch: "kit.2", resume: "new"))
                    try await bench.reports(.reset("unknown"))
                }
            }
        },
        Check("R11.2-1", "4300-4399: the client stops when it has no other token") { bench in
            for code: UInt16 in [4_302, 4_399] {
                try await bench.another { bench in
                    bench.start()
                    let (connection, _) = try await bench.greeted()
                    connection.end(code)
                    try await bench.reports(.stopped(code))
                }
            }
        },
        Check("R11.2-1", "4300-4399: with a new token it resumes") { bench in
            try await bench.give(token: "first")
            let connection = try await bench.attached()
            try await bench.give(token: "second")
            connection.end(4_300)
            let (_, hello) = try await bench.greeted()
            try require(hello.token, "second", "token")
        },
        Check("R11.2-1", "4400-4499 and 4502-4549: the client stops") { bench in
            for code: UInt16 in [4_400, 4_449, 4_452, 4_499, 4_549] {
                try await bench.another { bench in
                    let connection = try await bench.attached()
                    connection.end(code)
                    try await bench.reports(.stopped(code))
                }
            }
        },
        Check("R11.2-2", "every other end: the client resumes") { bench in
            let ends: [@Sendable (ServedConnection) -> Void] = [
                { $0.socket.cut() }, { $0.close(1_000) }, { $0.close(1_001) }, { $0.close(1_011) }, { $0.close(4_999) },
                { $0.socket.send(WireFrame(WireFrame.Opcode.close, [])) },
            ]
            for end in ends {
                try await bench.another { bench in
                    let connection = try await bench.attached()
                    try await connection.pings()
                    end(connection)
                    let (_, hello) = try await bench.greeted()
                    try require(hello.position?.epoch.description, "kit.1", "epoch")
                }
            }
        },
        Check("R11.2-2", "a handshake that HTTP refuses is tried again") { bench in
            bench.start()
            let (_, socket) = try await bench.request()
            socket.send(ByteBuffer(string: "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
            try await bench.welcomed()
        },
        Check("R11.2-3", "a client that stopped does not come again") { bench in
            let connection = try await bench.attached()
            connection.end(4_401)
            try await bench.reports(.stopped(4_401))
            try await bench.staysAway("the client was stopped", for: .seconds(2))
        },
        Check("R11.2-4", "the position before 4200-4299 is not sent any more") { bench in
            let connection = try await bench.attached()
            try await connection.pings()
            connection.end(4_201)
            for _ in 0..<2 {
                let (refused, hello) = try await bench.greeted()
                try require(hello.position == nil, "no position", came: "a position")
                refused.end(4_100)
            }
        },
        Check("R11.2-5", "the client does not come back sooner than retryAfter") { bench in
            let connection = try await bench.attached()
            let start = ContinuousClock.now
            connection.end(4_100, #","retryAfter":1500"#)
            _ = try await bench.greeted()
            let passed = ContinuousClock.now - start
            try require(passed >= .milliseconds(1_490), "a connection after 1.5 s", came: "one after \(passed)")
        },
        .outOfReach("R11.2-6", "a retryAfter above a day is a day", "it takes a day"),
        Check("R11.3-1", "a fault of the server does not stop the client") { bench in
            let connection = try await bench.attached()
            connection.send("MSG")
            try await connection.ends(4_400)
            let (second, _) = try await bench.welcomed(WelcomeText(generation: 2))
            second.sendMessages(1...1)
            try await bench.reports(.text(1, "1"))
        },
        Check("R11.3-2", "before WELCOME no other frame is taken: 4400") { bench in
            for frame in ["MSG 1 0 x", "GAP 1 1 expired", "ACK 1", "AUTH {\"ok\":true}", "DRAIN {\"within\":1000}"] {
                try await bench.another { bench in
                    bench.start()
                    let (connection, _) = try await bench.greeted()
                    connection.send(frame)
                    try await connection.ends(4_400)
                }
            }
        },
        Check("R11.3-2", "a second WELCOME gets 4400") { bench in
            let connection = try await bench.attached()
            connection.welcome(WelcomeText(generation: 2))
            try await connection.ends(4_400)
        },
        Check("R11.4-1", "failures are followed by waits that grow") { bench in
            bench.start()
            let (connection, _) = try await bench.greeted()
            connection.socket.cut()
            let start = ContinuousClock.now
            for _ in 0..<4 {
                let (_, socket) = try await bench.request(within: .seconds(30))
                socket.cut()
            }
            let passed = ContinuousClock.now - start
            // Four full-jitter waits of 0.5, 1, 2 and 4 s at most are together shorter than this once in ten thousand times.
            try require(passed > .milliseconds(300), "four waits of seconds in all", came: "\(passed)")
            try require(passed < .seconds(20), "four waits of at most 7.5 s in all", came: "\(passed)")
        },
        .outOfReach("R11.4-2", "the waits begin anew after a connection of 30 s", "waits are random: one run proves nothing"),
    ]
}
