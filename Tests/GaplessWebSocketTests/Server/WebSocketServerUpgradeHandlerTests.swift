import GaplessWebSocket
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@Suite struct WebSocketServerUpgradeHandlerTests {
    // MARK: Plain HTTP

    @Test func aHealthCheckIsAnsweredAndTheConnectionKept() throws {
        let server = try EmbeddedServer()
        try server.receive("GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(
            String(buffer: try server.answer())
                == "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nok\n"
        )
        #expect(server.socket.endings.isEmpty)
        try server.receive("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try server.statuses() == ["404"])
    }

    @Test func headHasNoBody() throws {
        let server = try EmbeddedServer()
        try server.receive("HEAD /live HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = String(buffer: try server.answer())
        #expect(answer.contains("Content-Length: 3\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n"))
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let server = try EmbeddedServer()
        try server.receive("GET /live HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\nGET /live HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try server.statuses() == ["200", "404", "200"])
        #expect(server.socket.flushes == 1)
    }

    @Test func aRequestMayComeByteByByte() throws {
        let server = try EmbeddedServer()
        for character in "GET /live HTTP/1.1\r\nHost: a\r\n\r\n" { try server.receive(String(character)) }
        #expect(try server.statuses() == ["200"])
    }

    @Test(arguments: [
        "GET /live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /live HTTP/1.0\r\nHost: a\r\n\r\n",
        "GET /live HTTP/1.0\r\n\r\n",
        "GET /live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
    ])
    func whoDoesNotKeepTheConnectionLosesItAfterTheAnswer(_ request: String) throws {
        let server = try EmbeddedServer()
        try server.receive(request + "GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try server.statuses() == ["200"])
        #expect(server.socket.endings == [.output])
        server.advance(.seconds(2))
        #expect(server.socket.endings == [.output, .all])
    }

    @Test(arguments: [
        ("POST /live HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
        ("DELETE /live HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
        ("POST /live HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "413"),
        ("GET /live HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", "413"),
        ("GET /live HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "413"),
        ("GET /live HTTP/1.1\r\n\r\n", "400"),
        ("GET /live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        ("GET /live HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "400"),
        ("GET /live HTTP/2.0\r\nHost: a\r\n\r\n", "400"),
        ("nonsense\r\n\r\n", "400"),
        ("GET /live HTTP/1.1\r\nHost a\r\n\r\n", "400"),
        ("GET /live HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "400"),
        ("GET /live HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", "400"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"),
    ])
    func requestsThatAreRefused(_ request: String, _ status: String) throws {
        let server = try EmbeddedServer()
        try server.receive(request)
        #expect(try server.statuses() == [status])
        if status != "405" { #expect(server.socket.endings == [.output]) }
        try server.receive("GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try server.statuses() == (status == "405" ? ["200"] : []))
    }

    @Test func aRequestIsAsLongAsAllowedAndNoLonger() throws {
        for (extra, status) in [(0, "200"), (300, "431")] {
            let server = try EmbeddedServer(configure: { $0.maxHeaderBytes = 300 })
            try server.receive("GET /live HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 200 + extra))\r\n\r\n")
            #expect(try server.statuses() == [status])
        }
        for (count, status) in [(4, "200"), (5, "431")] {
            let server = try EmbeddedServer(configure: { $0.maxHeaders = 5 })
            try server.receive("GET /live HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: count) + "\r\n")
            #expect(try server.statuses() == [status])
        }
    }

    @Test func aHeadThatNeverEndsIsRefusedEarly() throws {
        let server = try EmbeddedServer(configure: { $0.maxHeaderBytes = 1_000 })
        try server.receive("GET /")
        for _ in 0..<10 where server.socket.endings.isEmpty { try server.receive(String(repeating: "a", count: 200)) }
        #expect(try server.statuses() == ["431"])
    }

    @Test func whoDoesNotReadAnswersIsNotReadFrom() throws {
        let server = try EmbeddedServer()
        let before = server.socket.reads
        server.channel.isWritable = false
        server.channel.pipeline.fireChannelWritabilityChanged()
        server.channel.read()
        #expect(server.socket.reads == before)
        server.channel.isWritable = true
        server.channel.pipeline.fireChannelWritabilityChanged()
        #expect(server.socket.reads == before + 1)
    }

    // MARK: Deadlines and ends

    @Test func aFirstRequestHasADeadlineOnTheWhole() throws {
        let server = try EmbeddedServer()
        for _ in 0..<9 {
            server.advance(.seconds(1))
            try server.receive("\r\n")
        }
        #expect(server.channel.isActive)
        server.advance(.seconds(1))
        #expect(!server.channel.isActive)
    }

    @Test func aKeptConnectionHasALongerDeadlineForEachRequest() throws {
        let server = try EmbeddedServer()
        for _ in 0..<3 {
            server.advance(.seconds(9))
            try server.receive("GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try server.statuses() == ["200"])
        }
        server.advance(.seconds(74))
        #expect(server.channel.isActive)
        server.advance(.seconds(1))
        #expect(!server.channel.isActive)
    }

    @Test func theClientsEndOfTCPEndsTheConnection() throws {
        let server = try EmbeddedServer()
        try server.receive("GET /li")
        server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!server.channel.isActive)
    }

    @Test func aShutdownEndsConnectionsThatWait() throws {
        let server = try EmbeddedServer()
        server.channel.pipeline.fireUserInboundEventTriggered(WebSocketShutdownEvent())
        #expect(server.socket.endings == [.all])
    }

    // MARK: Upgrade

    @Test func aHandshakeBecomesAConnection() throws {
        let delegate = RecordingDelegate()
        let server = try EmbeddedServer(delegate: delegate)
        try server.receive(EmbeddedServer.upgrade + "\r\n")
        #expect(
            String(buffer: try server.answer())
                == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: gapless.v1\r\nX-Node: a\r\n\r\n"
        )
        try server.receive("", rawText("hello"))
        #expect(delegate.essentials == [.opened, .text("hello")])
        // Only the connection is left.
        #expect(throws: (any Error).self) {
            try server.channel.pipeline.syncOperations.handler(type: WebSocketServerUpgradeHandler<RecordingDelegate>.self)
        }
        #expect(throws: (any Error).self) {
            try server.channel.pipeline.syncOperations.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
        }
        // Nor is the deadline.
        server.advance(.hours(1))
        #expect(server.channel.isActive)
    }

    @Test func bytesBehindTheRequestAreForTheWebSocket() throws {
        let delegate = RecordingDelegate()
        let server = try EmbeddedServer(delegate: delegate)
        try server.receive(EmbeddedServer.upgrade + "\r\n", rawText("first"), rawText("second"), Array(rawText("third").prefix(4)))
        #expect(delegate.calls == [.opened, .inbound, .text("first"), .text("second"), .batchEnded])
        try server.receive("", Array(rawText("third").dropFirst(4)))
        #expect(delegate.essentials.last == .text("third"))
    }

    @Test func bytesBehindTheRequestAreReadThoughTheClientEndsAtOnce() throws {
        let delegate = RecordingDelegate()
        let server = try EmbeddedServer(delegate: delegate)
        let bytes = Array((EmbeddedServer.upgrade + "\r\n").utf8) + rawText("only") + rawClose(1000)
        try server.channel.writeInbound(ByteBuffer(bytes: bytes))
        server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        server.channel.embeddedEventLoop.run()
        #expect(delegate.essentials == [.opened, .text("only"), .closed(1000, "", isClean: true)])
        #expect(Array(try server.answer().readableBytesView.suffix(4)) == rawClose(1000, mask: nil))
        #expect(!server.channel.isActive)
    }

    @Test func theHandshakeMayComeByteByByteAndTheFramesToo() throws {
        let delegate = RecordingDelegate()
        let server = try EmbeddedServer(delegate: delegate)
        for byte in Array((EmbeddedServer.upgrade + "\r\n").utf8) + rawText("torn") { try server.receive("", [byte]) }
        #expect(delegate.essentials == [.opened, .text("torn")])
    }

    @Test func whatIsSentAtTheOpeningComesAfterThe101() throws {
        let delegate = RecordingDelegate()
        delegate.onOpen = { $0.send(.text, ByteBuffer(string: "welcome")) }
        let server = try EmbeddedServer(delegate: delegate)
        try server.receive(EmbeddedServer.upgrade + "\r\n")
        let answer = Array(try server.answer().readableBytesView)
        #expect(answer.starts(with: Array("HTTP/1.1 101".utf8)))
        #expect(Array(answer.suffix(9)) == rawText("welcome", mask: nil))
    }

    @Test func aHealthCheckMayComeBeforeTheHandshake() throws {
        let delegate = RecordingDelegate()
        let server = try EmbeddedServer(delegate: delegate)
        try server.receive("GET /live HTTP/1.1\r\nHost: a\r\n\r\n" + EmbeddedServer.upgrade + "\r\n", rawText("hello"))
        #expect(try server.statuses() == ["200", "101"])
        #expect(delegate.essentials == [.opened, .text("hello")])
    }

    @Test(arguments: [
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12", "426"),
        ("gapless.v1", "chat", "400"),
        ("Host: a", "Host: a\r\nOrigin: http://b", "403"),
        ("/gapless", "/other", "404"),
        ("GET", "POST", "405"),
        ("HTTP/1.1", "HTTP/1.0", "400"),
        ("Host: a", "Host: a\r\nContent-Length: 3", "413"),
    ])
    func aHandshakeThatIsWrongIsAnsweredAndEnds(_ right: String, _ wrong: String, _ status: String) throws {
        let delegate = RecordingDelegate()
        let server = try EmbeddedServer(delegate: delegate)
        let request = EmbeddedServer.upgrade + "\r\n"
        let parts = request.split(separator: right, maxSplits: 1, omittingEmptySubsequences: false)
        try server.receive(parts.joined(separator: wrong), rawText("never"))
        #expect(try server.statuses() == [status])
        #expect(server.socket.endings == [.output])
        #expect(delegate.calls.isEmpty)
    }

    @Test(arguments: ["Upgrade\t", "keep-alive, Upgrade \t", "Upgrade\t,x"])
    func whatTheDecoderTakesForTheNextRequestIsNoFrame(_ connection: String) throws {
        let delegate = RecordingDelegate()
        let server = try EmbeddedServer(delegate: delegate)
        let request = EmbeddedServer.upgrade.replacing("Connection: Upgrade", with: "Connection: \(connection)")
        try server.receive(request + "\r\nPOST /live HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
        #expect(!server.channel.isActive)
        #expect(delegate.essentials.allSatisfy { if case .text = $0 { false } else { true } })
    }

    @Test(arguments: [
        "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        EmbeddedServer.upgrade.replacing("Version: 13", with: "Version: 12") + "\r\n",
    ])
    func whatFollowsARequestThatEndsHTTPIsNotKept(_ request: String) throws {
        let server = try EmbeddedServer()
        try server.receive(request)
        #expect(server.socket.endings == [.output])
        var bytes = ByteBuffer(repeating: 0x41, count: 4_096)
        try server.channel.writeInbound(bytes)
        // Whoever kept the bytes would be another owner of them.
        let isOurs = bytes.modifyIfUniquelyOwned { _ in true } ?? false
        #expect(isOurs)
    }

    @Test func aHandshakeMayBeRefusedWithRetryAfter() throws {
        let server = try EmbeddedServer()
        try server.receive(EmbeddedServer.upgrade + "\r\n", rawText("never"))
        let answer = String(buffer: try server.answer())
        #expect(answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"))
        #expect(answer.hasSuffix("\r\n\r\nDraining.\n"))
        #expect(server.socket.endings == [.output])
    }

    @Test func aConnectionThatIsLostInTheHandshakeNeverBegins() throws {
        let delegate = RecordingDelegate()
        let server = try EmbeddedServer(delegate: delegate)
        try server.receive(EmbeddedServer.upgrade)
        server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        server.channel.embeddedEventLoop.run()
        #expect(delegate.calls.isEmpty)
        #expect(!server.channel.isActive)
    }
}
