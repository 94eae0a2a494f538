import GaplessCore
import NIOCore
import Testing

@Suite("The grammar of frames")
struct FrameGrammarTests {
    private static let highest = Limits.maxInteger

    // [R3.4-1]
    @Test(
        "A number is digits without sign, leading zero, fraction or exponent, at most 2^53-1",
        arguments: [
            "", "-1", "+1", "-0", "00", "01", "007", "1.0", "1e3", "1E3", "0x1", "1_000", "1,000", " 1", "1 ", "١", "x", "1x",
            "9007199254740992", "9007199254740993", "9999999999999999", "10000000000000000", "18446744073709551615",
            "18446744073709551616", "18446744073709551617", "99999999999999999999999999", "00000000000000000001",
        ]
    )
    func wrongNumbers(_ number: String) {
        for frame in ["PING \(number)", "PONG \(number)", "ACK \(number)"] {
            #expect(Verdict<ClientFrame>(frame).code == .malformed, "\(frame)")
            #expect(Verdict<ServerFrame>(frame).code == .malformed, "\(frame)")
        }
        // A space ends the number of a MSG up, so that what follows "1 " is payload there.
        if number != "1 " { #expect(Verdict<ClientFrame>("MSG \(number) x").code == .malformed) }
        #expect(Verdict<ServerFrame>("MSG \(number) 1 x").code == .malformed)
        if number != "1 " { #expect(Verdict<ServerFrame>("MSG 1 \(number) x").code == .malformed) }
        #expect(Verdict<ServerFrame>("GAP \(number) 9007199254740991 expired").code == .malformed)
        #expect(Verdict<ServerFrame>("GAP 1 \(number) expired").code == .malformed)
    }

    // [R3.4-1]
    @Test("A number is taken up to 2^53-1, whatever its number of digits")
    func rightNumbers() {
        var number: UInt64 = 0
        while number < Self.highest {
            #expect(Verdict("PING \(number)") == .frame(ClientFrame.ping(number)))
            #expect(Verdict("PING \(number)") == .frame(ServerFrame.ping(number)))
            #expect(ClientFrame.ping(number).encoded == Array("PING \(number)".utf8))
            #expect(ClientFrame.ping(number).encodedSize == "PING \(number)".utf8.count)
            number = number * 10 + 9
            #expect(ClientFrame.ping(number).encoded == Array("PING \(number)".utf8))
            number = number > Self.highest / 10 ? Self.highest : number + 1
        }
        #expect(Verdict("PING \(Self.highest)") == .frame(ClientFrame.ping(Self.highest)))
    }

    // [R3.4-2]
    @Test("A sequence number is at least 1; a ping and a time may be 0")
    func zero() {
        for frame in ["ACK 0", "MSG 0 x"] { #expect(Verdict<ClientFrame>(frame).code == .malformed, "\(frame)") }
        for frame in ["ACK 0", "MSG 0 1 x", "GAP 0 1 expired", "GAP 0 0 expired"] {
            #expect(Verdict<ServerFrame>(frame).code == .malformed, "\(frame)")
        }
        #expect(Verdict<ClientFrame>("PING 0") == .frame(.ping(0)))
        #expect(Verdict<ServerFrame>("MSG 1 0 x").frame != nil)
    }

    // [R3.3-1] [R3.3-2] [R3.3-3]
    @Test("One space parts two fields, none comes first or last, and no line end")
    func spaces() {
        let up = [
            " ACK 5", "ACK  5", "ACK 5 ", "ACK\t5", "ACK 5\n", "ACK 5\r\n", "ACK5", "ACK", "ACK ", "\u{FEFF}ACK 5", "ACK\u{A0}5",
            "MSG  7 x", "MSG\t7 x", "MSG 7\tx", "MSG 7", "MSG", "MSG ", "PING", "PING ", "PING 1 2", "BYE ", "BYE\n", "BYE now", " BYE",
            #"HELLO{"instance":"i","attempt":1}"#, #"HELLO  {"instance":"i","attempt":1}"#, "HELLO", "HELLO ",
            #"HELLO {"instance":"i","attempt":1} "#, #"HELLO {"instance":"i","attempt":1}{}"#, #"HELLO\#n{"instance":"i","attempt":1}"#,
            #"AUTH {"token":"x"}\#n"#, "", " ", "\n", "\0",
        ]
        for frame in up { #expect(Verdict<ClientFrame>(frame).code == .malformed, "\(frame)") }
        let down = [
            "ACK  5", "ACK 5 ", "ACK 5\n", "MSG 1  1 x", "MSG 1 1", "MSG 1 1\tx", "GAP 1 2 expired ", "GAP 1 2 expired\n", "GAP 1 2",
            "GAP 1 2 ", "GAP  1 2 expired", "GAP 1  2 expired", "GAP 1 2  expired", "GAP 2 1 expired", "GAP 1 2 Expired",
            "GAP 1 2 over-flow", "GAP 1 2 x1", "GAP 1 2 é", #"AUTH  {"ok":true}"#, #"AUTH {"ok":true} "#, "ERROR", "WELCOME", "", " ", "\n",
        ]
        for frame in down { #expect(Verdict<ServerFrame>(frame).code == .malformed, "\(frame)") }
    }

    // [R3.3-2] [R4.11-5]
    @Test("A server refuses keywords in other letters, unknown ones, and those of its own frames")
    func keywordsUp() {
        let frames = [
            "ack 5", "Ack 5", "bye", "hello {}", "NOOP", "NOOP 1", "ACKS 5", "AC 5", "MSGX 7 x", "PINGPONG 1", "WELCOME {}",
            "GAP 1 2 expired",
            #"DRAIN {"within":1}"#, #"ERROR {"code":4000,"name":"draining","message":""}"#, "A-B 1", "ÀCK 5", #"{"client":"alice"}"#, "5",
        ]
        for frame in frames { #expect(Verdict<ClientFrame>(frame).code == .malformed, "\(frame)") }
    }

    // [R4.11-4] [R3.3-3]
    @Test("A client ignores text frames of later versions, and refuses what has no form of a frame or never comes down")
    func keywordsDown() {
        let later = [
            "NOOP", "NOOP 1", "NOOP  anything \n", "A", "ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOP x", "WELCOMES {}", "AWELCOME {}",
            "XXXXXACK 5",
        ]
        for frame in later { #expect(Verdict<ServerFrame>(frame) == .unknown, "\(frame)") }
        let never = [
            "noop", "Noop 1", "NOOP1", "NOOP\n", "NOOP-X 1", "ABCDEFGHIJKLMNOPQ", "ABCDEFGHIJKLMNOPQ x", "ack 5", "BYE", "HELLO {}",
            #"HELLO {"instance":"i","attempt":1}"#, "{}",
        ]
        for frame in never { #expect(Verdict<ServerFrame>(frame).code == .malformed, "\(frame)") }
    }

    // [R4.5-1]
    @Test("A gap may have a reason that nobody knows yet, of 1 to 32 small letters")
    func gapReasons() throws {
        let longest = String(repeating: "z", count: 32)
        let known = try #require(GapReason(longest))
        #expect(
            Verdict<ServerFrame>("GAP 1 4 \(longest)")
                == .frame(.gap(Gap(SequenceRange(.first, through: SequenceNumber(4)), reason: known)))
        )
        #expect(Verdict<ServerFrame>("GAP 1 4 \(longest)z").code == .malformed)
        #expect(Verdict<ServerFrame>("GAP 1 4 quota").frame?.encoded == Array("GAP 1 4 quota".utf8))
        for word in ["", "Quota", "over-flow", "q1", "é", longest + "z"] { #expect(GapReason(word) == nil, "\(word)") }
    }

    // [R3.2-2] [R3.2-3]
    @Test("Only MSG may be binary")
    func binary() {
        for golden in GoldenFrames.up where golden.kind == .text && golden.frame.encoded.starts(with: "MSG".utf8) == false {
            #expect(Verdict<ClientFrame>(.binary, golden.bytes).code == .malformed, "\(golden.testDescription)")
        }
        for golden in GoldenFrames.down where golden.kind == .text && golden.frame.encoded.starts(with: "MSG".utf8) == false {
            #expect(Verdict<ServerFrame>(.binary, golden.bytes).code == .malformed, "\(golden.testDescription)")
        }
        #expect(Verdict<ClientFrame>(.binary, Array("NOOP".utf8)).code == .malformed)
        #expect(Verdict<ServerFrame>(.binary, Array("NOOP 1".utf8)).code == .malformed)
        #expect(Verdict<ClientFrame>(.binary, []).code == .malformed)
        #expect(Verdict<ClientFrame>(.binary, [0x00, 0xFF]).code == .malformed)
    }

    // [R3.2-6]
    @Test("The kind of a payload is kept: what came as bytes goes as bytes, and the same bytes as text are another payload")
    func kinds() throws {
        let bytes = Array("MSG 7 abc".utf8)
        let text = try #require(Verdict<ClientFrame>(.text, bytes).frame)
        let binary = try #require(Verdict<ClientFrame>(.binary, bytes).frame)
        #expect(text != binary)
        #expect(text.kind == .text && binary.kind == .binary)
        #expect(text.encoded == bytes && binary.encoded == bytes)
    }

    // [R3.2-7]
    @Test(
        "A payload is handed on byte for byte",
        arguments: ["", " ", "  x  ", "\r\n", "\n\n", "\u{FEFF}x", "e\u{301}", "é", "\u{0}", "MSG 1 x", "\u{10FFFF}", "{\"a\":1}"]
    )
    func payloads(_ text: String) throws {
        let up = try #require(Verdict<ClientFrame>("MSG 7 " + text).frame)
        guard case .message(_, let payload) = up else { throw Unexpected() }
        #expect(Array(payload.bytes.readableBytesView) == Array(text.utf8))
        #expect(payload.count == text.utf8.count)
        #expect(up.encoded == Array("MSG 7 ".utf8) + Array(text.utf8))
        let down = try #require(Verdict<ServerFrame>("MSG 7 1 " + text).frame)
        guard case .message(let message) = down else { throw Unexpected() }
        #expect(Array(message.payload.bytes.readableBytesView) == Array(text.utf8))
    }

    // [R3.2-4] [R3.5-2]
    @Test(
        "A text message that is not UTF-8 gets 4405",
        arguments: [
            [0x80], [0xC0, 0xAF], [0xC1, 0x81], [0xE0, 0x80, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xC3, 0x28],
        ] as [[UInt8]]
    )
    func notUTF8(_ bytes: [UInt8]) {
        let message = Array("MSG 7 a".utf8) + bytes
        #expect(Verdict<ClientFrame>(.text, message, .checked).code == .notUTF8)
        #expect(Verdict<ClientFrame>(.binary, message, .checked).frame?.encoded == message)
        // Trusted bytes are not looked at, and become no broken text.
        let trusted = Verdict<ClientFrame>(.text, message, .trusted).frame
        #expect(trusted?.encoded == message)
        if case .message(_, let payload)? = trusted { #expect(payload.text?.contains("\u{FFFD}") == true) }

        let hello = Array(#"HELLO {"instance":"i","attempt":1,"agent":"x"#.utf8) + bytes + Array(#""}"#.utf8)
        #expect(Verdict<ClientFrame>(.text, hello, .checked).code == .notUTF8)
        #expect(Verdict<ClientFrame>(.text, hello, .trusted).code == .notUTF8)
        let name = Array(#"HELLO {"instance":"i","attempt":1,"x"#.utf8) + bytes + Array(#"":1}"#.utf8)
        #expect(Verdict<ClientFrame>(.text, name, .trusted).code == .notUTF8)
        #expect(Verdict<ClientFrame>(.text, Array("ACK 5".utf8) + bytes, .checked).code == .notUTF8)
        #expect(Verdict<ClientFrame>(.text, Array("ACK 5".utf8) + bytes, .trusted).code == .malformed)
    }

    struct Unexpected: Error {}
}
