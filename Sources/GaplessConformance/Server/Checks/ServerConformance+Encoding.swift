import GaplessCore

// Protocol.md §3.3 to §3.6 and §4.12.
extension ServerConformance {
    static let encoding: [Check<ServerBench>] =
        BadFrames.up.map { group in
            Check(group.rule, "each bad frame of §4.12 under this rule gets 4400") { bench in
                for frame in group.frames { try await Self.isMalformed(frame, bench) }
            }
        } + [
            .watch("R3.3-1", "every frame fits the grammar"),
            Check("R3.5-1", "white space inside the object is allowed") { bench in
                let connection = try await bench.connect()
                connection.send("HELLO {\t\"client\" : \"\(bench.client)\" ,\r\n \"instance\":\"i\" , \"attempt\" : 1 }")
                try await connection.welcomed()
            },
            Check("R3.5-2", "escapes mean what they stand for") { bench in
                let connection = try await bench.connect()
                connection.send(#"HELLO {"\u0063lient":"\u006b\#(bench.client.dropFirst())","instance":"i","attempt":1}"#)
                try require(try await connection.welcomed().client.description, bench.client, "client")
            },
            Check("R3.5-2", "a byte order mark is malformed") { bench in
                let connection = try await bench.connect()
                connection.send("HELLO \u{FEFF}{\"client\":\"\(bench.client)\",\"instance\":\"i\",\"attempt\":1}")
                try await connection.ends(4_400)
            },
            Check("R3.5-4", "a depth of 8 is allowed") { bench in
                try await bench.visit(bench.hello { $0.more = ["\"x\":[[[[[[[1]]]]]]]"] })
            },
            Check("R3.5-5", "unknown fields are ignored, whatever they hold") { bench in
                for more in [#""x":null"#, #""x":1.5e-3"#, #""x":{"client":[true,"é",{"attempt":0}]}"#, #""Client":"mallory""#] {
                    try await bench.visit(bench.rival { $0.more = [more] })
                }
            },
            Check("R3.5-8", "a HELLO at its limit is taken, one above it gets 4404") { bench in
                let limit = bench.told.limits.hello
                func hello(_ bytes: Int) -> String {
                    let empty = bench.rival { $0.more = ["\"x\":\"\""] }
                    let missing = bytes - (empty.frame.utf8.count - "HELLO ".utf8.count)
                    return empty.with { $0.more = ["\"x\":\"\(String(repeating: "x", count: missing))\""] }.frame
                }
                let first = try await bench.connect()
                first.send(hello(limit))
                try await first.welcomed()
                let second = try await bench.connect()
                second.send(hello(limit + 1))
                try await second.ends(4_404)
            },
            Check("R3.5-8", "an AUTH above its limit gets 4404") { bench in
                let (connection, _) = try await bench.attach()
                connection.send("AUTH {\"token\":\"x\",\"y\":\"\(String(repeating: "y", count: bench.told.limits.json))\"}")
                try await connection.ends(4_404)
            },
            Check("R3.6-1", "names of the right form are taken, with upper and lower case apart") { bench in
                let parts = ["A.z~_@+:=|-9", String(repeating: "u", count: 64)]
                for part in parts {
                    let client = "\(bench.client)/\(part)"
                    let (connection, welcome) = try await bench.attach(bench.rival { $0.client = client })
                    try require(welcome.client.description, client, "client")
                    connection.send("BYE")
                    try await connection.ends(4_502)
                }
                let long = bench.rival { $0.client = "\(bench.client)/\(String(repeating: "u", count: 65))" }
                try await bench.greet(long).ends(4_400)
            },
        ]

    /// The frame gets 4400: a `HELLO` as the first frame, every other after a `WELCOME`.
    private static func isMalformed(_ frame: BadFrames.Frame, _ bench: ServerBench) async throws {
        let isFirst = frame.text.lowercased().hasPrefix("hello")
        let hello = bench.rival { $0.outbox = ServerBench.random() }
        let connection = isFirst ? try await bench.connect() : try await bench.attach(hello).0
        connection.send(frame.text)
        do {
            try await connection.ends(4_400)
        } catch let broken as Broken {
            throw Broken("\(broken.expected) after \(frame.text) (\(frame.fault))", came: broken.came)
        }
    }
}
