import GaplessWebSocket
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

/// Both sides over real sockets.
@Suite(.timeLimit(.minutes(10)))
struct LoopbackTests {
    private let group = MultiThreadedEventLoopGroup.singleton

    private func echoServer(configure: (inout WebSocketListener.Options) -> Void = { _ in }) async throws -> WebSocketListener {
        var connection = WebSocketConnectionConfiguration()
        connection.maxMessageBytes = 1 << 24
        connection.maxFragments = 100_000
        connection.closeTimeout = .minutes(5)
        var http = HTTPBounds()
        http.handshakeTimeout = .minutes(5)
        http.lingerTimeout = .minutes(5)
        let service = WebSocketService<WebSocketEcho>(
            connection: connection,
            http: http,
            admit: { head, _ in
                head.headers.contains(name: "X-Refuse")
                    ? .refuse(HTTPAnswer(.serviceUnavailable, headers: ["Retry-After": "7"], text: "Full.")) : .accept(WebSocketEcho())
            },
            answer: { head in HTTPAnswer(.ok, text: "You asked for \(head.uri).") }
        )
        var options = WebSocketListener.Options(host: "127.0.0.1", port: 0)
        configure(&options)
        return try await WebSocketListener.bind(options, group: self.group, service: service).get()
    }

    /// Stops a listener and waits until no connection is left.
    private func end(_ listener: WebSocketListener) async throws {
        try await listener.stopAccepting().get()
        listener.closeAll()
        try await listener.whenEmpty.get()
        #expect(listener.connectionCount == 0)
    }

    private func connect(
        _ port: Int,
        _ messages: [(WebSocketMessageKind, ByteBuffer)],
        host: String = "127.0.0.1",
        headers: HTTPHeaders = [:],
        timeout: TimeAmount = .minutes(5)
    ) -> (attempt: WebSocketConnectAttempt, done: EventLoopFuture<WebSocketClosure>) {
        let eventLoop = self.group.next()
        let done = eventLoop.makePromise(of: WebSocketClosure.self)
        var configuration = WebSocketConnectionConfiguration()
        configuration.maxMessageBytes = 1 << 24
        configuration.closeTimeout = .minutes(5)
        let attempt = WebSocketConnector(group: self.group, timeout: timeout, configuration: configuration)
            .connect(
                to: WebSocketEndpoint(host: host, port: port, isTLS: false, path: "/gapless"),
                headers: headers,
                on: eventLoop
            ) { _ in EchoClient(messages, done: done) }
        attempt.opened.whenFailure { done.fail($0) }
        return (attempt, done.futureResult)
    }

    private func exchange(_ messages: [(WebSocketMessageKind, ByteBuffer)]) async throws -> WebSocketClosure {
        let listener = try await self.echoServer()
        let closure = try await self.connect(listener.port, messages).done.get()
        try await self.end(listener)
        return closure
    }

