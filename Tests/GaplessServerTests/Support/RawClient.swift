import GaplessWebSocket
import NIOCore
import NIOHTTP1
import NIOPosix

/// A client that sends exactly what it is told and shows everything that comes, one frame after another.
final class RawClient: Sendable {
    enum Event: Hashable, Sendable {
        case text(String)
        case binary([UInt8])
        /// The connection ended, with the code of the peer's Close.
        case closed(UInt16?)
    }

    /// The connection ended before it was open.
    struct NotOpened: Error {}

    /// Something else came.
    struct Unexpected: Error, CustomStringConvertible {
        let wanted: String
        let event: Event
        var description: String { "wanted \(self.wanted), got \(self.event)" }
    }

    private let connection: NIOLoopBound<WebSocketConnectionHandler<Delegate>>
    private let events: Mailbox<Event>

    private init(_ connection: NIOLoopBound<WebSocketConnectionHandler<Delegate>>, _ events: Mailbox<Event>) {
        self.connection = connection
        self.events = events
    }

    /// Opens a connection.
    static func connect(
        _ url: String,
        headers: HTTPHeaders = [:],
        tls: (@Sendable (WebSocketEndpoint, any Channel) throws -> [any ChannelHandler])? = nil
    ) async throws -> RawClient {
        var connector = WebSocketConnector(group: MultiThreadedEventLoopGroup.singleton, timeout: .minutes(5), tls: tls)
        connector.configuration.maxMessageBytes = 2_097_152
        connector.configuration.closeTimeout = .minutes(5)
        connector.configuration.writeStallTimeout = nil
        let events = Mailbox<Event>()
        let (handlers, input) = AsyncStream.makeStream(of: NIOLoopBound<WebSocketConnectionHandler<Delegate>>.self)
        let attempt = connector.connect(to: try WebSocketEndpoint(url: url), headers: headers) { _ in Delegate(events, input) }
        try await attempt.opened.get()
        for await connection in handlers { return RawClient(connection, events) }
        throw NotOpened()
    }

    func send(_ text: String) {
        self.write(.text, ByteBuffer(string: text))
    }

    func send(_ bytes: [UInt8]) {
        self.write(.binary, ByteBuffer(bytes: bytes))
    }

    private func write(_ kind: WebSocketMessageKind, _ payload: ByteBuffer) {
        self.connection.execute { connection in
            connection.send(kind, payload)
            connection.flush()
        }
    }

    /// Ends the WebSocket as it should be.
    func close(_ code: UInt16 = 1_000) {
        self.connection.execute { $0.close(WebSocketCloseCode(code)) }
    }

    /// Ends the TCP connection, as a lost network does.
    func cut() {
        self.connection.execute { $0.abort() }
    }

    func pauseReading() {
        self.connection.execute { $0.pauseReading() }
    }

    func resumeReading() {
        self.connection.execute { $0.resumeReading() }
    }

    /// What comes next.
    func next() async throws -> Event {
        try await self.events.next()
    }

    /// The next frame, which must begin like this. A `PING` in between is answered.
    @discardableResult
    func expect(_ prefix: String) async throws -> String {
        while true {
            let event = try await self.next()
            guard case .text(let text) = event else { throw Unexpected(wanted: prefix, event: event) }
            if text.hasPrefix(prefix) { return text }
            guard text.hasPrefix("PING ") else { throw Unexpected(wanted: prefix, event: event) }
            self.send("PONG \(text.dropFirst(5))")
        }
    }

    /// The connection ends with this code, and said so before in an `ERROR`.
    func expectEnd(_ code: UInt16) async throws {
        try await self.expect("ERROR {\"code\":\(code),")
        try await self.expectClose(code)
    }

    /// The connection ends with this code.
    func expectClose(_ code: UInt16?) async throws {
        let event = try await self.next()
        guard event == .closed(code) else { throw Unexpected(wanted: "close \(code.map(String.init) ?? "without a code")", event: event) }
    }

    final class Delegate: WebSocketConnectionDelegate {
        private let events: Mailbox<Event>
        private let opened: AsyncStream<NIOLoopBound<WebSocketConnectionHandler<Delegate>>>.Continuation

        init(_ events: Mailbox<Event>, _ opened: AsyncStream<NIOLoopBound<WebSocketConnectionHandler<Delegate>>>.Continuation) {
            self.events = events
            self.opened = opened
        }

        func connectionOpened(_ connection: WebSocketConnectionHandler<Delegate>) {
            self.opened.yield(NIOLoopBound(connection, eventLoop: connection.eventLoop))
        }

        func received(_ kind: WebSocketMessageKind, _ payload: ByteBuffer) {
            switch kind {
            case .text: self.events.put(.text(String(buffer: payload)))
            case .binary: self.events.put(.binary(Array(payload.readableBytesView)))
            }
        }

        func connectionClosed(_ closure: WebSocketClosure) {
            self.events.put(.closed(closure.code?.rawValue))
        }
    }
}

extension NIOLoopBound {
    /// Does something with the value on its loop.
    func execute(_ body: @escaping @Sendable (Value) -> Void) {
        self.eventLoop.execute { body(self.value) }
    }
}
