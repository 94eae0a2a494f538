import GaplessCore
import NIOCore
import Testing

@Suite("The limits of frames")
struct FrameLimitTests {
    // [R3.2-5] [R4.3-2]
    @Test("A payload up may be as large as the limit, and one byte more gets 4404", arguments: [1, 2, 100, 65_536, 1_048_576])
    func payloadUp(_ limit: Int) throws {
        let decoder = ClientFrameDecoder(limits: WireLimits(message: limit))
        for kind in [PayloadKind.text, .binary] {
            for (head, count) in [("MSG 1 ", limit), ("MSG 9007199254740991 ", limit), ("MSG 1 ", limit - 1)] {
                let frame = try decoder.decode(kind, Self.buffer(head, count))
                #expect(FrameEncoder.encodedSize(of: frame) == head.utf8.count + count)
            }
            let error = #expect(throws: FrameDecodingError.self) { try decoder.decode(kind, Self.buffer("MSG 1 ", limit + 1)) }
            #expect(error?.closeCode == .tooLarge)
        }
    }

    // [R4.3-4]
    @Test("A client takes a payload of up to the limit in force, by default of up to 1 MiB")
    func payloadDown() throws {
        let decoder = ServerFrameDecoder()
        #expect(try decoder.decode(.text, Self.buffer("MSG 1 1 ", 1_048_576)) != nil)
        #expect(throws: FrameDecodingError.self) { try decoder.decode(.text, Self.buffer("MSG 1 1 ", 1_048_577)) }
        let small = ServerFrameDecoder(limits: WireLimits(message: 3))
        #expect(try small.decode(.binary, Self.buffer("MSG 1 1 ", 3)) != nil)
        #expect(throws: FrameDecodingError.self) { try small.decode(.binary, Self.buffer("MSG 1 1 ", 4)) }
    }

    // [R3.5-8]
    @Test("JSON of HELLO is at most 8,192 bytes from brace to brace, of other frames 4,096; more gets 4404")
    func json() {
        let hello = #"HELLO {"instance":"i","attempt":1,"x":""}"#
        #expect(Verdict<ClientFrame>(Self.pad(hello, json: 8_192)).frame != nil)
        #expect(Verdict<ClientFrame>(Self.pad(hello, json: 8_193)).code == .tooLarge)
        let token = #"AUTH {"token":"t","x":""}"#
        #expect(Verdict<ClientFrame>(Self.pad(token, json: 4_096)).frame != nil)
        #expect(Verdict<ClientFrame>(Self.pad(token, json: 4_097)).code == .tooLarge)
        let down = [
            #"AUTH {"ok":true,"x":""}"#, #"DRAIN {"within":1,"x":""}"#, #"ERROR {"code":4000,"name":"draining","message":"","x":""}"#,
            GoldenFrames.shortWelcomeText.dropLast() + #","x":""}"#,
        ]
        for frame in down {
            #expect(Verdict<ServerFrame>(Self.pad(frame, json: 4_096)).frame != nil, "\(frame)")
            #expect(Verdict<ServerFrame>(Self.pad(frame, json: 4_097)).code == .tooLarge, "\(frame)")
        }
    }