    /// The frames behind the 101 in what a raw client received.
    private func frames(_ received: ByteBuffer) throws -> [WebSocketEvent] {
        let text = String(decoding: received.readableBytesView.prefix(1_000), as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 101 "))
        var received = received
        let view = received.readableBytesView
        let end = view.indices.first { view[$0...].starts(with: [13, 10, 13, 10]) }
        received.moveReaderIndex(to: try #require(end) + 4)
        var decoder = WebSocketFrameDecoder(role: .client, maxMessageBytes: 1 << 24, maxFragments: 1)
        decoder.append(received)
        var events: [WebSocketEvent] = []
        while let event = try decoder.next() { events.append(event) }
        return events
    }

    // MARK: Messages

    @Test func messagesComeBackAsTheyWere() async throws {
        let closure = try await self.exchange([
            (.text, ByteBuffer(string: "hello")),
            (.text, ByteBuffer()),
            (.binary, ByteBuffer(bytes: [0, 255, 1])),
            (.text, ByteBuffer(string: String(repeating: "Grüße ", count: 50_000))),
        ])
        #expect(closure.code == .normal)
        #expect(closure.isClean)
    }

    @Test func aMessageOf16MiBComesBack() async throws {
        let closure = try await self.exchange([(.binary, ByteBuffer(repeating: 0xA5, count: 1 << 24))])
        #expect(closure.code == .normal)
    }

    @Test func aMessageIn66000FragmentsComesBackWhole() async throws {
        let listener = try await self.echoServer()
        var bytes = ByteBuffer(string: RawClient.upgrade)
        for index in 0..<66_000 {
            bytes.writeBytes(rawFrame(index == 0 ? 0x2 : 0x0, [UInt8(truncatingIfNeeded: index)], isFinal: index == 65_999))
        }
        bytes.writeBytes(rawClose(1000))
        let events = try self.frames(await RawClient.exchange(port: listener.port, send: [bytes]))
        let payload = ByteBuffer(bytes: (0..<66_000).map { UInt8(truncatingIfNeeded: $0) })
        #expect(events == [.message(.binary, payload), .close(.normal, reason: "")])
        try await self.end(listener)
    }

    @Test func bytesMayComeOneAtATime() async throws {
        let listener = try await self.echoServer()
        let bytes =
            Array(RawClient.upgrade.utf8) + rawText("Grü", isFinal: false) + rawFrame(0x9, [1]) + rawFrame(0x0, Array("ße".utf8))
            + rawClose(1000)
        let events = try self.frames(await RawClient.exchange(port: listener.port, send: bytes.map { ByteBuffer(bytes: [$0]) }))
        #expect(events == [.pong(ByteBuffer(bytes: [1])), .message(.text, ByteBuffer(string: "Grüße")), .close(.normal, reason: "")])
        try await self.end(listener)
    }

    @Test func aPeerThatEndsItsHalfAfterItsCloseStillGetsTheAnswers() async throws {
        let listener = try await self.echoServer()
        let bytes = ByteBuffer(bytes: Array(RawClient.upgrade.utf8) + rawText("last") + rawClose(1000))
        let events = try self.frames(await RawClient.exchange(port: listener.port, send: [bytes], endsFirst: true))
        #expect(events == [.message(.text, ByteBuffer(string: "last")), .close(.normal, reason: "")])
        try await self.end(listener)
    }

    @Test func theCloseCodeArrivesThoughThePeerGoesOnSending() async throws {
        let listener = try await self.echoServer()
        let garbage = ByteBuffer(repeating: 0xFF, count: 4 << 20)
        let bytes = ByteBuffer(bytes: Array(RawClient.upgrade.utf8) + rawFrame(0x3))
        let events = try self.frames(await RawClient.exchange(port: listener.port, send: [bytes, garbage]))
        #expect(events == [.close(.protocolError, reason: "the opcode is unknown")])
        try await self.end(listener)
    }

    @Test func aPeerThatDoesNotReadCostsNoMoreThanTheBound() async throws {
        let eventLoop = self.group.next()
        let full = eventLoop.makePromise(of: Int.self)
        let service = WebSocketService<RecordingDelegate>(admit: { _, _ in
            let delegate = RecordingDelegate()
            delegate.onOpen = { connection in
                while connection.isWritable {
                    for _ in 0..<8 { connection.send(.binary, ByteBuffer(repeating: 0, count: 1_024)) }
                    connection.flush()
                }
            }
            delegate.onWritable = { connection, isWritable in
                if isWritable { delegate.onOpen(connection) } else { full.succeed(connection.bytesOutstanding) }
            }
            return .accept(delegate)
        })
        let listener = try await WebSocketListener.bind(.init(host: "127.0.0.1", port: 0), group: eventLoop, service: service).get()
        let peer = try await ClientBootstrap(group: self.group)
            .channelOption(.autoRead, value: false)
            .connect(host: "127.0.0.1", port: listener.port).get()
        try await peer.writeAndFlush(ByteBuffer(string: RawClient.upgrade)).get()
        let outstanding = try await full.futureResult.get()
        #expect(outstanding > 65_536)
        #expect(outstanding <= 65_536 + 8 * 1_028)
        try await peer.close().get()
        try await self.end(listener)
    }

    // MARK: HTTP

    @Test func healthChecksAndHandshakesShareTheConnection() async throws {
        let listener = try await self.echoServer()
        let bytes = "GET /live HTTP/1.1\r\nHost: a\r\n\r\n" + RawClient.upgrade
        let received = try await RawClient.exchange(
            port: listener.port,
            send: [ByteBuffer(bytes: Array(bytes.utf8) + rawText("hi") + rawClose(1000))]
        )
        let text = String(decoding: received.readableBytesView, as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(text.contains("You asked for /live.\nHTTP/1.1 101 "))
        #expect(Array(received.readableBytesView.suffix(8)) == rawText("hi", mask: nil) + rawClose(1000, mask: nil))
        try await self.end(listener)
    }

    @Test func theAnswerToABodyArrivesThoughTheBodyIsStillBeingSent() async throws {
        let listener = try await self.echoServer()
        let head = ByteBuffer(string: "POST /live HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n")
        let received = try await RawClient.exchange(port: listener.port, send: [head, ByteBuffer(repeating: 1, count: 4 << 20)])
        #expect(String(buffer: received).hasPrefix("HTTP/1.1 413 "))
        try await self.end(listener)
    }

    // MARK: Attempts that fail

    private func code(_ error: (any Error)?) -> WebSocketConnectError.Code? { (error as? WebSocketConnectError)?.code }

    @Test func aRefusedHandshakeTellsStatusAndRetryAfter() async throws {
        let listener = try await self.echoServer()
        let error = await #expect(throws: WebSocketConnectError.self) {
            try await self.connect(listener.port, [], headers: ["X-Refuse": "1"]).done.get()
        }
        #expect(self.code(error) == .refused(status: 503, retryAfterSeconds: 7))
        try await self.end(listener)
    }

    @Test func aNameWithSeveralAddressesIsTriedWithEach() async throws {
        let listener = try await self.echoServer()
        for _ in 0..<20 {
            // The listener is on 127.0.0.1 only; the name may stand for ::1 as well.
            #expect(
                try await self.connect(listener.port, [(.text, ByteBuffer(string: "hi"))], host: "localhost").done.get().code == .normal
            )
        }
        try await self.end(listener)
    }

    @Test func nobodyListens() async throws {
        let listener = try await self.echoServer()
        let port = listener.port
        try await self.end(listener)
        let error = await #expect(throws: WebSocketConnectError.self) { try await self.connect(port, []).done.get() }
        #expect(self.code(error) == .transport)
    }

    @Test func aServerThatNeverAnswersIsLeftAtTheDeadline() async throws {
        let silent = try await ServerBootstrap(group: self.group).bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(silent.localAddress?.port)
        let error = await #expect(throws: WebSocketConnectError.self) {
            try await self.connect(port, [], timeout: .milliseconds(50)).done.get()
        }
        #expect(self.code(error) == .timeout)
        try await silent.close().get()
    }

