import GaplessCore
import NIOCore
import Testing

/// One field of a frame's JSON: where it is, and what it may hold.
struct FrameField: Sendable, CustomTestStringConvertible {
    /// From the outermost object on.
    let path: [String]
    /// Whether the frame is malformed without it.
    let isRequired: Bool
    /// Values that it may hold, with the other fields as they are.
    let good: [JSONValue]
    /// Values of the right type that it may not hold.
    let bad: [JSONValue]

    init(_ path: String, required: Bool = true, good: [JSONValue] = [], bad: [JSONValue] = []) {
        self.path = path.split(separator: ".").map(String.init)
        self.isRequired = required
        self.good = good
        self.bad = bad
    }

    var testDescription: String { self.path.joined(separator: ".") }

    /// One value of each kind; those that the field may hold are taken out.
    var wrong: [JSONValue] {
        let all: [JSONValue] = [
            .null, .bool(true), .bool(false), .integer(0), .integer(1), .integer(Limits.maxInteger), .number("-1"), .number("-0"),
            .number("1.0"),
            .number("1e3"), .number("9007199254740992"), .string(""), .string("1"), .string("reset"), .array([]), .array([.integer(1)]),
            .object([:]), .object(["a": .integer(1)]),
        ]
        return all.filter { !self.good.contains($0) } + self.bad
    }
}

@Suite("The fields of JSON in frames")
struct FrameFieldTests {
    private static let anyInteger: [JSONValue] = [.integer(0), .integer(1), .integer(Limits.maxInteger)]
    private static let positive: [JSONValue] = [.integer(1), .integer(Limits.maxInteger)]
    private static let anyText: [JSONValue] = [.string(""), .string("1"), .string("reset"), .string("\u{0}\"\\é\u{1F680}")]
    private static let nameText: [JSONValue] = [.string("1"), .string("reset")]

    static let helloFields: [FrameField] = [
        FrameField("client", required: false, good: nameText + [.string("a/b")], bad: [.string("a/b/c")]),
        FrameField("epoch", good: nameText, bad: [.string("a/b")]),
        FrameField("handled", good: [.integer(41), .integer(44)], bad: [.integer(40), .integer(45)]),
        FrameField(
            "last",
            required: false,
            good: [[1, 0], [42, 0], [42, Limits.maxInteger]].map { .array($0.map { .integer($0) }) },
            bad: [
                .array([.integer(0), .integer(1)]), .array([.integer(43), .integer(1)]), .array([.integer(1), .integer(1), .integer(1)]),
                .array([.string("1"), .integer(1)]), .array([.integer(1), .null]), .array([.integer(1), .number("1.5")]),
            ]
        ),
        FrameField(
            "taken",
            required: false,
            good: [[43, 0], [45, Limits.maxInteger]].map { .array($0.map { .integer($0) }) },
            bad: [
                .array([.integer(42), .integer(1)]), .array([.integer(0), .integer(1)]), .array([.integer(43), .integer(1), .integer(1)]),
                .array([.string("43"), .integer(1)]), .array([.integer(43), .null]), .array([.integer(43), .number("1.5")]),
            ]
        ),
        FrameField("instance", good: nameText),
        FrameField("attempt", good: positive),
        FrameField("held", required: false, good: anyInteger),
        FrameField("outbox", required: false, good: nameText),
        FrameField("window", required: false),
        FrameField("window.messages", good: positive),
        FrameField("window.bytes", good: positive),
        FrameField("keep", required: false, good: anyInteger),
        FrameField("force", required: false, good: [.bool(true), .bool(false)]),
        FrameField("token", required: false, good: anyText),
        FrameField(
            "features",
            required: false,
            good: [.array([]), .array([.string("a"), .string("a")])],
            bad: [.array([.string("a"), .integer(1)]), .array([.string("")])]
        ),
        FrameField("agent", required: false, good: anyText),
    ]

    static let welcomeFields: [FrameField] = [
        FrameField("client", good: nameText),
        FrameField("epoch", good: nameText),
        FrameField("generation", good: positive),
        FrameField("resume", good: [.string("reset")], bad: ["new", "resumed", "partial", "Reset", "later"].map { .string($0) }),
        FrameField("reason", good: anyText),
        FrameField("after", good: [.integer(0), .integer(1), .integer(20)], bad: [.integer(21)]),
        FrameField("head", good: [.integer(17), .integer(Limits.maxInteger)], bad: [.integer(16)]),
        FrameField("mark", good: anyInteger),
        FrameField("window"),
        FrameField("window.down"),
        FrameField("window.down.messages", good: positive),
        FrameField("window.down.bytes", good: positive),
        FrameField("window.up"),
        FrameField("window.up.messages", good: positive),
        FrameField("window.up.bytes", good: positive),
        FrameField("heartbeat", good: positive),
        FrameField("silence", good: positive),
        FrameField("node", good: anyText),
        FrameField("token", required: false, good: anyText),
        FrameField("endpoints", required: false, good: [.array([]), .array([.string("x")])], bad: [.array([.string("x"), .null])]),
        FrameField("features", good: [.array([]), .array([.string("x")])], bad: [.array([.bool(true)])]),
        FrameField("limits"),
        FrameField("limits.message", good: positive),
        FrameField("limits.hello", good: positive),
        FrameField("limits.json", good: positive),
        FrameField("retention"),
        FrameField("retention.messages", good: positive),
        FrameField("retention.bytes", good: positive),
        FrameField("retention.age", good: positive),
        FrameField("retention.overflow", good: [.string("discardOldest"), .string("rejectNew")], bad: [.string("discard")]),
        FrameField("retention.keep", good: anyInteger),
    ]

