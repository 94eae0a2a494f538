import GaplessCore
import GaplessWebSocket
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization
import Testing

/// A server that does what the test says: it hands each connection to the test, which reads and writes frames.
final class FakeServer: Sendable {
    /// Where it listens.
    let url: String
    private let listener: WebSocketListener
    private let connections: Mailbag<FakeConnection>
    private let requests: Mailbag<HTTPRequestHead>

    private init(url: String, listener: WebSocketListener, connections: Mailbag<FakeConnection>, requests: Mailbag<HTTPRequestHead>) {
        self.url = url
        self.listener = listener
        self.connections = connections
        self.requests = requests
    }

    /// Opens a free port on loopback.
    ///
    /// - Parameter refusal: an HTTP status for every handshake.
    static func start(tls: NIOSSLContext? = nil, refusal: HTTPAnswer? = nil) async throws -> FakeServer {
        let connections = Mailbag<FakeConnection>()
        let requests = Mailbag<HTTPRequestHead>()
        let service = WebSocketService<FakeSocket>(
            admit: { request, channel in
                requests.put(request)
                if let refusal { return .refuse(refusal) }
                return .accept(FakeSocket(eventLoop: channel.eventLoop) { connections.put($0) })
            }
        )
        var options = WebSocketListener.Options(host: "127.0.0.1", port: 0)
        if let tls { options.tls = { _ in [NIOSSLServerHandler(context: tls)] } }
        let group = MultiThreadedEventLoopGroup.singleton
        let listener = try await WebSocketListener.bind(options, group: group, service: service).get()
        let url = "\(tls == nil ? "ws" : "wss")://\(tls == nil ? "127.0.0.1" : "localhost"):\(listener.port)/gapless"
        return FakeServer(url: url, listener: listener, connections: connections, requests: requests)
    }

    /// The next connection, as soon as it is open.
    func accept() async throws -> FakeConnection {
        try await self.connections.next("a connection")
    }

    /// The next handshake.
    func request() async throws -> HTTPRequestHead {
        try await self.requests.next("a handshake")
    }

    /// The next connection and its `HELLO`.
    func greeted() async throws -> (connection: FakeConnection, hello: Hello) {
        let connection = try await self.accept()
        return (connection, try await connection.hello())
    }

    /// Whether a handshake came that nobody asked for.
    var hasUnexpectedRequest: Bool { !self.requests.isEmpty }

    /// Whether a connection came that nobody asked for.
    var hasUnexpectedConnection: Bool { !self.connections.isEmpty }

    /// Closes the port and everything.
    func stop() async throws {
        try await self.listener.stopAccepting().get()
        self.listener.closeAll()
        try await self.listener.whenEmpty.get()
    }
}

/// One connection of a client, seen from the server.
final class FakeConnection: Sendable {
    /// How the connection ended.
    struct End: Hashable, Sendable {
        let code: UInt16?
    }

    fileprivate let frames = Mailbag<ClientFrame>()
    fileprivate let ends = Mailbag<End>()
    private let socket: NIOLoopBound<WebSocketConnectionHandler<FakeSocket>>
    private let eventLoop: any EventLoop

    fileprivate init(_ socket: WebSocketConnectionHandler<FakeSocket>) {
        self.eventLoop = socket.eventLoop
        self.socket = NIOLoopBound(socket, eventLoop: socket.eventLoop)
    }

    /// The next frame of the client; `PING` and `PONG` are left out.
    func next() async throws -> ClientFrame {
        while true {
            let frame = try await self.frames.next("a frame")
            switch frame {
            case .ping, .pong: continue
            case .hello, .message, .acknowledge, .authenticate, .bye: return frame
            }
        }
    }

    /// The next frame, whatever it is.
    func nextOfAny() async throws -> ClientFrame {
        try await self.frames.next("a frame")
    }

    /// The next frame, which must be `HELLO`.
    func hello() async throws -> Hello {
        let frame = try await self.next()
        guard case .hello(let hello) = frame else { throw UnexpectedFrame(frame: frame) }
        return hello
    }

    /// Reads frames up to an `ACK` through the number.
    func acknowledged(through number: UInt64) async throws {
        while true {
            let frame = try await self.next()
            guard case .acknowledge(let through) = frame else { throw UnexpectedFrame(frame: frame) }
            if through == SequenceNumber(number) { return }
            try #require(through < SequenceNumber(number))
        }
    }

    /// Whether no frame waits to be looked at.
    var isSilent: Bool { self.frames.isEmpty }

    /// How the connection ended, once it has.
    func ended() async throws -> End {
        try await self.ends.next("the end of the connection")
    }

    /// Sends frames in one batch.
    func send(_ frames: ServerFrame...) {
        self.sendAll(frames)
    }

    /// Sends frames in one batch.
    func sendAll(_ frames: [ServerFrame]) {
        self.onLoop { socket in
            for frame in frames {
                let kind: WebSocketMessageKind = FrameEncoder.kind(of: frame) == .text ? .text : .binary
                socket.send(kind) { FrameEncoder.append(frame, to: &$0) }
            }
            socket.flush()
        }
    }

    /// Sends a text message as it is.
    func send(raw text: String) {
        self.onLoop { socket in
            socket.send(.text, ByteBuffer(string: text))
            socket.flush()
        }
    }

    /// Says `ERROR` and closes with its code.
    func refuse(_ code: CloseCode, retryAfter: Duration? = nil, jitter: Duration? = nil, forget: Bool = false) {
        self.send(.error(ErrorFrame(code: code, message: "said the test", retryAfter: retryAfter, jitter: jitter, forget: forget)))
        self.close(code)
    }

    /// Closes with the code.
    func close(_ code: CloseCode) {
        self.onLoop { $0.close(WebSocketCloseCode(code.rawValue)) }
    }

    /// Cuts TCP.
    func cut() {
        self.onLoop { $0.abort() }
    }

    private func onLoop(_ body: @escaping @Sendable (WebSocketConnectionHandler<FakeSocket>) -> Void) {
        self.eventLoop.execute { body(self.socket.value) }
    }
}

/// The client sent something that the test did not expect.
struct UnexpectedFrame: Error {
    let frame: ClientFrame
}

/// What stands behind a connection of a fake server.
final class FakeSocket: WebSocketConnectionDelegate {
    private let opened: (FakeConnection) -> Void
    private var connection: FakeConnection?
    private let decoder = ClientFrameDecoder(limits: WireLimits(message: Limits.maxPayloadBytes), validation: .checked)

    init(eventLoop: any EventLoop, opened: @escaping (FakeConnection) -> Void) {
        self.opened = opened
    }

    func connectionOpened(_ connection: WebSocketConnectionHandler<FakeSocket>) {
        connection.maxMessageBytes = Limits.maxPayloadBytes + Limits.maxMessageHeadBytes
        let fake = FakeConnection(connection)
        self.connection = fake
        self.opened(fake)
    }

    func received(_ kind: WebSocketMessageKind, _ payload: ByteBuffer) {
        do {
            self.connection?.frames.put(try self.decoder.decode(kind == .text ? .text : .binary, payload))
        } catch {
            Issue.record("the client sent a bad frame: \(error)")
        }
    }

    func connectionClosed(_ closure: WebSocketClosure) {
        self.connection?.ends.put(FakeConnection.End(code: closure.code?.rawValue))
    }
}
