import GaplessCore
import NIOCore

/// A connection of the client under test, read frame by frame; the kit is the server.
///
/// It belongs to one trial, which uses it from one task.
final class ServedConnection {
    /// What came.
    enum Incoming {
        case frame(ClientFrame)
        /// The connection ended, with the code of the client's Close if it sent one.
        case end(UInt16?)
    }

    let socket: WireSocket
    /// The request that began the WebSocket.
    let request: HTTPHead
    private let patience: Duration
    private var watch: UplinkWatch
    private let decoder = ClientFrameDecoder(limits: WireLimits(message: Limits.maxPayloadBytes), validation: .checked)
    private let kitDecoder = ServerFrameDecoder()
    private var lastPing: UInt64 = 0
    private var hasClosed = false

    /// Whether `PING` is answered.
    var answersPings = true
    /// The `HELLO`, once it came.
    private(set) var hello: Hello?
    /// How many `PING`s came.
    private(set) var pingCount = 0

    init(_ socket: WireSocket, request: HTTPHead, history: ClientHistory, patience: Duration) {
        self.socket = socket
        self.request = request
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
        self.send(welcome.frame)
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

    /// The next frame or the end.
    ///
    /// - Throws: `Broken` when neither comes in time.
    func next(_ wanted: String, within patience: Duration? = nil) async throws -> Incoming {
        while true {
            guard let event = await self.socket.next(within: patience ?? self.patience) else {
                throw Broken(wanted, came: "nothing for \(patience ?? self.patience)")
            }
            switch event {
            case .head(let head): throw Broken(wanted, came: head.line)
            case .message(let kind, let bytes):
                if let frame = self.take(kind, bytes) { return .frame(frame) }
            case .ping(let payload): self.socket.send(WireFrame(WireFrame.Opcode.pong, payload))
            case .pong: continue
            case .violation(let text): throw Broken("frames that fit RFC 6455", came: text)
            case .close(let code):
                self.watch.closed(code, answersOurs: self.hasClosed)
                if !self.hasClosed { self.socket.send(.close(code ?? 1_000)) }
                self.socket.cut()
                return .end(code)
            case .end:
                return .end(nil)
            }
        }
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

    /// The next frame that is no `ACK`, which must be the one that is wanted.
    func expect<Value>(_ wanted: String, within patience: Duration? = nil, _ pick: (ClientFrame) -> Value?) async throws -> Value {
        while true {
            let incoming = try await self.next(wanted, within: patience)
            if case .frame(let frame) = incoming {
                if let value = pick(frame) { return value }
                if case .acknowledge = frame { continue }
            }
            throw Broken(wanted, came: Self.told(incoming))
        }
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

    /// An `ACK` through this number, and none above it.
    func acknowledgement(through number: UInt64) async throws {
        while true {
            let through: UInt64 = try await self.expect("ACK \(number)") {
                if case .acknowledge(let through) = $0 { through.rawValue } else { nil }
            }
            if through == number { return }
            try require(through < number, "ACK \(number)", came: "ACK \(through)")
        }
    }

    /// The end, with one of these codes; frames before it do not matter.
    @discardableResult
    func ends(_ codes: UInt16?..., within patience: Duration? = nil) async throws -> UInt16? {
        let wanted = "a Close with \(codes.map(CloseCode.told).joined(separator: " or "))"
        let limit = ContinuousClock.now + (patience ?? self.patience)
        while true {
            let rest = limit - ContinuousClock.now
            guard rest > .zero else { throw Broken(wanted, came: "frames, but no end") }
            guard case .end(let code) = try await self.next(wanted, within: rest) else { continue }
            guard codes.contains(code) else { throw Broken(wanted, came: "the end with \(CloseCode.told(code))") }
            return code
        }
    }

    /// A `PING` is answered, and nothing but `ACK` comes before the answer.
    func pings(_ wanted: String = "PONG") async throws {
        self.lastPing += 1
        let number = self.lastPing
        self.send("PING \(number)")
        _ = try await self.expect(wanted) { if case .pong(number) = $0 { true } else { nil } }
    }

    /// Nothing comes for a moment but what is given leave to.
    func quiet(_ why: String, for duration: Duration = .milliseconds(300), allowing: (ClientFrame) -> Bool = \.isLiveness) async throws {
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end {
            let incoming: Incoming
            do {
                incoming = try await self.next("nothing: \(why)", within: end - ContinuousClock.now)
            } catch let broken as Broken where broken.came.hasPrefix("nothing") {
                return
            }
            if case .frame(let frame) = incoming, allowing(frame) { continue }
            throw Broken("nothing: \(why)", came: Self.told(incoming))
        }
    }

    /// What came, for a report.
    static func told(_ incoming: Incoming) -> String {
        switch incoming {
        case .frame(let frame): frame.told
        case .end(let code): "the end with \(CloseCode.told(code))"
        }
    }
}