    static let errorFields: [FrameField] = [
        FrameField("code", good: [.integer(4_000), .integer(4_999)], bad: [.integer(3_999), .integer(5_000), .integer(69_536)]),
        FrameField("name", good: anyText),
        FrameField("message", good: anyText),
        FrameField("retryAfter", required: false, good: anyInteger),
        FrameField("jitter", required: false, good: anyInteger),
        FrameField("forget", required: false, good: [.bool(true), .bool(false)]),
    ]

    static let drainFields: [FrameField] = [
        FrameField("within", good: anyInteger),
        FrameField("endpoints", required: false, good: [.array([]), .array([.string("x")])], bad: [.array([.integer(0)])]),
    ]

    // [R3.5-6] [R3.5-7] [R3.6-1] [R4.1-1] [R4.1-3] [R4.1-4] [R4.1-8]
    @Test("HELLO: each field absent, of each type, within its bounds and beyond", arguments: helloFields)
    func hello(_ field: FrameField) throws { try Self.check(ClientFrame.self, GoldenFrames.fullHelloText, field) }

    // [R4.2-1] [R4.2-4] [R3.5-6] [R3.5-7]
    @Test("WELCOME: each field absent, of each type, within its bounds and beyond", arguments: welcomeFields)
    func welcome(_ field: FrameField) throws { try Self.check(ServerFrame.self, GoldenFrames.fullWelcomeText, field) }

    @Test("ERROR: each field absent, of each type, within its bounds and beyond", arguments: errorFields)
    func error(_ field: FrameField) throws {
        let text = #"ERROR {"code":4100,"name":"overloaded","message":"x","retryAfter":2000,"jitter":3000,"forget":true}"#
        try Self.check(ServerFrame.self, text, field)
    }

