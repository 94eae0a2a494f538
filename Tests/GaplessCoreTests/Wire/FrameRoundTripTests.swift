import GaplessCore
import NIOCore
import Testing

@Suite("Round trips of random frames")
struct FrameRoundTripTests {
    @Test("What is encoded decodes to the same frame", arguments: 1...8 as ClosedRange<UInt64>)
    func roundTrip(_ seed: UInt64) {
        var source = FrameSource(seed: seed)
        for index in 0..<200 {
            Self.check(source.clientFrame(), "seed \(seed), frame \(index)")
            Self.check(source.serverFrame(), "seed \(seed), frame \(index)")
        }
    }

    @Test("Random bytes behind a keyword never crash a decoder, and what is taken is a frame", arguments: 1...8 as ClosedRange<UInt64>)
    func noise(_ seed: UInt64) {
        var luck = SeededLuck(seed)
        let letters = Array("0123456789 {}[]\":,\\utfaulsn.-eE\n".utf8)
        for index in 0..<2_000 {
            let keyword = FrameKeyword.allCases.randomElement(using: &luck)?.rawValue ?? ""
            var bytes = Array("\(keyword) ".utf8)
            for _ in 0..<Int.random(in: 0..<40, using: &luck) {
                bytes.append(
                    Int.random(in: 0..<10, using: &luck) == 0
                        ? UInt8.random(in: 0...255, using: &luck) : letters.randomElement(using: &luck) ?? 0
                )
            }
            let kind = Bool.random(using: &luck) ? PayloadKind.text : .binary
            Self.checkTaken(Verdict<ClientFrame>(kind, bytes, .trusted), "seed \(seed), noise \(index)")
            Self.checkTaken(Verdict<ServerFrame>(kind, bytes, .checked), "seed \(seed), noise \(index)")
        }
    }

    private static func check(_ frame: some WireFrame, _ place: Comment) {
        let bytes = frame.encoded
        #expect(frame.encodedSize == bytes.count, place)
        #expect(Verdict(frame.kind, bytes) == .frame(frame), place)
    }

    private static func checkTaken<Frame: WireFrame>(_ verdict: Verdict<Frame>, _ place: Comment) {
        guard let frame = verdict.frame else { return }
        #expect(Verdict<Frame>(frame.kind, frame.encoded, .trusted) == .frame(frame), place)
    }
}

/// Draws frames: every case, every optional part, small and extreme numbers, text that needs escapes.
struct FrameSource {
    private var luck: SeededLuck

    init(seed: UInt64) {
        self.luck = SeededLuck(seed)
    }

    mutating func clientFrame() -> ClientFrame {
        switch self.below(8) {
        case 0, 1: .hello(self.hello())
        case 2: .message(sequence: SequenceNumber(self.number(from: 1)), payload: self.payload())
        case 3: .acknowledge(through: SequenceNumber(self.number(from: 1)))
        case 4: .ping(self.number())
        case 5: .pong(self.number())
        case 6: .authenticate(token: self.text())
        default: .bye
        }
    }

    mutating func serverFrame() -> ServerFrame {
        switch self.below(10) {
        case 0, 1: return .welcome(self.welcome())
        case 2:
            let sequence = SequenceNumber(self.number(from: 1))
            return .message(StoredMessage(sequence: sequence, time: Timestamp(milliseconds: self.number()), payload: self.payload()))
        case 3: return .acknowledge(through: SequenceNumber(self.number(from: 1)))
        case 4:
            let first = self.number(from: 1)
            let range = SequenceRange(SequenceNumber(first), through: SequenceNumber(self.number(from: first)))
            let reason = GapReason(String(repeating: "q", count: Int(self.below(32)) + 1)) ?? .removed
            return .gap(Gap(range, reason: self.flip() ? .overflow : reason))
        case 5: return .ping(self.number())
        case 6: return .pong(self.number())
        case 7: return self.flip() ? .authenticated : .authenticate(within: self.duration())
        case 8: return .drain(Drain(within: self.duration(), endpoints: self.maybe { $0.texts() }))
        default:
            return .error(
                ErrorFrame(
                    code: CloseCode(rawValue: UInt16(4_000 + self.below(1_000))),
                    name: self.text(),
                    message: self.text(),
                    retryAfter: self.maybe { $0.duration() },
                    jitter: self.maybe { $0.duration() },
                    forget: self.flip()
                )
            )
        }
    }

