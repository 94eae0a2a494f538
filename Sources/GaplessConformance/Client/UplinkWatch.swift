import GaplessCore
import NIOCore
import Synchronization

/// What is known of a client over all its connections of one trial.
final class ClientHistory: Sendable {
    private struct State {
        var attempts: [String: UInt64] = [:]
        var payloads: [String: Payload] = [:]
        /// The highest number of each epoch that the kit sent, or that a `WELCOME` took for handled.
        var reached: [String: UInt64] = [:]
        var mayForce = false
    }

    private let state = Mutex(State())
    let book: ObservationBook

    init(_ book: ObservationBook) {
        self.book = book
    }

    /// The kit sent something through this number, or says that it was handled.
    func reached(_ number: UInt64, in epoch: String) {
        self.state.withLock { $0.reached[epoch] = max($0.reached[epoch] ?? 0, number) }
    }

    /// How far the client can have come.
    func reach(in epoch: String) -> UInt64 {
        self.state.withLock { $0.reached[epoch] ?? 0 }
    }

    /// The client was told that another instance took over, or was welcomed again: a `HELLO` with force is allowed until it is answered.
    func allowForce(_ mayForce: Bool) {
        self.state.withLock { $0.mayForce = mayForce }
    }

    /// Looks at a `HELLO`.
    func greeted(_ hello: Hello) {
        let (before, mayForce) = self.state.withLock { state in
            let before = state.attempts[hello.instance.description]
            state.attempts[hello.instance.description] = max(before ?? 0, hello.attempt.rawValue)
            return (before, state.mayForce)
        }
        let attempt = hello.attempt.rawValue
        self.book.note("R4.1-7", before.map { $0 < attempt } ?? true, "attempt above \(before ?? 0)", came: "\(attempt)")
        self.book.note("R5.3-13", !hello.force || mayForce, "no force without a 4501", came: "force")
    }

    /// Looks at an uplink message.
    func sent(_ number: UInt64, _ payload: Payload, outbox: String) {
        let before = self.state.withLock { state in
            defer { state.payloads["\(outbox) \(number)"] = payload }
            return state.payloads["\(outbox) \(number)"]
        }
        self.book.note("R7.1-4", before == nil || before == payload, "one message under number \(number)", came: "two")
    }
}

/// Holds every frame of one connection of a client against the laws that none may break, and notes it in the book.
struct UplinkWatch {
    private let history: ClientHistory
    private var book: ObservationBook { self.history.book }
    private var hello: Hello?
    private var isWelcome = false
    private var epoch: String?
    private var mark: UInt64 = 0
    private var lastNumber: UInt64?
    private var window = Window.defaultUplink
    private var inFlight: [(number: UInt64, bytes: UInt64)] = []
    private var isLeaving = false

    init(_ history: ClientHistory) {
        self.history = history
    }

    // MARK: What the kit sends

    /// The kit sends a frame; what it says changes what the client may do.
    mutating func sends(_ frame: ServerFrame) {
        switch frame {
        case .welcome(let welcome):
            self.isWelcome = true
            self.history.allowForce(false)
            self.epoch = welcome.epoch.description
            self.mark = welcome.mark.rawValue
            self.window = welcome.uplinkWindow
            self.history.reached(welcome.after.rawValue, in: welcome.epoch.description)
        case .message(let message): self.reaches(message.sequence)
        case .gap(let gap): self.reaches(gap.range.last)
        case .acknowledge(let through): self.inFlight.removeAll { $0.number <= through.rawValue }
        case .error(let error):
            if error.code == .takenOver { self.history.allowForce(true) }
        case .ping, .pong, .authenticate, .authenticated, .drain: break
        }
    }

    private func reaches(_ number: SequenceNumber) {
        if let epoch { self.history.reached(number.rawValue, in: epoch) }
    }

    // MARK: What the client sends

    /// A frame does not fit the protocol.
    func unreadable(_ kind: PayloadKind, _ bytes: ByteBuffer, _ error: FrameDecodingError) {
        if kind == .binary, bytes.keyword != "MSG" {
            self.book.broken("R3.2-2", "a text message", came: "\(bytes.keyword) in a binary message")
        } else if FrameKeyword(rawValue: bytes.keyword) == nil {
            self.book.broken("R4.11-3", "frames of §4.0 alone", came: bytes.told)
        } else {
            self.book.broken("R3.3-1", "a frame that fits the grammar", came: "\(bytes.told) (\(error.message))")
        }
    }

    /// A frame fits the grammar; what does it say?
    mutating func readable(_ frame: ClientFrame) {
        for rule in ["R3.2-2", "R3.3-1", "R4.11-3"] { self.book.kept(rule) }
        self.book.note("R10.3-3", !self.isLeaving, "nothing after BYE", came: "\(frame.told)")
        switch frame {
        case .hello(let hello):
            self.book.note("R4.0-1", self.hello == nil, "one HELLO", came: "a second one")
            self.hello = hello
            self.history.greeted(hello)
            return
        case .message(let number, let payload): self.message(number.rawValue, payload)
        case .acknowledge(let through): self.acknowledgement(through.rawValue)
        case .bye: self.isLeaving = true
        case .ping, .pong, .authenticate: break
        }
        if self.hello == nil { self.book.broken("R4.0-1", "HELLO first", came: frame.told) }
        if !self.isWelcome {
            self.book.note("R4.0-2", frame.isLiveness, "nothing but PING and PONG before WELCOME", came: frame.told)
        } else if self.hello != nil {
            self.book.kept("R4.0-2")
        }
    }

    private mutating func message(_ number: UInt64, _ payload: Payload) {
        let outbox = self.hello?.outbox?.description
        self.book.note("R7.1-7", outbox != nil, "no MSG without an outbox", came: "MSG \(number)")
        if let last = self.lastNumber {
            self.book.note("R7.1-6", number == last + 1, "MSG \(last + 1)", came: "MSG \(number)")
        } else {
            self.book.note("R7.1-5", number <= self.mark + 1, "MSG \(self.mark + 1) at most", came: "MSG \(number)")
        }
        self.lastNumber = number
        if let outbox { self.history.sent(number, payload, outbox: outbox) }
        if number > self.mark { self.inFlight.append((number, UInt64(payload.count))) }
        let (count, sum) = (UInt64(self.inFlight.count), self.inFlight.reduce(0) { $0 + $1.bytes })
        let fits = count <= 1 || (count <= self.window.messages && sum <= self.window.bytes)
        self.book.note(
            "R7.3-1",
            fits,
            "\(self.window.messages) messages and \(self.window.bytes) bytes in flight",
            came: "\(count), \(sum)"
        )
    }

    private func acknowledgement(_ number: UInt64) {
        guard let epoch else { return }
        let reach = self.history.reach(in: epoch)
        self.book.note("R6.3-1", number <= reach, "an ACK of what came, \(reach) at most", came: "ACK \(number)")
    }

    /// The client's Close came.
    func closed(_ code: UInt16?, answersOurs: Bool) {
        guard !answersOurs else { return }
        let allowed: [UInt16?] = [1_000, 4_105, 4_400, 1_002, 1_007, 1_009]
        self.book.note("R3.7-6", allowed.contains(code), "a Close with 1000, 4105 or 4400", came: CloseCode.told(code))
    }
}
