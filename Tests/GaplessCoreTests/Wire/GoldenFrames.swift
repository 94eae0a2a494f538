import GaplessCore
import NIOCore
import Testing

/// A frame with the bytes that it has on the wire.
struct Golden<Frame: Sendable>: Sendable, CustomTestStringConvertible {
    let frame: Frame
    let kind: PayloadKind
    let bytes: [UInt8]

    init(_ text: String, _ frame: Frame) {
        self.frame = frame
        self.kind = .text
        self.bytes = Array(text.utf8)
    }

    init(binary bytes: [UInt8], _ frame: Frame) {
        self.frame = frame
        self.kind = .binary
        self.bytes = bytes
    }

    /// Whether the frame carries JSON, whose form is free.
    var hasJSON: Bool { self.kind == .text && self.bytes.last == UInt8(ascii: "}") && !self.bytes.starts(with: "MSG".utf8) }

    var testDescription: String { String(decoding: self.bytes.prefix(40), as: UTF8.self) }
}

/// The bytes of each frame, written by hand from Protocol.md.
enum GoldenFrames {
    static let up: [Golden<ClientFrame>] = [
        Golden(
            #"HELLO {"client":"alice/phone","instance":"u3Jk0cXq9w","attempt":1}"#,
            .hello(Hello(client: Named.client("alice/phone"), instance: Named.instance("u3Jk0cXq9w"), attempt: .first))
        ),
        Golden(
            #"HELLO {"instance":"i","attempt":9007199254740991}"#,
            .hello(Hello(client: nil, instance: Named.instance("i"), attempt: Attempt(Limits.maxInteger)))
        ),
        Golden(Self.fullHelloText, .hello(Self.fullHello)),
        Golden("MSG 1 Good morning.", .message(sequence: .first, payload: Payload(text: "Good morning."))),
        Golden("MSG 9007199254740991 ", .message(sequence: .max, payload: Payload(text: ""))),
        Golden("MSG 12  ACK 5\n", .message(sequence: SequenceNumber(12), payload: Payload(text: " ACK 5\n"))),
        Golden("MSG 2 \u{1F680} grüß dich", .message(sequence: SequenceNumber(2), payload: Payload(text: "\u{1F680} grüß dich"))),
        Golden(
            binary: [0x4D, 0x53, 0x47, 0x20, 0x37, 0x20, 0x00, 0xFF],
            .message(sequence: SequenceNumber(7), payload: Payload(binary: ByteBuffer(bytes: [0x00, 0xFF])))
        ),
        Golden("ACK 1", .acknowledge(through: .first)),
        Golden("ACK 9007199254740991", .acknowledge(through: .max)),
        Golden("PING 0", .ping(0)),
        Golden("PING 9007199254740991", .ping(Limits.maxInteger)),
        Golden("PONG 17", .pong(17)),
        Golden(#"AUTH {"token":"eyJhbGciOi"}"#, .authenticate(token: "eyJhbGciOi")),
        Golden(#"AUTH {"token":"a\"b\\c\u0001\n/"}"#, .authenticate(token: "a\"b\\c\u{1}\n/")),
        Golden("BYE", .bye),
    ]

    static let fullHelloText =
        #"HELLO {"client":"alice","epoch":"7Qm2xV9c.1","handled":42,"last":[41,1767225601250],"taken":[45,1767225601900],"#
        + #""instance":"u3Jk0cXq9w","attempt":7,"#
        + #""held":6,"outbox":"o8Zr51mPq2","window":{"messages":32,"bytes":65536},"keep":3600000,"force":true,"token":"t.o.k","#
        + #""features":["example.com-typing"],"agent":"example/1.0"}"#

    static let fullHello = Hello(
        client: Named.client("alice"),
        position: Position(
            epoch: Named.epoch("7Qm2xV9c.1"),
            handled: SequenceNumber(42),
            last: LastMessage(sequence: SequenceNumber(41), time: Timestamp(milliseconds: 1_767_225_601_250))
        ),
        taken: Taken(through: SequenceNumber(45), newest: Timestamp(milliseconds: 1_767_225_601_900)),
        held: Generation(6),
        instance: Named.instance("u3Jk0cXq9w"),
        attempt: Attempt(7),
        outbox: Named.outbox("o8Zr51mPq2"),
        window: Window(messages: 32, bytes: 65_536),
        keep: .seconds(3_600),
        force: true,
        token: "t.o.k",
        features: ["example.com-typing"],
        agent: "example/1.0"
    )

    static let down: [Golden<ServerFrame>] = [
        Golden(Self.shortWelcomeText, .welcome(Self.shortWelcome)),
        Golden(Self.fullWelcomeText, .welcome(Self.fullWelcome)),
        Golden("MSG 1 1767225600000 Good morning, Alice.", Self.message(1, 1_767_225_600_000, Payload(text: "Good morning, Alice."))),
        Golden("MSG 9007199254740991 0 ", Self.message(Limits.maxInteger, 0, Payload(text: ""))),
        Golden("MSG 12 9007199254740991  x ", Self.message(12, Limits.maxInteger, Payload(text: " x "))),
        Golden(
            binary: Array("MSG 8 5 ".utf8) + [0xC3, 0x28, 0x0A],
            Self.message(8, 5, Payload(binary: ByteBuffer(bytes: [0xC3, 0x28, 0x0A])))
        ),
        Golden("ACK 64", .acknowledge(through: SequenceNumber(64))),
        Golden("GAP 1 900 overflow", Self.gap(1, 900, .overflow)),
        Golden("GAP 901 901 expired", Self.gap(901, 901, .expired)),
        Golden("GAP 5 7 removed", Self.gap(5, 7, .removed)),
        Golden("GAP 1 9007199254740991 acknowledged", Self.gap(1, Limits.maxInteger, .acknowledged)),
        Golden("PING 1", .ping(1)),
        Golden("PONG 9007199254740991", .pong(Limits.maxInteger)),
        Golden(#"AUTH {"within":25000}"#, .authenticate(within: .seconds(25))),
        Golden(#"AUTH {"ok":true}"#, .authenticated),
        Golden(#"DRAIN {"within":30000}"#, .drain(Drain(within: .seconds(30)))),
        Golden(
            #"DRAIN {"within":0,"endpoints":["wss://b.example.com/gapless"]}"#,
            .drain(Drain(within: .zero, endpoints: ["wss://b.example.com/gapless"]))
        ),
        Golden(
            #"ERROR {"code":4500,"name":"superseded","message":"A newer connection of this instance has attached."}"#,
            .error(ErrorFrame(code: .superseded, message: "A newer connection of this instance has attached."))
        ),
        Golden(
            #"ERROR {"code":4100,"name":"overloaded","message":"","retryAfter":2000,"jitter":3000,"forget":true}"#,
            .error(ErrorFrame(code: .overloaded, message: "", retryAfter: .seconds(2), jitter: .seconds(3), forget: true))
        ),
        Golden(
            #"ERROR {"code":4999,"name":"later","message":"x"}"#,
            .error(ErrorFrame(code: CloseCode(rawValue: 4_999), name: "later", message: "x"))
        ),
    ]

    static let shortWelcomeText =
        #"WELCOME {"client":"alice/phone","epoch":"7Qm2xV9c.1","generation":1,"resume":"new","after":0,"head":0,"mark":0,"#
        + #""window":{"down":{"messages":256,"bytes":1048576},"up":{"messages":64,"bytes":262144}},"heartbeat":20000,"#
        + #""silence":30000,"node":"a","features":[],"limits":{"message":65536,"hello":8192,"json":4096},"#
        + #""retention":{"messages":1000,"bytes":4194304,"age":3600000,"overflow":"discardOldest","keep":86400000}}"#

    static let shortWelcome = Welcome(
        client: Named.client("alice/phone"),
        epoch: Named.epoch("7Qm2xV9c.1"),
        generation: Generation(1),
        resume: .new,
        after: .zero,
        head: .zero,
        mark: .zero,
        node: "a"
    )

    static let fullWelcomeText =
        #"WELCOME {"client":"n4Xw","epoch":"7Qm2xV9d.3","generation":9,"resume":"reset","reason":"rollback","after":17,"head":20,"#
        + #""mark":4,"window":{"down":{"messages":32,"bytes":65536},"up":{"messages":1,"bytes":2}},"heartbeat":100,"silence":200,"#
        + #""node":"b","token":"1.k2.Zm9v","endpoints":["wss://a/gapless","wss://b/gapless"],"features":["x.y-z"],"#
        + #""limits":{"message":1,"hello":2,"json":3},"#
        + #""retention":{"messages":4,"bytes":5,"age":6,"overflow":"rejectNew","keep":0}}"#

    static let fullWelcome = Welcome(
        client: Named.client("n4Xw"),
        epoch: Named.epoch("7Qm2xV9d.3"),
        generation: Generation(9),
        resume: .reset(.rollback),
        after: SequenceNumber(17),
        head: SequenceNumber(20),
        mark: SequenceNumber(4),
        downlinkWindow: Window(messages: 32, bytes: 65_536),
        uplinkWindow: Window(messages: 1, bytes: 2),
        heartbeat: .milliseconds(100),
        silence: .milliseconds(200),
        node: "b",
        token: "1.k2.Zm9v",
        endpoints: ["wss://a/gapless", "wss://b/gapless"],
        features: ["x.y-z"],
        limits: WireLimits(message: 1, hello: 2, json: 3),
        retention: RetentionPolicy(maxMessages: 4, maxBytes: 5, maxAge: .milliseconds(6), onOverflow: .rejectNew, keep: .zero)
    )

    private static func message(_ sequence: UInt64, _ time: UInt64, _ payload: Payload) -> ServerFrame {
        .message(StoredMessage(sequence: SequenceNumber(sequence), time: Timestamp(milliseconds: time), payload: payload))
    }

    private static func gap(_ first: UInt64, _ last: UInt64, _ reason: GapReason) -> ServerFrame {
        .gap(Gap(SequenceRange(SequenceNumber(first), through: SequenceNumber(last)), reason: reason))
    }
}

extension Named {
    static func epoch(_ text: String) -> EpochToken {
        guard let epoch = EpochToken(text) else { preconditionFailure("\(text) is no epoch") }
        return epoch
    }
}