    @Test func anAttemptCanBeGivenUp() async throws {
        let silent = try await ServerBootstrap(group: self.group).bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(silent.localAddress?.port)
        let (attempt, done) = self.connect(port, [])
        attempt.cancel()
        let error = await #expect(throws: WebSocketConnectError.self) { try await done.get() }
        #expect(self.code(error) == .cancelled)
        try await silent.close().get()
    }

    @Test func withoutTLSHandlersThereIsNoWss() async throws {
        let attempt = WebSocketConnector(group: self.group)
            .connect(to: WebSocketEndpoint(host: "127.0.0.1", port: 1, isTLS: true, path: "/")) { _ in WebSocketEcho() }
        let error = await #expect(throws: WebSocketConnectError.self) { try await attempt.opened.get() }
        #expect(self.code(error) == .invalidRequest)
    }

    // MARK: The listener

    @Test func aPortInUseIsAnError() async throws {
        let listener = try await self.echoServer()
        await #expect(throws: (any Error).self) { try await self.echoServer { $0.port = listener.port } }
        try await self.end(listener)
    }

    @Test func aboveTheMostConnectionsTheNextIsClosed() async throws {
        let listener = try await self.echoServer { $0.maxConnections = 1 }
        let (first, done) = self.connect(listener.port, [])
        _ = try await done.get()
        try await first.opened.get()
        try await listener.whenEmpty.get()  // The first has gone, so there is room for one.
        let holder = try await RawClient.holdConnection(port: listener.port)
        let error = await #expect(throws: WebSocketConnectError.self) { try await self.connect(listener.port, []).done.get() }
        #expect(self.code(error) == .transport)
        try await holder.close().get()
        try await self.end(listener)
    }

    @Test func quiescingTellsEachConnection() async throws {
        let listener = try await self.echoServer()
        let eventLoop = self.group.next()
        let opened = eventLoop.makePromise(of: Void.self)
        let closed = eventLoop.makePromise(of: WebSocketClosure.self)
        let endpoint = WebSocketEndpoint(host: "127.0.0.1", port: listener.port, isTLS: false, path: "/gapless")
        let attempt = WebSocketConnector(group: self.group).connect(to: endpoint, on: eventLoop) { _ in
            let delegate = RecordingDelegate()
            delegate.onOpen = { _ in opened.succeed() }
            delegate.onClosed = { closed.succeed($0) }
            return delegate
        }
        attempt.opened.whenFailure { error in
            opened.fail(error)
            closed.fail(error)
        }
        try await opened.futureResult.get()
        try await listener.stopAccepting().get()
        listener.quiesce()
        let closure = try await closed.futureResult.get()
        #expect(closure.code == .goingAway)
        #expect(closure.reason == "shutting down")
        try await listener.whenEmpty.get()
    }

    @Test func manyConnectionsAtOnce() async throws {
        let listener = try await self.echoServer()
        let messages = (0..<20).map { (WebSocketMessageKind.text, ByteBuffer(string: "message \($0)")) }
        let all = (0..<200).map { _ in self.connect(listener.port, messages).done }
        for done in all { #expect(try await done.get().code == .normal) }
        try await self.end(listener)
    }
}
