import GaplessCore
import NIOCore

/// Holds every frame of one connection against the laws that none may break, and notes it in the book.
struct DownlinkWatch {
    private let book: ObservationBook
    /// The highest number that came or lay in a gap.
    private var reached: UInt64?
    /// The time of the newest message that came.
    private var newest: Timestamp?
    /// The highest number that was acknowledged.
    private var acknowledgedThrough: UInt64 = 0
    private var window = Window.defaultDownlink
    /// Number and bytes of what is in flight.
    private var inFlight: [(number: UInt64, bytes: UInt64)] = []
    private var sent: Set<UInt64> = []

    init(_ book: ObservationBook) {
        self.book = book
    }

    /// The kit acknowledged.
    mutating func acknowledged(_ number: UInt64) {
        self.acknowledgedThrough = max(self.acknowledgedThrough, number)
        self.inFlight.removeAll { $0.number <= number }
    }

    /// Whether a frame may come now; false when it comes after `ERROR` and is not read.
    func comesInTime(_ bytes: ByteBuffer, welcome: Welcome?, error: ErrorFrame?) -> Bool {
        if error != nil {
            self.book.broken("R3.7-2", "nothing after ERROR", came: bytes.told)
            return false
        }
        let keyword = bytes.keyword
        if welcome == nil {
            let isAllowed = ["WELCOME", "PING", "PONG", "ERROR"].contains(keyword)
            self.book.note("R4.0-4", isAllowed, "WELCOME, PING, PONG or ERROR", came: bytes.told)
        } else if keyword == "WELCOME" {
            self.book.broken("R4.0-5", "one WELCOME", came: "another one")
        }
        return true
    }

    /// A frame does not fit the protocol.
    ///
    /// - Throws: `Unjudged` when without it nothing else can be judged.
    func unreadable(_ kind: PayloadKind, _ bytes: ByteBuffer, _ error: FrameDecodingError) throws {
        if kind == .binary, bytes.keyword != "MSG" {
            self.book.broken("R3.2-2", "a text message", came: "\(bytes.keyword) in a binary message")
        } else if bytes.keyword == "WELCOME" {
            self.book.broken("R4.2-1", "a WELCOME with all its fields", came: error.message)
            throw Unjudged("the WELCOME cannot be read, see R4.2-1")
        } else {
            self.book.broken("R3.3-1", "a frame that fits the grammar", came: "\(bytes.told) (\(error.message))")
        }
    }

    /// A frame has a keyword that is not of this version.
    func unknown(_ bytes: ByteBuffer) {
        self.book.broken("R4.11-3", "frames of §4.0 alone", came: bytes.told)
    }

    /// A frame fits the grammar; what does it say?
    mutating func readable(_ frame: ServerFrame) {
        for rule in ["R3.2-2", "R3.3-1", "R4.11-3"] { self.book.kept(rule) }
        switch frame {
        case .welcome(let welcome):
            for rule in ["R4.2-1", "R4.0-5"] { self.book.kept(rule) }
            self.reached = welcome.after.rawValue
            self.window = welcome.downlinkWindow
        case .message(let message):
            self.ages(message)
            self.message(message.sequence.rawValue, UInt64(message.payload.count))
        case .gap(let gap): self.gap(gap.range)
        case .error(let error):
            let isKnown = error.code.name == error.name
            self.book.note("R11.1-1", isKnown, "a code of §11.1 with its name", came: "\(error.code.rawValue) \(error.name)")
        case .acknowledge, .ping, .pong, .authenticate, .authenticated, .drain: break
        }
    }

    private mutating func ages(_ message: StoredMessage) {
        defer { self.newest = message.time }
        guard let newest = self.newest else { return }
        self.book.note("R4.3-5", newest <= message.time, "a time not before \(newest.milliseconds)", came: "\(message.time.milliseconds)")
    }

    private mutating func message(_ number: UInt64, _ bytes: UInt64) {
        self.follows(number, "MSG \(number)")
        self.reached = max(self.reached ?? 0, number)
        self.sent.insert(number)
        guard number > self.acknowledgedThrough else { return }
        self.inFlight.append((number, bytes))
        let count = UInt64(self.inFlight.count)
        self.book.note("R6.4-1", count <= self.window.messages, "\(self.window.messages) in flight", came: "\(count) with MSG \(number)")
        let sum = self.inFlight.reduce(0) { $0 + $1.bytes }
        let fits = sum <= self.window.bytes || count == 1
        self.book.note("R6.4-2", fits, "\(self.window.bytes) bytes in flight", came: "\(sum) with MSG \(number)")
    }

    private mutating func gap(_ range: SequenceRange) {
        let (first, last) = (range.first.rawValue, range.last.rawValue)
        let covered = self.sent.filter { first <= $0 && $0 <= last }.min()
        self.book.note("R6.2-2", covered == nil, "a GAP over nothing that was sent", came: "GAP \(range) over MSG \(covered ?? 0)")
        self.follows(first, "GAP \(first) \(last)")
        self.reached = max(self.reached ?? 0, last)
    }

    /// Numbers skipped because of an `ACK` excepted, each begins where the one before ended.
    private func follows(_ number: UInt64, _ told: String) {
        guard let reached = self.reached else { return }
        let isNext = number == reached + 1 || (number > reached && number == self.acknowledgedThrough + 1)
        self.book.note("R6.1-1", isNext, "number \(reached + 1)", came: told)
    }

    /// The Close came.
    func closed(_ code: UInt16?, after error: ErrorFrame?) {
        if error != nil { self.book.kept("R3.7-2") }
        if let code, (4_000...4_999).contains(code) {
            self.book.note(
                "R3.7-1",
                error?.code.rawValue == code,
                "ERROR \(code) before the Close",
                came: error.map { "ERROR \($0.code)" } ?? "none"
            )
        } else if let error {
            self.book.broken("R3.7-1", "a Close with \(error.code)", came: CloseCode.told(code))
        }
    }
}
