import GaplessCore
import NIOCore

/// A connection to the server under test, read frame by frame; each frame is held against the laws that every frame must keep.
///
/// It belongs to one trial, which uses it from one task.
final class ServerConnection: Conversation {
    let socket: WireSocket
    let patience: Duration
    private var watch: DownlinkWatch
    private let decoder = ServerFrameDecoder(validation: .checked)
    var lastPing: UInt64 = 0

    /// Whether `PING` is answered, and hidden from the trial.
    var answersPings = true {
        didSet { self.socket.answersPings = self.answersPings }
    }
    /// The `WELCOME`, once it came.
    private(set) var welcome: Welcome?
    /// The `ERROR`, once it came.
    private(set) var error: ErrorFrame?
    /// What WebSocket Pongs brought.
    private(set) var webSocketPongs: [[UInt8]] = []

    init(_ socket: WireSocket, book: ObservationBook, patience: Duration) {
        self.socket = socket
        self.watch = DownlinkWatch(book)
        self.patience = patience
    }

    // MARK: Sending

    /// Sends frames as text messages, in one write.
    func send(_ frames: String...) {
        for frame in frames where frame.hasPrefix("ACK ") {
            if let number = UInt64(frame.dropFirst(4)) { self.watch.acknowledged(number) }
        }
        self.socket.send(frames.map { .text($0) })
    }

    /// Leaves as a client does.
    func close() async throws {
        self.socket.send(.close(1_000))
        try await self.end("the Close that answers ours")
    }

    // MARK: Receiving

    /// The end has the code of `ERROR`, or of the Close where there was none.
    func take(_ event: WireEvent, _ wanted: String) throws -> Incoming<ServerFrame>? {
        switch event {
        case .head(let head): throw Broken(wanted, came: head.line)
        case .message(let kind, let bytes): return try self.take(kind, bytes).map { .frame($0) }
        case .ping(let payload): self.socket.send(WireFrame(WireFrame.Opcode.pong, payload))
        case .pong(let payload): self.webSocketPongs.append(payload)
        case .violation(let text): throw Broken("frames that fit RFC 6455", came: text)
        case .close(let code):
            self.watch.closed(code, after: self.error)
            self.socket.send(.close(code ?? 1_000))
            return .end(self.error?.code.rawValue ?? code)
        case .end: return .end(self.error?.code.rawValue)
        }
        return nil
    }

    private func take(_ kind: PayloadKind, _ bytes: ByteBuffer) throws -> ServerFrame? {
        guard self.watch.comesInTime(bytes, welcome: self.welcome, error: self.error) else { return nil }
        let decoded: ServerFrame?
        do {
            decoded = try self.decoder.decode(kind, bytes)
        } catch {
            try self.watch.unreadable(kind, bytes, error)
            return nil
        }
        guard let frame = decoded else {
            self.watch.unknown(bytes)
            return nil
        }
        self.watch.readable(frame)
        switch frame {
        case .welcome(let welcome):
            // The watch notes a second one; the trial goes on without it.
            guard self.welcome == nil else { return nil }
            self.welcome = welcome
        case .error(let error):
            self.error = error
            return nil
        case .ping where self.answersPings: return nil
        default: break
        }
        return frame
    }

    /// The `WELCOME`.
    @discardableResult
    func welcomed(_ wanted: String = "WELCOME") async throws -> Welcome {
        try await self.expect(wanted) { if case .welcome(let welcome) = $0 { welcome } else { nil } }
    }

    /// A message with this number, and this text if one is given.
    @discardableResult
    func message(_ number: UInt64, _ text: String? = nil) async throws -> StoredMessage {
        let wanted = "MSG \(number)" + (text.map { " … \($0)" } ?? "")
        return try await self.expect(wanted) {
            guard case .message(let message) = $0, message.sequence.rawValue == number else { return nil }
            return text == nil || message.payload.text == text ? message : nil
        }
    }

    /// A gap with this range, and this reason if one is given.
    func gap(_ first: UInt64, _ last: UInt64, _ reason: String? = nil) async throws {
        let wanted = "GAP \(first) \(last) \(reason ?? "")"
        _ = try await self.expect(wanted) { frame -> Gap? in
            guard case .gap(let gap) = frame, gap.range.first.rawValue == first, gap.range.last.rawValue == last else { return nil }
            return reason == nil || gap.reason.description == reason ? gap : nil
        }
    }

    /// Nothing but answers to `PING` and `ACK`s come for a moment.
    func quiet(_ why: String) async throws {
        for round in 0..<3 {
            if round > 0 { try await Task.sleep(for: .milliseconds(40)) }
            try await self.pings("nothing but PONG: \(why)")
        }
    }

    /// What came, for a report.
    func told(_ incoming: Incoming<ServerFrame>) -> String {
        switch incoming {
        case .frame(let frame): frame.told
        case .end(let code):
            "the end with \(CloseCode.told(code))" + (self.error.map { " (\($0.message))" } ?? "")
        }
    }
}
