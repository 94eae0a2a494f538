import GaplessCore
import GaplessWebSocket
import NIOCore
import Testing

@testable import GaplessConformance

@Suite("The wire of the conformance kit")
struct WireTests {
    private static let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nX: a\r\nx:b \r\n\r\n"

    private func take(_ reader: inout WireReader, _ bytes: [UInt8]) -> [WireEvent] {
        reader.take(ByteBuffer(bytes: bytes))
    }

    @Test("a head and the frames behind it are found, however they are cut", arguments: [1, 2, 7, 1_000])
    func pieces(size: Int) {
        var bytes = Array(Self.answer.utf8)
        for frame in [WireFrame.text("PING 1"), .binary([0, 255]), .close(4_400, "malformed")] {
            bytes += frame.bytes(maskedWith: nil).readableBytesView
        }
        var reader = WireReader(.client)
        var events: [WireEvent] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            events += self.take(&reader, Array(bytes[start..<min(start + size, bytes.count)]))
        }
        guard case .head(let head)? = events.first else { return #expect(Bool(false), "no head") }
        #expect(head.second == "101" && head["upgrade"] == "websocket" && head.list("x") == ["a", "b"] && head["y"] == nil)
        #expect(
            events.dropFirst() == [
                .message(.text, ByteBuffer(string: "PING 1")), .message(.binary, ByteBuffer(bytes: [0, 255])), .close(4_400),
            ]
        )
    }

    @Test("an answer that is no WebSocket is a head and nothing more")
    func refusal() {
        var reader = WireReader(.client)
        let events = reader.take(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nhello"))
        #expect(events.count == 1)
        guard case .head(let head)? = events.first else { return #expect(Bool(false), "no head") }
        #expect(head.second == "400")
    }

    @Test("a violation ends the reading")
    func violation() {
        var reader = WireReader(.client)
        _ = reader.take(ByteBuffer(string: Self.answer))
        let masked = WireFrame.text("x").bytes(maskedWith: [1, 2, 3, 4])
        guard case .violation? = reader.take(masked).first else { return #expect(Bool(false), "a masked frame of a server") }
        #expect(reader.take(WireFrame.text("x").bytes(maskedWith: nil)).isEmpty)
    }

    @Test("a head that never ends is refused")
    func endless() {
        var reader = WireReader(.server)
        #expect(reader.take(ByteBuffer(repeating: 0x78, count: 60_000)).isEmpty)
        guard case .violation? = reader.take(ByteBuffer(repeating: 0x78, count: 10_000)).first else {
            return #expect(Bool(false), "70,000 bytes without an end")
        }
    }

    @Test("frames are right, unless they are made wrong", arguments: [0, 125, 126, 65_535, 65_536])
    func lengths(count: Int) {
        var reader = WireReader(.server)
        _ = reader.take(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
        let payload = [UInt8](repeating: 0x61, count: count)
        let frame = WireFrame(WireFrame.Opcode.text, payload)
        #expect(reader.take(frame.bytes(maskedWith: [9, 8, 7, 6])) == [.message(.text, ByteBuffer(bytes: payload))])
    }

    @Test("what is wrong with a frame is on the wire")
    func wrong() {
        let bytes = WireFrame(WireFrame.Opcode.ping, [1], isFinal: false).with { ($0.reserved, $0.announced) = (0x40, 3) }
        #expect(Array(bytes.bytes(maskedWith: nil).readableBytesView) == [0x49, 3, 1])
        #expect(Array(WireFrame.text("x").bytes(maskedWith: [1, 0, 0, 0]).readableBytesView) == [0x81, 0x81, 1, 0, 0, 0, 0x79])
    }

    @Test("a HELLO says what it is told, a WELCOME as well")
    func frames() throws {
        let hello = HelloText("alice", instance: "i", attempt: 3).with {
            ($0.epoch, $0.handled, $0.last, $0.held, $0.outbox) = ("e", 5, (5, 6), 2, "o")
            ($0.window, $0.isForced, $0.more) = ((1, 2), true, ["\"x\":1"])
        }
        guard case .hello(let decoded) = try ClientFrameDecoder().decode(.text, ByteBuffer(string: hello.frame)) else {
            return #expect(Bool(false), "no HELLO")
        }
        #expect(decoded.position?.last?.time == Timestamp(milliseconds: 6) && decoded.held == Generation(2) && decoded.force)
        #expect(decoded.window == Window(messages: 1, bytes: 2) && decoded.attempt == Attempt(3))
        #expect(hello.again("f", 9).frame.contains(#""attempt":4,"epoch":"f","handled":9"#))

        var text = WelcomeText(client: "bob", resume: "reset", reason: "epoch", after: 4, mark: 2)
        text.setWindow(up: (3, 4))
        text["later"] = "null"
        guard case .welcome(let welcome)? = try ServerFrameDecoder().decode(.text, ByteBuffer(string: text.frame(for: "alice"))) else {
            return #expect(Bool(false), "no WELCOME")
        }
        #expect(welcome.client == ClientID("bob") && WelcomeText().frame(for: "alice").hasPrefix(#"WELCOME {"client":"alice","epoch":"#))
        #expect(welcome.resume == .reset(.epoch) && welcome.after.rawValue == 4 && welcome.head == welcome.after)
        #expect(welcome.uplinkWindow == Window(messages: 3, bytes: 4) && welcome.mark.rawValue == 2)
        #expect(text.frame(for: "alice").hasSuffix(#""later":null}"#))
    }

    private static let lines: [(String, ClientReport)] = [
        ("message 7 text aGk=", ClientReport.text(7, "hi")), ("message 7 binary ", .message(7, .binary, [])),
        ("gap 1 4 quota", .gap(1, 4, "quota")), ("reset -", .reset(nil)), ("reset moon", .reset("moon")), ("repeat", .repeats),
        ("confirmed 3", .confirmed(3)), ("refused", .refused), ("stopped 4501", .stopped(4_501)), ("closed", .closed), ("done", .done),
        ("unsupported", .unsupported), ("message 7 text", .unknown("message 7 text")),
        ("message x text aGk=", .unknown("message x text aGk=")),
        ("gap 1 4", .unknown("gap 1 4")), ("", .unknown("")), ("Closed", .unknown("Closed")),
    ]

    @Test("reports of a client are read word by word", arguments: Self.lines)
    func reports(line: String, report: ClientReport) {
        #expect(ClientReport(line) == report)
    }
}
