import GaplessCore
import NIOCore
import Testing

@Suite("The longest frames that a server sends")
struct LongestFrameTests {
    // [R3.5-8]
    @Test("The longest WELCOME is one that a client reads, and has room for endpoints")
    func welcome() {
        let room = Limits.maxJSONBytes - Welcome.longest(endpoints: []).jsonBytes
        for (excess, isRead) in [(0, true), (1, false)] {
            let welcome = Welcome.longest(endpoints: [String(repeating: "x", count: room - 2 + excess)])
            #expect(welcome.jsonBytes == Limits.maxJSONBytes + excess)
            #expect((Verdict<ServerFrame>(.text, ServerFrame.welcome(welcome).encoded) == .frame(.welcome(welcome))) == isRead)
        }
    }

    @Test("Without endpoints a WELCOME always fits, and a DRAIN is never longer than the WELCOME with the same endpoints")
    func drain() {
        for endpoints in [[], ["wss://a.example.com/gapless"], Array(repeating: "wss://\"", count: 16)] {
            let drain = ServerFrame.drain(Drain(within: .milliseconds(Limits.maxInteger), endpoints: endpoints))
            #expect(drain.encodedSize < ServerFrame.welcome(.longest(endpoints: endpoints)).encodedSize)
        }
    }

    @Test(
        "A sentence for an ERROR is cut at a character, so that the frame fits however it is escaped",
        arguments: [
            ("x", 512, 512), ("x", 513, 512), ("\u{1}", 512, 512), ("\u{1}", 100_000, 512), ("\"", 513, 512), ("é", 256, 256),
            ("é", 257, 256),
            ("🔔", 128, 128), ("🔔", 129, 128), ("€", 171, 170),
        ]
    )
    func error(character: String, count: Int, kept: Int) {
        let message = String(repeating: character, count: count)
        let frame = SessionEnding(
            .unknownClient,
            message,
            retryAfter: .milliseconds(Limits.maxInteger),
            jitter: .milliseconds(Limits.maxInteger),
            forget: true
        ).error
        #expect(frame.message == String(repeating: character, count: kept))
        let encoded = ServerFrame.error(frame).encoded
        #expect(encoded.count <= 6 + Limits.maxJSONBytes)
        #expect(Verdict<ServerFrame>(.text, encoded) == .frame(.error(frame)))
    }
}
