import GaplessWebSocket
import NIOCore
import NIOEmbedded
import Testing

/// The duties that RFC 6455 gives to a server before the upgrade, one by one, as bytes of HTTP on a whole connection.
@Suite("RFC 6455, handshake of the server") struct RFC6455HandshakeTests {
    /// A request that is right, with one thing changed in its text.
    private func answer(replacing old: String, with new: String) throws -> String {
        let server = try EmbeddedServer(delegate: RecordingDelegate())
        let request = EmbeddedServer.upgrade + "\r\n"
        try #require(request.contains(old))
        try server.receive(request.replacing(old, with: new))
        return String(buffer: try server.answer())
    }

    @Test("§4.2.2 what is right gets 101, the key's answer, the one subprotocol and no extension")
    func accepted() throws {
        let answer = try self.answer(replacing: "Host: a", with: "Host: a\r\nSec-WebSocket-Extensions: permessage-deflate")
        #expect(answer.hasPrefix("HTTP/1.1 101 "))
        #expect(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
        #expect(answer.contains("Sec-WebSocket-Protocol: gapless.v1\r\n"))
        #expect(!answer.contains("Extensions"))
    }

    @Test(
        "§4.2.1 what is not right gets its status",
        arguments: [
            ("GET ", "POST ", 405), ("GET ", "HEAD ", 405), ("HTTP/1.1", "HTTP/1.0", 400), ("HTTP/1.1", "HTTP/2.0", 400),
            ("Host: a\r\n", "", 400), ("Host: a\r\n", "Host: a\r\nHost: b\r\n", 400),
            ("Upgrade: websocket\r\n", "", 400), ("Upgrade: websocket", "Upgrade: h2c", 400),
            ("Connection: Upgrade\r\n", "", 400), ("Connection: Upgrade", "Connection: close", 400),
            ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400), ("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", 400),
            ("dGhlIHNhbXBsZSBub25jZQ==", "not base64, 24 characters", 400),
            ("Sec-WebSocket-Version: 13\r\n", "", 426), ("Version: 13", "Version: 12", 426), ("Version: 13", "Version: 14", 426),
            ("Sec-WebSocket-Protocol: gapless.v1\r\n", "", 400), ("gapless.v1", "chat", 400),
            ("Host: a", "Host: a\r\nOrigin: https://evil.example", 403),
            ("/gapless", "/elsewhere", 404),
        ] as [(String, String, Int)]
    )
    func refused(_ old: String, _ new: String, _ status: Int) throws {
        let answer = try self.answer(replacing: old, with: new)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
        #expect(answer.contains("Sec-WebSocket-Version: 13\r\n") == (status == 426))
    }

    @Test("§4.2.1 the head of a request is bounded in bytes and in fields", arguments: [(1, 16_384), (101, 1)])
    func oversized(_ fields: Int, _ bytes: Int) throws {
        let more = (0..<fields).map { "X-\($0): \(String(repeating: "x", count: bytes))\r\n" }.joined()
        #expect(try self.answer(replacing: "Host: a\r\n", with: "Host: a\r\n\(more)").hasPrefix("HTTP/1.1 431 "))
    }

    @Test("§10.4 a handshake that does not end has a deadline, however its bytes drip")
    func slow() throws {
        let server = try EmbeddedServer(delegate: RecordingDelegate()) { $0.handshakeTimeout = .seconds(10) }
        for byte in EmbeddedServer.upgrade.utf8.prefix(99) {
            try server.receive("", [byte])
            server.advance(.milliseconds(100))
            #expect(server.channel.isActive)
        }
        server.advance(.milliseconds(100))
        #expect(!server.channel.isActive)
        #expect(try server.answer().readableBytes == 0)
    }
}