    @Test("Limits of other sizes are heeded")
    func otherLimits() throws {
        let hello = #"HELLO {"instance":"i","attempt":1}"#
        let count = hello.utf8.count - 6
        #expect(throws: Never.self) {
            try ClientFrameDecoder(limits: WireLimits(hello: count)).decode(.text, ByteBuffer(string: hello))
        }
        let error = #expect(throws: FrameDecodingError.self) {
            try ClientFrameDecoder(limits: WireLimits(hello: count - 1)).decode(.text, ByteBuffer(string: hello))
        }
        #expect(error == .tooLarge("The JSON is larger than \(count - 1) bytes."))
    }

    // [R3.6-1]
    @Test("Names and ids are as long as their limit, and not longer")
    func names() {
        func hello(_ field: String, _ value: String) -> Verdict<ClientFrame> {
            let others = ["client": "alice", "instance": "i"].filter { $0.key != field }.map { #""\#($0.key)":"\#($0.value)","# }.joined()
            let handled = field == "epoch" ? #""handled":1,"# : ""
            return Verdict(#"HELLO {\#(others)\#(handled)"\#(field)":"\#(value)","attempt":1}"#)
        }
        let part = String(repeating: "a", count: 64)
        for value in [part, "\(part)/\(part)", "a/\(part)", "\(part)/a"] { #expect(hello("client", value).frame != nil, "\(value)") }
        for value in [
            "\(part)a", "\(part)a/a", "a/\(part)a", "", "/", "a/", "/a", "a//b", "a/b/c", ".", "..", "a/..", "./a", "a b", "ä", "a%2Fb",
        ] {
            #expect(hello("client", value).code == .malformed, "\(value)")
        }
        #expect(hello("client", "A-Za-z0-9._~@+:=-|/...").frame != nil)
        for field in ["epoch", "instance", "outbox"] {
            #expect(hello(field, part).frame != nil, "\(field)")
            #expect(hello(field, "A-Za.z0_9~").frame != nil, "\(field)")
            for value in ["\(part)a", "", "a/b", "a b", "a+b", "a@b", "ä", "a\u{0}"] {
                #expect(hello(field, value).code == .malformed, "\(field): \(value)")
            }
        }
    }

    @Test("Other texts of HELLO are as long as their limit in bytes after unescaping, and not longer")
    func texts() {
        func hello(_ field: String, _ json: String) -> Verdict<ClientFrame> {
            Verdict(#"HELLO {"instance":"i","attempt":1,"\#(field)":\#(json)}"#)
        }
        func text(_ count: Int) -> String { #""\#(String(repeating: "x", count: count))""# }
        #expect(hello("agent", text(128)).frame != nil)
        #expect(hello("agent", text(129)).code == .malformed)
        #expect(hello("agent", #""\#(String(repeating: "\\u0041", count: 128))""#).frame != nil)
        #expect(hello("agent", #""\#(String(repeating: "é", count: 64))""#).frame != nil)
        #expect(hello("agent", #""\#(String(repeating: "é", count: 64))a""#).code == .malformed)
        #expect(hello("token", text(4_096)).frame != nil)
        #expect(hello("token", text(4_097)).code == .malformed)
        #expect(hello("features", "[\(text(64))]").frame != nil)
        #expect(hello("features", "[\(text(65))]").code == .malformed)
        #expect(hello("features", "[\(text(0))]").code == .malformed)
        #expect(hello("features", "[\(Array(repeating: text(3), count: 32).joined(separator: ","))]").frame != nil)
        #expect(hello("features", "[\(Array(repeating: text(3), count: 33).joined(separator: ","))]").code == .malformed)
    }

    // [R3.5-4]
    @Test("Nesting of 8 is fine, of 9 is malformed, and of a thousand is no danger")
    func depth() {
        func hello(_ depth: Int, _ open: String, _ close: String, _ leaf: String) -> Verdict<ClientFrame> {
            let nested = String(repeating: open, count: depth - 1) + leaf + String(repeating: close, count: depth - 1)
            return Verdict(#"HELLO {"instance":"i","attempt":1,"x":\#(nested)}"#)
        }
        for (open, close, leaf) in [("[", "]", "1"), ("[", "]", ""), (#"{"a":"#, "}", "1"), (#"[{"a":"#, "}]", "1")] {
            let perLevel = open.hasPrefix("[{") ? 2 : 1
            let deepest = perLevel == 2 ? 4 : 8
            #expect(hello(deepest, open, close, leaf).frame != nil, "\(open)")
            #expect(hello(deepest + 1, open, close, leaf).code == .malformed, "\(open)")
            #expect(hello(1_000, open, close, leaf).code == .malformed, "\(open)")
        }
    }

    private static func buffer(_ head: String, _ count: Int) -> ByteBuffer {
        var buffer = ByteBuffer(string: head)
        buffer.writeRepeatingByte(UInt8(ascii: "x"), count: count)
        return buffer
    }

    /// The frame, with so much in its last text that its JSON has `count` bytes.
    private static func pad(_ frame: some StringProtocol, json count: Int) -> String {
        let start = frame.firstIndex(of: "{") ?? frame.startIndex
        return frame.dropLast(2) + String(repeating: "x", count: count - frame[start...].utf8.count) + #""}"#
    }
}
