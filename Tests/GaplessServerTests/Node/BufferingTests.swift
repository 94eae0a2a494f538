import GaplessServer
import GaplessTesting
import NIOCore
import NIOPosix
import Testing

/// What is too large is refused as soon as it is announced, before its bytes come. [R3.2-5]
@Suite(.timeLimit(.minutes(10))) struct BufferingTests {
    private static let hello = #"HELLO {"client":"alice/phone","instance":"i1","attempt":1,"outbox":"o1"}"#

    @Test("[R3.2-5] before WELCOME nothing longer than a HELLO is waited for")
    func beforeTheWelcome() async throws {
        try await TestServer.run { server in
            let answer = try await self.exchange(server, [Self.header(8_192 + 6 + 1)], until: "ERROR ")
            #expect(answer.contains(#"ERROR {"code":4404"#), "\(answer)")
        }
    }

    @Test("[R3.2-5] the fragments of a message are counted together")
    func fragments() async throws {
        try await TestServer.run { server in
            let first = Self.header(8_000, opcode: 0x01) + Array(repeating: UInt8(ascii: "x"), count: 8_000)
            let answer = try await self.exchange(server, [first + Self.header(199, opcode: 0x80)], until: "ERROR ")
            #expect(answer.contains(#"ERROR {"code":4404"#), "\(answer)")
        }
    }

    @Test("[R3.2-5] a HELLO of the limit is taken")
    func theLongestHello() async throws {
        try await TestServer.run { server in
            let room = 8_192 + 6 - Self.hello.utf8.count - #","x":"""#.utf8.count
            let hello = Self.hello.dropLast() + #","x":"\#(String(repeating: "x", count: room))"}"#
            #expect(hello.utf8.count == 8_192 + 6)
            let answer = try await self.exchange(server, [Self.header(hello.utf8.count) + Array(hello.utf8)], until: "WELCOME ")
            #expect(answer.contains("WELCOME {"))
        }
    }

    @Test("[R3.2-5] after WELCOME nothing longer than the longest MSG is waited for", arguments: [true, false])
    func afterTheWelcome(isBinary: Bool) async throws {
        try await TestServer.run(prepare: { $0.onMessage { _, _ in } }) { server in
            let hello = Self.header(Self.hello.utf8.count) + Array(Self.hello.utf8)
            let tooLong = Self.header(65_536 + 21 + 1, opcode: isBinary ? 0x82 : 0x81)
            let answer = try await self.exchange(server, [hello, tooLong], until: "ERROR ")
            #expect(answer.contains(#"ERROR {"code":4404"#), "\(answer)")
        }
    }

    /// The header of a WebSocket frame of a client, with a mask that changes nothing.
    private static func header(_ length: Int, opcode: UInt8 = 0x81) -> [UInt8] {
        let mask: [UInt8] = [0, 0, 0, 0]
        if length < 126 { return [opcode, 0x80 | UInt8(length)] + mask }
        if length < 65_536 { return [opcode, 0xFE, UInt8(length >> 8), UInt8(length & 0xFF)] + mask }
        return [opcode, 0xFF, 0, 0, 0, 0] + [24, 16, 8, 0].map { UInt8(length >> $0 & 0xFF) } + mask
    }

    /// Opens a WebSocket by hand; sends the first bytes at once and each other after a `WELCOME`; everything that comes, up to the word.
    private func exchange(_ server: TestServer, _ bytes: [[UInt8]], until word: String) async throws -> String {
        let port = server.addresses.listen.port
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let handshake = [
            "GET /gapless HTTP/1.1", "Host: 127.0.0.1:\(port)", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: gapless.v1", "", "",
        ].joined(separator: "\r\n")
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: handshake))
            var waiting = bytes[...]
            var answer = ""
            for try await part in inbound {
                answer += String(decoding: part.readableBytesView, as: UTF8.self)
                if answer.contains(word) { break }
                let isDue = waiting.count == bytes.count ? answer.contains("\r\n\r\n") : answer.contains("WELCOME ")
                if isDue, let next = waiting.popFirst() { try await outbound.write(ByteBuffer(bytes: next)) }
            }
            return answer
        }
    }
}
