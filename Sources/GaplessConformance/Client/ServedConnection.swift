import GaplessCore
import NIOCore

/// A connection of the client under test, read frame by frame; the kit is the server.
///
/// It belongs to one trial, which uses it from one task.
final class ServedConnection: Conversation {
    let socket: WireSocket
    /// The request that began the WebSocket.
    let request: HTTPHead
    /// Whom a `WELCOME` names that names nobody else.
    private let client: String
    let patience: Duration
    private var watch: UplinkWatch
    private let decoder = ClientFrameDecoder(limits: WireLimits(message: Limits.maxPayloadBytes), validation: .checked)
    private let kitDecoder = ServerFrameDecoder()
    var lastPing: UInt64 = 0
    private var hasClosed = false

    /// Whether `PING` is answered.
    var answersPings = true
    /// The `HELLO`, once it came.
    private(set) var hello: Hello?
    /// How many `PING`s came.
    private(set) var pingCount = 0

    init(_ socket: WireSocket, request: HTTPHead, client: String, history: ClientHistory, patience: Duration) {
        self.socket = socket
        self.request = request
        self.client = client
        self.watch = UplinkWatch(history)
        self.patience = patience
    }

    // MARK: Sending

    /// Sends frames as text messages, in one write.
    func send(_ frames: String...) {
        for frame in frames { self.notes(.text, ByteBuffer(string: frame)) }
        self.socket.send(frames.map { .text($0) })
    }

    /// Sends a frame as a binary message.
    func send(binary bytes: [UInt8]) {
        self.notes(.binary, ByteBuffer(bytes: bytes))
        self.socket.send(.binary(bytes))
    }

    /// Sends a `WELCOME`.
    func welcome(_ welcome: WelcomeText) {
        self.send(welcome.frame(for: self.client))
    }

    /// Sends messages with these numbers; each carries its number as text.
    func sendMessages(_ numbers: ClosedRange<UInt64>) {
        for number in numbers { self.send("MSG \(number) 1767225600000 \(number)") }
    }

    /// Ends the connection as a server does.
    func end(_ code: UInt16, _ more: String = "") {
        let name = CloseCode(rawValue: code).name ?? "other"
        self.send("ERROR {\"code\":\(code),\"name\":\"\(name)\",\"message\":\"The kit ends this connection.\"\(more)}")
        self.close(code)
    }

    /// Sends a Close.
    func close(_ code: UInt16) {
        self.hasClosed = true
        self.socket.send(.close(code))
    }

    private func notes(_ kind: PayloadKind, _ bytes: ByteBuffer) {
        if let frame = try? self.kitDecoder.decode(kind, bytes) { self.watch.sends(frame) }
    }

    // MARK: Receiving

    /// The end has the code of the client's Close, if it sent one.
    func take(_ event: WireEvent, _ wanted: String) throws -> Incoming<ClientFrame>? {
        switch event {
        case .head(let head): throw Broken(wanted, came: head.line)
        case .message(let kind, let bytes): return self.take(kind, bytes).map { .frame($0) }
        case .ping(let payload): self.socket.send(WireFrame(WireFrame.Opcode.pong, payload))
        case .pong: break
        case .violation(let text): throw Broken("frames that fit RFC 6455", came: text)
        case .close(let code):
            self.watch.closed(code, answersOurs: self.hasClosed)
            if !self.hasClosed { self.socket.send(.close(code ?? 1_000)) }
            self.socket.cut()
            return .end(code)
        case .end: return .end(nil)
        }
        return nil
    }

    private func take(_ kind: PayloadKind, _ bytes: ByteBuffer) -> ClientFrame? {
        let frame: ClientFrame
        do {
            frame = try self.decoder.decode(kind, bytes)
        } catch {
            self.watch.unreadable(kind, bytes, error)
            return nil
        }
        self.watch.readable(frame)
        switch frame {
        case .hello(let hello): self.hello = self.hello ?? hello
        case .ping(let number):
            self.pingCount += 1
            guard self.answersPings else { return frame }
            self.send("PONG \(number)")
            return nil
        default: break
        }
        return frame
    }

    /// The `HELLO`.
    func greeted() async throws -> Hello {
        try await self.expect("HELLO") { if case .hello(let hello) = $0 { hello } else { nil } }
    }

    /// An uplink message with this number, and this text if one is given.
    @discardableResult
    func message(_ number: UInt64, _ text: String? = nil) async throws -> Payload {
        try await self.expect("MSG \(number)" + (text.map { " \($0)" } ?? "")) {
            guard case .message(let found, let payload) = $0, found.rawValue == number else { return nil }
            return text == nil || payload.text == text ? payload : nil
        }
    }

    /// Nothing comes for a moment but what is given leave to.
    func quiet(_ why: String, for duration: Duration = .milliseconds(300), allowing: (ClientFrame) -> Bool = \.isLiveness) async throws {
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end {
            let incoming: Incoming<ClientFrame>
            do {
                incoming = try await self.next("nothing: \(why)", within: end - ContinuousClock.now)
            } catch let broken as Broken where broken.isSilence {
                return
            }
            if case .frame(let frame) = incoming, allowing(frame) { continue }
            throw Broken("nothing: \(why)", came: self.told(incoming))
        }
    }
}
