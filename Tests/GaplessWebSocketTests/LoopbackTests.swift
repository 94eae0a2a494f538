import GaplessWebSocket
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

/// Sends messages to an echo, one after the other, and completes when all have come back as they were.
final class EchoClient: WebSocketConnectionDelegate {
    private var waiting: [(WebSocketMessageKind, ByteBuffer)]
    private let done: EventLoopPromise<WebSocketClosure>
    private var connection: WebSocketConnectionHandler<EchoClient>?
    private var failure: String?

    init(_ messages: [(WebSocketMessageKind, ByteBuffer)], done: EventLoopPromise<WebSocketClosure>) {
        self.waiting = messages
        self.done = done
    }

    func connectionOpened(_ connection: WebSocketConnectionHandler<EchoClient>) {
        self.connection = connection
        self.sendNext()
    }

    func received(_ kind: WebSocketMessageKind, _ payload: ByteBuffer) {
        let (sentKind, sent) = self.waiting.removeFirst()
        guard sentKind == kind, sent == payload else { return self.connection?.close(WebSocketCloseCode(4999), reason: "differs") ?? () }
        self.sendNext()
    }

    func connectionClosed(_ closure: WebSocketClosure) {
        self.connection = nil
        self.done.succeed(closure)
    }

    private func sendNext() {
        guard let (kind, payload) = self.waiting.first else { return self.connection?.close(.normal, reason: "done") ?? () }
        self.connection?.send(kind, payload)
        self.connection?.flush()
    }
}

@Suite(.timeLimit(.minutes(1)))
struct LoopbackTests {
    private func echoServer(_ group: any EventLoopGroup, maxMessageBytes: Int = 1 << 25) async throws -> WebSocketListener {
        var connection = WebSocketConnectionConfiguration()
        connection.maxMessageBytes = maxMessageBytes
        let service = WebSocketService<WebSocketEcho>(
            connection: connection,
            admit: { head, _ in
                head.headers.contains(name: "X-Refuse")
                    ? .refuse(HTTPAnswer(.serviceUnavailable, headers: ["Retry-After": "7"], text: "Full.")) : .accept(WebSocketEcho())
            },
            answer: { head in HTTPAnswer(.ok, text: "You asked for \(head.uri).") }
        )
        return try await WebSocketListener.bind(.init(host: "127.0.0.1", port: 0), group: group, service: service).get()
    }

    private func exchange(_ messages: [(WebSocketMessageKind, ByteBuffer)]) async throws -> WebSocketClosure {
        let group = MultiThreadedEventLoopGroup.singleton
        let listener = try await self.echoServer(group)
        let endpoint = WebSocketEndpoint(host: "127.0.0.1", port: listener.port, isTLS: false, path: "/gapless")
        let eventLoop = group.next()
        let done = eventLoop.makePromise(of: WebSocketClosure.self)
        var configuration = WebSocketConnectionConfiguration()
        configuration.maxMessageBytes = 1 << 25
        let attempt = WebSocketConnector(group: group, configuration: configuration)
            .connect(to: endpoint, on: eventLoop) { _ in EchoClient(messages, done: done) }
        try await attempt.opened.get()
        let closure = try await done.futureResult.get()
        try await listener.stopAccepting().get()
        try await listener.whenEmpty.get()
        return closure
    }

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
}
