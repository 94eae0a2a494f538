import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import GaplessWebSocket

/// A client's connection in its handshake, on a loop that stands still.
private final class EmbeddedClient {
    let channel: EmbeddedChannel
    let socket = SocketStub()
    let delegate = RecordingDelegate()
    let attempt: WebSocketConnectAttempt
    private(set) var outcome: Result<Void, any Error>?
    private let key: HandshakeKey
    let handler: WebSocketClientUpgradeHandler<RecordingDelegate>

    init(begins: Bool = true) throws {
        self.channel = EmbeddedChannel(handler: self.socket)
        self.attempt = WebSocketConnectAttempt(eventLoop: self.channel.eventLoop)
        var random = SeededGenerator(seed: 4)
        let endpoint = WebSocketEndpoint(host: "a", port: 80, isTLS: false, path: "/gapless")
        let handshake = try ClientHandshake(endpoint: endpoint, using: &random)
        let key = try #require(HandshakeKey(handshake.request.headers.first(name: "Sec-WebSocket-Key") ?? ""))
        self.key = key
        let delegate = self.delegate
        let handler = WebSocketClientUpgradeHandler(
            handshake: handshake,
            configuration: WebSocketConnectionConfiguration(),
            attempt: self.attempt,
            makeDelegate: { _ in delegate }
        )
        self.handler = handler
        try self.channel.pipeline.syncOperations.addHandlers(handler.handlers(limits: HTTPBounds().decoderLimits))
        #expect(self.attempt.started(self.channel))
        self.attempt.opened.assumeIsolated().whenComplete { self.outcome = $0 }
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        if begins { handler.begin() }
    }

    var rightAnswer: String {
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \(self.key.accept)\r\n"
            + "Sec-WebSocket-Protocol: gapless.v1\r\n\r\n"
    }

    func receive(_ text: String, _ frames: [UInt8]...) throws {
        try self.channel.writeInbound(ByteBuffer(bytes: Array(text.utf8) + frames.flatMap { $0 }))
        self.channel.embeddedEventLoop.run()
    }

    func sent() throws -> ByteBuffer {
        var all = ByteBuffer()
        while var bytes = try self.channel.readOutbound(as: ByteBuffer.self) { all.writeBuffer(&bytes) }
        return all
    }

    var failure: WebSocketConnectError.Code? {
        guard case .failure(let error) = self.outcome else { return nil }
        return (error as? WebSocketConnectError)?.code
    }

    var isOpen: Bool {
        guard case .success = self.outcome else { return false }
        return true
    }
}

@Suite struct WebSocketClientUpgradeHandlerTests {
    @Test func theRightAnswerOpensTheConnection() throws {
        let client = try EmbeddedClient()
        client.delegate.onOpen = { $0.send(.text, ByteBuffer(string: "HELLO")) }
        #expect(String(buffer: try client.sent()).hasPrefix("GET /gapless HTTP/1.1\r\nHost: a\r\n"))
        try client.receive(client.rightAnswer)
        #expect(client.isOpen)
        #expect(client.delegate.calls == [.opened])
        #expect(try client.sent().readableBytes == 11)
        #expect(throws: (any Error).self) { try client.channel.pipeline.syncOperations.handler(type: HTTPRequestEncoder.self) }
        try client.receive("", rawText("WELCOME", mask: nil))
        #expect(client.delegate.essentials == [.opened, .text("WELCOME")])
    }

    @Test func framesBehindTheAnswerAreRead() throws {
        let client = try EmbeddedClient()
        try client.receive(client.rightAnswer, rawText("first", mask: nil), rawText("second", mask: nil), [0x81])
        #expect(client.delegate.calls == [.opened, .inbound, .text("first"), .text("second"), .batchEnded])
        try client.receive("", [0x01, 0x61])
        #expect(client.delegate.essentials.last == .text("a"))
    }

    @Test func framesBehindTheAnswerAreReadThoughTheServerEndsAtOnce() throws {
        let client = try EmbeddedClient()
        let bytes = Array(client.rightAnswer.utf8) + rawText("only", mask: nil) + rawClose(4100, "draining", mask: nil)
        try client.channel.writeInbound(ByteBuffer(bytes: bytes))
        client.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        client.channel.embeddedEventLoop.run()
        #expect(client.isOpen)
        #expect(client.delegate.essentials == [.opened, .text("only"), .closed(4100, "draining", isClean: true)])
        #expect(!client.channel.isActive)
    }

    @Test func theAnswerMayComeByteByByte() throws {
        let client = try EmbeddedClient()
        for byte in Array(client.rightAnswer.utf8) + rawText("first", mask: nil) { try client.receive("", [byte]) }
        #expect(client.delegate.essentials == [.opened, .text("first")])
    }

    @Test func aRefusalTellsItsStatusAndEndsTheConnection() throws {
        let client = try EmbeddedClient()
        try client.receive("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 9\r\nContent-Length: 100\r\n\r\n")
        #expect(client.failure == .refused(status: 503, retryAfterSeconds: 9))
        #expect(!client.channel.isActive)
        #expect(client.delegate.calls.isEmpty)
    }

    @Test func aRedirectIsNotFollowed() throws {
        let client = try EmbeddedClient()
        try client.receive("HTTP/1.1 302 Found\r\nLocation: ws://evil/\r\nContent-Length: 0\r\n\r\n")
        #expect(client.failure == .refused(status: 302, retryAfterSeconds: nil))
    }

    @Test(arguments: [
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n", "SSH-2.0-OpenSSH_9.6\r\n", "HTTP/2.0 101 x\r\n\r\n", "\u{15}\u{3}\u{1}\u{0}\u{2}",
    ])
    func anAnswerThatIsNoneOfAWebSocketServer(_ answer: String) throws {
        let client = try EmbeddedClient()
        try client.receive(answer)
        #expect(client.failure == .invalidResponse)
        #expect(!client.channel.isActive)
        #expect(client.delegate.calls.isEmpty)
    }

    @Test func aServerThatGoesAwayInTheHandshake() throws {
        let client = try EmbeddedClient()
        try client.receive("HTTP/1.1 101 Swi")
        client.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(client.failure == .transport)
        let other = try EmbeddedClient()
        other.channel.pipeline.fireChannelInactive()
        #expect(other.failure == .transport)
    }

    @Test func aChannelThatDidNotWinFailsNothing() throws {
        let client = try EmbeddedClient(begins: false)
        #expect(try client.sent().readableBytes == 0)
        client.channel.close(promise: nil)
        client.channel.embeddedEventLoop.run()
        #expect(client.outcome == nil)
        client.attempt.cancel()
    }

    @Test func aChannelThatIsLostBeforeItBeginsFailsTheAttempt() throws {
        let client = try EmbeddedClient(begins: false)
        client.channel.pipeline.fireErrorCaught(ChannelError.alreadyClosed)
        client.channel.embeddedEventLoop.run()
        client.handler.begin()
        #expect(client.failure == .transport)
        #expect(client.delegate.calls.isEmpty)
    }

    @Test func whoGivesUpGetsNoConnection() throws {
        let client = try EmbeddedClient()
        client.attempt.cancel()
        client.channel.embeddedEventLoop.run()
        #expect(client.failure == .cancelled)
        #expect(!client.channel.isActive)
        #expect(!client.attempt.started(client.channel))
    }

    @Test func givingUpAfterTheOpeningChangesNothing() throws {
        let client = try EmbeddedClient()
        try client.receive(client.rightAnswer)
        client.attempt.cancel()
        client.channel.embeddedEventLoop.run()
        #expect(client.isOpen)
        #expect(client.channel.isActive)
    }
}