    private mutating func hello() -> Hello {
        let position = self.maybe { source in
            let handled = source.number()
            let last =
                handled == 0
                ? nil : source.maybe { LastMessage(sequence: SequenceNumber($0.number(from: 1, through: handled)), time: $0.time()) }
            return Position(epoch: EpochToken(source.token()) ?? Named.epoch("e"), handled: SequenceNumber(handled), last: last)
        }
        return Hello(
            client: self.maybe { $0.client() },
            position: position,
            held: position == nil ? nil : self.maybe { Generation($0.number()) },
            instance: Named.instance(self.token()),
            attempt: Attempt(self.number(from: 1)),
            outbox: self.maybe { Named.outbox($0.token()) },
            window: self.maybe { $0.window() },
            keep: self.maybe { $0.duration() },
            force: self.flip(),
            token: self.maybe { $0.text() },
            features: self.flip() ? [] : [self.token(), self.token()],
            agent: self.maybe { $0.text() }
        )
    }

    private mutating func welcome() -> Welcome {
        let head = self.number()
        let resumes: [Resume] = [.new, .resumed, .partial, .reset(.rollback), .reset(ResetReason(self.text()))]
        return Welcome(
            client: self.client(),
            epoch: Named.epoch(self.token()),
            generation: Generation(self.number(from: 1)),
            resume: resumes[Int(self.below(5))],
            after: SequenceNumber(self.number(from: 0, through: head)),
            head: SequenceNumber(head),
            mark: SequenceNumber(self.number()),
            downlinkWindow: self.window(),
            uplinkWindow: self.window(),
            heartbeat: .milliseconds(self.number(from: 1)),
            silence: .milliseconds(self.number(from: 1)),
            node: self.text(),
            token: self.maybe { $0.text() },
            endpoints: self.maybe { $0.texts() },
            features: self.texts(),
            limits: WireLimits(message: Int(self.number(from: 1)), hello: Int(self.number(from: 1)), json: Int(self.number(from: 1))),
            retention: RetentionPolicy(
                maxMessages: Int(self.number(from: 1)),
                maxBytes: Int(self.number(from: 1)),
                maxAge: .milliseconds(self.number(from: 1)),
                onOverflow: self.flip() ? .discardOldest : .rejectNew,
                keep: self.duration()
            )
        )
    }

    private mutating func below(_ bound: UInt64) -> UInt64 { UInt64.random(in: 0..<bound, using: &self.luck) }
    private mutating func flip() -> Bool { Bool.random(using: &self.luck) }
    private mutating func maybe<Value>(_ draw: (inout FrameSource) -> Value?) -> Value? { self.flip() ? draw(&self) : nil }
    private mutating func time() -> Timestamp { Timestamp(milliseconds: self.number()) }
    private mutating func duration() -> Duration { .milliseconds(self.number()) }
    private mutating func window() -> Window { Window(messages: self.number(from: 1), bytes: self.number(from: 1)) }
    private mutating func client() -> ClientID { Named.client(self.flip() ? self.token() : "\(self.token())/\(self.token())") }
    private mutating func texts() -> [String] { (0..<self.below(4)).map { _ in self.text() } }

    /// A number of any size, its bounds more often than chance would have them.
    private mutating func number(from lowest: UInt64 = 0, through highest: UInt64 = Limits.maxInteger) -> UInt64 {
        switch self.below(4) {
        case 0: lowest
        case 1: highest
        case 2: min(highest, lowest + self.below(1_000))
        default: UInt64.random(in: lowest...highest, using: &self.luck)
        }
    }

    private mutating func token() -> String {
        let letters = Array("AZaz09_~-")
        return String((0..<self.below(64) + 1).map { _ in letters[Int(self.below(UInt64(letters.count)))] })
    }

    private mutating func text() -> String {
        let parts = [
            "a", "\"", "\\", "/", "\u{0}", "\u{1F}", "\n", "\u{7F}", "é", "e\u{301}", "\u{2028}", "\u{FFFF}", "\u{1F680}", " ", "{",
            "\\u0041",
        ]
        return (0..<self.below(12)).map { _ in parts[Int(self.below(UInt64(parts.count)))] }.joined()
    }

    private mutating func payload() -> Payload {
        if self.flip() { return Payload(text: self.text()) }
        return Payload(binary: ByteBuffer(bytes: (0..<self.below(40)).map { _ in UInt8(self.below(256)) }))
    }
}
