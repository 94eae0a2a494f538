import GaplessCore
import GaplessWebSocket
import NIOCore

// Protocol.md §3.1, §3.2, §3.7.
extension ServerConformance {
    static let transport: [Check<ServerBench>] = [
        Check("R3.1-2", "a handshake without gapless.v1 gets 400") { bench in
            for offer in [nil, "chat", "gapless.v2"] {
                let (head, _) = try await bench.handshake(protocols: offer)
                try require(head.second == "400", "400 to the offer \(offer ?? "of nothing")", came: head.line)
            }
        },
        Check("R3.1-3", "gapless.v1 is selected where it is offered, among others too") { bench in
            for offer in ["gapless.v1", "chat, gapless.v1"] {
                let (head, _) = try await bench.handshake(protocols: offer)
                try require(head["sec-websocket-protocol"], "gapless.v1", "Sec-WebSocket-Protocol")
            }
        },
        Check("R3.1-5", "no extension is accepted") { bench in
            let fields = ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]
            let (head, _) = try await bench.handshake(fields: fields)
            try require(head.second == "101", "101", came: head.line)
            try require(head["sec-websocket-extensions"] == nil, "no extension", came: head["sec-websocket-extensions"] ?? "")
        },
        Check("R3.1-7", "a query in the URL changes nothing") { bench in
            let path = bench.endpoint.path + (bench.endpoint.path.contains("?") ? "&" : "?") + "token=x&client=mallory"
            let connection = try await bench.connect(path: path)
            connection.send(bench.hello().frame)
            let welcome = try await connection.welcomed()
            try require(welcome.client.description, bench.client, "client")
        },
        Check("R3.2-1", "two frames in one WebSocket message are malformed") { bench in
            let (connection, _) = try await bench.attach()
            connection.send("PING 1\nPING 2")
            try await connection.ends(4_400)
        },
        .watch("R3.2-2", "every frame but MSG is a text message"),
        Check("R3.2-3", "a binary message that is no MSG gets 4400") { bench in
            let first = try await bench.connect()
            first.socket.send(.binary(Array(bench.hello().frame.utf8)))
            try await first.ends(4_400)
            for frame in ["PING 1", "BYE", "ACK 1", "\u{1}\u{2}"] {
                let (connection, _) = try await bench.attach(bench.rival())
                connection.socket.send(.binary(Array(frame.utf8)))
                try await connection.ends(4_400)
            }
        },
        Check("R3.2-4", "a text message that is not UTF-8 gets 4405") { bench in
            for bytes: [UInt8] in [[0xFF, 0xFE], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] {
                let (connection, _) = try await bench.attach(bench.rival { $0.outbox = ServerBench.random() })
                connection.socket.send(WireFrame(WireFrame.Opcode.text, Array("MSG 1 ".utf8) + bytes))
                try await connection.ends(4_405)
            }
        },
        Check("R3.2-5", "a message that will be too large is refused before it is there") { bench in
            let first = try await bench.connect()
            var frame = WireFrame.text("HELLO {")
            frame.announced = 1_000_000_000
            first.socket.send(frame)
            try await first.ends(4_404)
            let (second, _) = try await bench.attach(bench.hello { $0.outbox = ServerBench.random() })
            var message = WireFrame.text("MSG 1 ")
            message.announced = UInt64(bench.told.limits.message) + 1_000
            second.socket.send(message)
            try await second.ends(4_404)
            let (third, _) = try await bench.attach(bench.rival { $0.outbox = ServerBench.random() })
            let half = [UInt8](repeating: 0x78, count: bench.told.limits.message / 2 + 100)
            third.socket.send(
                WireFrame(WireFrame.Opcode.text, Array("MSG 1 ".utf8) + half, isFinal: false),
                WireFrame(WireFrame.Opcode.continuation, half, isFinal: false)
            )
            try await third.ends(4_404)
        },
        Check("R3.2-6", "text comes as text, bytes as bytes") { bench in
            try await bench.send("text")
            try await bench.send(bytes: Array("text".utf8))
            let (connection, _) = try await bench.attach()
            try require(try await connection.message(1).payload.kind, .text, "the kind")
            try require(try await connection.message(2).payload.kind, .binary, "the kind")
        },
        Check("R3.2-7", "payloads come byte for byte") { bench in
            let bytes: [[UInt8]] = [[], [0], [0x20, 0x20], [0x0D, 0x0A], Array(0...255), [0xEF, 0xBB, 0xBF]]
            for payload in bytes { try await bench.send(bytes: payload) }
            try await bench.send(#" \r\n  e\u0301 \u00e9 \u0000 "#)
            let (connection, _) = try await bench.attach()
            for (index, payload) in bytes.enumerated() {
                let message = try await connection.message(UInt64(index) + 1)
                try require(Array(message.payload.bytes.readableBytesView), payload, "the bytes")
            }
            try await connection.message(UInt64(bytes.count) + 1, " \r\n  e\u{301} \u{e9} \0 ")
        },
        Check("§3.2", "fragments are joined, with a Ping between them") { bench in
            let connection = try await bench.connect()
            let bytes = Array(bench.hello().frame.utf8)
            connection.socket.send(
                WireFrame(WireFrame.Opcode.text, Array(bytes[..<9]), isFinal: false),
                WireFrame(WireFrame.Opcode.ping, [1, 2, 3]),
                WireFrame(WireFrame.Opcode.continuation, Array(bytes[9..<20]), isFinal: false),
                WireFrame(WireFrame.Opcode.continuation, Array(bytes[20...]))
            )
            try await connection.welcomed()
            try await connection.pings()
            try require(connection.webSocketPongs, [[1, 2, 3]], "the Pongs")
        },
        Check("§3.2", "what breaks RFC 6455 gets 1002") { bench in
            let wrong: [(String, @Sendable (WireSocket) -> Void)] = [
                ("an unmasked frame", { $0.sendUnmasked(.text("PING 1")) }),
                ("a reserved bit", { $0.send(WireFrame.text("PING 1").with { $0.reserved = 0x40 }) }),
                ("an unknown opcode", { $0.send(WireFrame(3, [])) }),
                ("a continuation of nothing", { $0.send(WireFrame(WireFrame.Opcode.continuation, [0x78])) }),
                ("a Ping in fragments", { $0.send(WireFrame(WireFrame.Opcode.ping, [], isFinal: false)) }),
                ("a Ping of 126 bytes", { $0.send(WireFrame(WireFrame.Opcode.ping, [UInt8](repeating: 0, count: 126))) }),
                ("a Close with half a code", { $0.send(WireFrame(WireFrame.Opcode.close, [3])) }),
            ]
            for (what, send) in wrong {
                let (connection, _) = try await bench.attach(bench.rival())
                send(connection.socket)
                do {
                    try await connection.ends(1_002)
                } catch let broken as Broken {
                    throw Broken("\(broken.expected) after \(what)", came: broken.came)
                }
            }
        },
        .watch("R3.7-1", "ERROR comes before a Close of 4000 to 4999 and has its code"),
        .watch("R3.7-2", "nothing follows ERROR"),
        Check("R3.7-3", "what is sent into a closing connection does not eat the code") { bench in
            let (connection, _) = try await bench.attach()
            try await connection.socket.setReading(false)
            connection.send("NOOP")
            for number in 1...200 { connection.send("PING \(number) \(String(repeating: "x", count: 2_000))") }
            try await Task.sleep(for: .milliseconds(200))
            connection.send("PING 1")
            try await connection.socket.setReading(true)
            try await connection.ends(4_400)
        },
        Check("R3.7-7", "no end of a connection ends the session") { bench in
            try await bench.send("kept")
            let ends: [@Sendable (ServerConnection) async throws -> Void] = [
                { try await $0.close() },
                { $0.socket.cut() },
                {
                    $0.send("NOOP"); try await $0.ends(4_400)
                },
                { $0.socket.send(.close(4_502)) },
                { $0.socket.send(WireFrame(WireFrame.Opcode.close, [])) },
            ]
            for end in ends {
                let (connection, _) = try await bench.attach(bench.rival())
                try await connection.message(1, "kept")
                try await end(connection)
            }
            try await bench.eventually("a queue that is kept and detached") { $0?.depth == 1 && $0?.attached == nil }
        },
    ]
}

extension WireFrame {
    /// The same with changes.
    func with(_ change: (inout WireFrame) -> Void) -> WireFrame {
        var copy = self
        change(&copy)
        return copy
    }
}