    @Test("DRAIN: each field absent, of each type, within its bounds and beyond", arguments: drainFields)
    func drain(_ field: FrameField) throws {
        try Self.check(ServerFrame.self, #"DRAIN {"within":30000,"endpoints":["wss://b/gapless"]}"#, field)
    }

    @Test("AUTH up: the token must be there, and be text")
    func authenticateUp() throws {
        try Self.check(ClientFrame.self, #"AUTH {"token":"t"}"#, FrameField("token", good: Self.anyText))
    }

    @Test("AUTH down: exactly one of within and ok")
    func authenticateDown() throws {
        try Self.check(ServerFrame.self, #"AUTH {"within":25000}"#, FrameField("within", good: Self.anyInteger))
        try Self.check(ServerFrame.self, #"AUTH {"ok":true}"#, FrameField("ok", good: [.bool(true)]))
        #expect(Verdict<ServerFrame>(#"AUTH {"ok":true,"within":1}"#).code == .malformed)
        #expect(Verdict<ServerFrame>(#"AUTH {"ok":false,"within":1}"#).code == .malformed)
        #expect(Verdict<ServerFrame>(#"AUTH {"token":"t"}"#).code == .malformed)
    }

    // [R4.1-1] [R4.1-2]
    @Test("HELLO: what belongs to a position does not come without it")
    func position() {
        func hello(_ fields: String) -> Verdict<ClientFrame> { Verdict(#"HELLO {"instance":"i","attempt":1\#(fields)}"#) }
        let epoch = #","epoch":"e""#, handled = #","handled":3"#, last = #","last":[3,5]"#, taken = #","taken":[4,5]"#, held = #","held":0"#
        for fields in [
            "", epoch + handled, epoch + handled + last, epoch + handled + held, epoch + handled + taken,
            held + taken + last + handled + epoch,
        ] {
            #expect(hello(fields).frame != nil, "\(fields)")
        }
        for fields in [
            epoch, handled, last, taken, held, last + held, epoch + taken, epoch + last, epoch + held, handled + last, handled + held,
        ] {
            #expect(hello(fields).code == .malformed, "\(fields)")
        }
    }

    @Test("WELCOME: a reason comes with reset, and with nothing else")
    func reason() throws {
        let welcome = GoldenFrames.shortWelcomeText
        let partial = #""resume":"partial""#
        for resume in ["new", "resumed", "partial"] {
            let text = welcome.replacingOnce(#""resume":"new""#, #""resume":"\#(resume)""#)
            #expect(Verdict<ServerFrame>(text).frame?.encoded == Array(text.utf8))
            #expect(Verdict<ServerFrame>(text.replacingOnce(#""after""#, #""reason":"epoch","after""#)).code == .malformed)
        }
        #expect(Verdict<ServerFrame>(welcome.replacingOnce(#""resume":"new""#, partial)).frame != nil)
        #expect(Verdict<ServerFrame>(welcome.replacingOnce(#""resume":"new""#, #""resume":"reset""#)).code == .malformed)
    }

    // [R3.5-5] [R4.11-2]
    @Test("Unknown fields are ignored at every level, whatever valid JSON they hold")
    func unknownFields() throws {
        let unknown = #""x":null,"y":[-1.5e-7,{"z":[true,"\ud83d\ude80"]}],"":99999999999999999999,"Client":{},"#
        for golden in GoldenFrames.up where golden.hasJSON {
            let text = String(decoding: golden.bytes, as: UTF8.self).replacing("{", with: "{ " + unknown)
            #expect(Verdict<ClientFrame>(text) == .frame(golden.frame))
        }
        for golden in GoldenFrames.down where golden.hasJSON {
            let text = String(decoding: golden.bytes, as: UTF8.self).replacing("{", with: "{\t\n\r" + unknown)
            #expect(Verdict<ServerFrame>(text) == .frame(golden.frame))
        }
    }

    // [R3.5-3]
    @Test("No field comes twice, at no level, known or not, escaped or not")
    func duplicates() {
        for golden in GoldenFrames.up where golden.hasJSON {
            let text = String(decoding: golden.bytes, as: UTF8.self)
            for double in [#"{"\u0078":1,"x":1,"#, #"{"\u0069nstance":"i","\u0074oken":"t","#] {
                let doubled = text.replacing("{", with: double)
                #expect(Verdict<ClientFrame>(doubled).code == .malformed, "\(doubled)")
            }
        }
        let welcome = GoldenFrames.shortWelcomeText
        #expect(Verdict<ServerFrame>(welcome.replacingOnce(#""up":{"#, #""up":{"bytes":1,"#)).code == .malformed)
        #expect(Verdict<ServerFrame>(welcome.replacingOnce(#""up":{"#, #""up":{"x":1,"x":1,"#)).code == .malformed)
    }

    @Test("The sentence of a refusal names the field, and nothing that the peer sent")
    func sentences() {
        #expect(Verdict<ClientFrame>("HELLO {}") == .refused(.malformed(#"The field "instance" is missing."#)))
        #expect(
            Verdict<ClientFrame>(#"HELLO {"instance":"i","attempt":1,"token":7}"#)
                == .refused(.malformed(#"The field "token" has the wrong type."#))
        )
        #expect(
            Verdict<ClientFrame>(#"HELLO {"instance":"sec ret","attempt":1}"#)
                == .refused(.malformed(#"The field "instance" is out of its bounds."#))
        )
        #expect(FrameDecodingError.malformed("x").description == "4400 malformed: x")
        #expect(FrameDecodingError.notUTF8.message == "A text message is not valid UTF-8.")
    }

    /// The frame with the field absent, wrong and right.
    private static func check<Frame: WireFrame>(_ type: Frame.Type, _ text: String, _ field: FrameField) throws {
        let brace = try #require(text.firstIndex(of: "{"))
        let object = try JSONReader().readObject(ByteBuffer(substring: text[brace...]))
        #expect(object.value(at: field.path) != nil, "the example holds the field")
        func verdict(_ value: JSONValue?) -> Verdict<Frame> {
            var buffer = ByteBuffer(substring: text[..<brace])
            JSONWriter.write(.object(object.replacing(field.path[...], with: value)), into: &buffer)
            return Verdict(String(buffer: buffer))
        }
        let absent = verdict(nil)
        if field.isRequired { #expect(absent.code == .malformed) } else { #expect(absent.frame != nil) }
        for value in field.wrong { #expect(verdict(value).code == .malformed, "\(value)") }
        for value in field.good {
            let frame = verdict(value).frame
            #expect(frame != nil, "\(value)")
            if let frame { #expect(Verdict<Frame>(.text, frame.encoded) == .frame(frame), "\(value)") }
        }
    }
}

extension JSONObject {
    /// The value at the end of a path of names.
    fileprivate func value(at path: [String]) -> JSONValue? {
        path.dropLast().reduce(self) { $0?[$1]?.object ?? [:] }?[path[path.count - 1]]
    }

    /// The same fields, but for the one at the path; nil takes it out.
    fileprivate func replacing(_ path: ArraySlice<String>, with value: JSONValue?) -> JSONObject {
        JSONObject(
            self.fields.compactMap { field in
                guard field.name == path.first else { return field }
                if path.count == 1 { return value.map { Field(field.name, $0) } }
                return Field(field.name, .object(field.value.object?.replacing(path.dropFirst(), with: value) ?? [:]))
            }
        )
    }
}

extension String {
    /// The text with the first occurrence of a part replaced.
    fileprivate func replacingOnce(_ part: String, _ other: String) -> String {
        self.replacing(part, with: other, maxReplacements: 1)
    }
}
