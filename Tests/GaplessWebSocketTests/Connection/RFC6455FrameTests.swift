import GaplessWebSocket
import NIOCore
import Testing

/// The duties that RFC 6455 gives to whoever reads frames, one by one, on a whole connection and for both of its ends.
@Suite("RFC 6455, frames") struct RFC6455FrameTests {
    /// What a peer may not do, and the close code that it gets.
    struct Breach: Sendable, CustomTestStringConvertible {
        let rule: String
        let code: UInt16
        /// The bytes, made with the mask of a peer that masks as it should.
        let bytes: @Sendable ([UInt8]?) -> [UInt8]

        var testDescription: String { self.rule }

        init(_ rule: String, _ code: UInt16, _ bytes: @escaping @Sendable ([UInt8]?) -> [UInt8]) {
            self.rule = rule
            self.code = code
            self.bytes = bytes
        }
    }

    /// The most bytes of a message on an `EmbeddedConnection`.
    private static let maxMessageBytes = 100

    private static func mask(_ role: WebSocketRole) -> [UInt8]? { role == .server ? exampleMask : nil }

    static let breaches: [Breach] = Self.headers + Self.fragments + Self.closes + Self.texts + Self.sizes

    private static let headers: [Breach] =
        [4, 2, 1].map { bit in Breach("§5.2 reserved bit \(bit)", 1002) { rawFrame(0x1, reserved: bit, mask: $0) } }
        + (Array(0x3...0x7) + Array(0xB...0xF)).map { opcode in Breach("§5.2 opcode \(opcode)", 1002) { rawFrame(opcode, mask: $0) } }
        + [
            Breach("§5.1 masked or not, the wrong way round", 1002) { rawText("x", mask: $0 == nil ? exampleMask : nil) },
            Breach("§5.2 a length of 125 in 2 bytes", 1002) { rawFrame(0x2, Array(repeating: 0, count: 125), mask: $0, lengthForm: 2) },
            Breach("§5.2 a length of 65535 in 8 bytes", 1002) { rawFrame(0x2, mask: $0, lengthForm: 8, announced: 65_535) },
            Breach("§5.2 a length with its highest bit", 1002) { rawFrame(0x2, mask: $0, announced: 1 << 63) },
            Breach("§5.5 a Ping of 126 bytes", 1002) { rawFrame(0x9, Array(repeating: 0, count: 126), mask: $0) },
            Breach("§5.5 a Pong of 126 bytes", 1002) { rawFrame(0xA, Array(repeating: 0, count: 126), mask: $0) },
            Breach("§5.5 a Close of 126 bytes", 1002) { rawClose(1000, String(repeating: "x", count: 124), mask: $0) },
        ]

    private static let fragments: [Breach] = [
        Breach("§5.4 a continuation of nothing", 1002) { rawFrame(0x0, [1], mask: $0) },
        Breach("§5.4 a continuation of a finished message", 1002) { rawText("a", mask: $0) + rawFrame(0x0, [1], mask: $0) },
        Breach("§5.4 a text inside a text", 1002) { rawText("a", isFinal: false, mask: $0) + rawText("b", mask: $0) },
        Breach("§5.4 bytes inside a text", 1002) { rawText("a", isFinal: false, mask: $0) + rawFrame(0x2, [1], mask: $0) },
        Breach("§5.5 a fragmented Ping", 1002) { rawFrame(0x9, isFinal: false, mask: $0) },
        Breach("§5.5 a fragmented Pong", 1002) { rawFrame(0xA, isFinal: false, mask: $0) },
        Breach("§5.5 a fragmented Close", 1002) { rawFrame(0x8, [0x03, 0xE8], isFinal: false, mask: $0) },
        Breach("§5.4 a fragmented Ping inside a message", 1002) {
            rawText("a", isFinal: false, mask: $0) + rawFrame(0x9, isFinal: false, mask: $0)
        },
    ]

    private static let closes: [Breach] =
        [Breach("§5.5.1 a Close of one byte", 1002) { rawFrame(0x8, [0x03], mask: $0) }]
        + [0, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65_535].map { code in
            Breach("§7.4 a Close with \(code)", 1002) { rawClose(code, mask: $0) }
        }
        + [
            Breach("§5.5.1 a reason that is not UTF-8", 1007) { rawFrame(0x8, [0x03, 0xE8, 0xFF], mask: $0) },
            Breach("§5.5.1 a reason that ends inside a character", 1007) { rawFrame(0x8, [0x03, 0xE8, 0xE2, 0x82], mask: $0) },
        ]

    private static let texts: [Breach] = [
        Breach("§8.1 a byte that no UTF-8 has", 1007) { rawFrame(0x1, [0x61, 0xFF], mask: $0) },
        Breach("§8.1 an overlong form", 1007) { rawFrame(0x1, [0xC0, 0xAF], mask: $0) },
        Breach("§8.1 half of a surrogate pair", 1007) { rawFrame(0x1, [0xED, 0xA0, 0x80], mask: $0) },
        Breach("§8.1 above the last scalar", 1007) { rawFrame(0x1, [0xF4, 0x90, 0x80, 0x80], mask: $0) },
        Breach("§8.1 a message that ends inside a character", 1007) { rawFrame(0x1, [0xE2, 0x82], mask: $0) },
        Breach("§8.1 fragments that end inside a character", 1007) {
            rawFrame(0x1, [0xE2], isFinal: false, mask: $0) + rawFrame(0x0, [0x82], mask: $0)
        },
        Breach("§8.1 a character that goes on wrongly in the next fragment", 1007) {
            rawFrame(0x1, [0xE2, 0x82], isFinal: false, mask: $0) + rawFrame(0x0, [0x61], isFinal: false, mask: $0)
        },
        Breach("§8.1 a wrong byte in the first of many fragments, at once", 1007) { rawFrame(0x1, [0xFF], isFinal: false, mask: $0) },
    ]

    private static let sizes: [Breach] = [
        Breach("§10.4 a message over the bound, by its header alone", 1009) {
            rawFrame(0x2, mask: $0, announced: UInt64(Self.maxMessageBytes) + 1)
        },
        Breach("§10.4 a message of 2^62 bytes, by its header alone", 1009) { rawFrame(0x2, mask: $0, announced: 1 << 62) },
        Breach("§10.4 fragments over the bound together, by the header alone", 1009) {
            rawFrame(0x2, Array(repeating: 0, count: Self.maxMessageBytes), isFinal: false, mask: $0)
                + rawFrame(0x0, mask: $0, announced: 1)
        },
        Breach("§10.4 more fragments than the bound, though they are empty", 1009) { mask in
            rawFrame(0x2, isFinal: false, mask: mask) + (0..<1_024).flatMap { _ in rawFrame(0x0, isFinal: false, mask: mask) }
        },
    ]

    @Test(
        "A breach gets its close code once, the delegate hears of it once, and nothing counts after it",
        arguments: Self.breaches,
        [WebSocketRole.server, .client]
    )
    func breach(_ breach: Breach, _ role: WebSocketRole) throws {
        let mask = Self.mask(role)
        let connection = try EmbeddedConnection(role: role)
        try connection.receive(breach.bytes(mask))
        try connection.receive(rawText("later", mask: mask), rawFrame(0x9, [1], mask: mask), rawClose(1000, mask: mask))
        let closes = try connection.sentFrames()
        #expect(closes == [.close(WebSocketCloseCode(breach.code), reason: "refused")])
        let violations = connection.delegate.calls.filter { if case .violation = $0 { true } else { false } }
        #expect(violations.count == 1)
        #expect(!connection.delegate.calls.contains(.text("later")))
        // The peer may still be sending: our half ends, and the rest is read until the peer has seen the Close or time is up.
        #expect(connection.socket.endings == [.output])
        connection.advance(.seconds(5))
        #expect(!connection.isActive)
        #expect(connection.delegate.essentials.last == .closed(nil, "", isClean: false))
    }

    @Test("A breach is seen however its bytes come", arguments: Self.breaches, [WebSocketRole.server, .client])
    func breachByteByByte(_ breach: Breach, _ role: WebSocketRole) throws {
        let connection = try EmbeddedConnection(role: role)
        for byte in breach.bytes(Self.mask(role)) { try connection.receive([byte]) }
        #expect(try connection.sentFrames() == [.close(WebSocketCloseCode(breach.code), reason: "refused")])
    }

    @Test(
        "§5.4 a fragmented message with control frames between its fragments comes whole, and they are answered at once",
        arguments: [
            WebSocketRole.server, .client,
        ]
    )
    func interleaved(_ role: WebSocketRole) throws {
        let mask = Self.mask(role)
        let connection = try EmbeddedConnection(role: role)
        try connection.receive(rawText("one ", isFinal: false, mask: mask), rawFrame(0x9, [1], mask: mask))
        #expect(try connection.sentFrames() == [.pong(ByteBuffer(bytes: [1]))])
        try connection.receive(rawFrame(0x0, Array("two ".utf8), isFinal: false, mask: mask), rawFrame(0xA, [9], mask: mask))
        try connection.receive(rawFrame(0x9, [2], mask: mask), rawFrame(0x0, Array("three".utf8), mask: mask))
        #expect(try connection.sentFrames() == [.pong(ByteBuffer(bytes: [2]))])
        #expect(connection.delegate.essentials == [.opened, .text("one two three")])
    }

    @Test("§5.5.1 a Close between fragments ends the message that it interrupts", arguments: [WebSocketRole.server, .client])
    func closeBetweenFragments(_ role: WebSocketRole) throws {
        let mask = Self.mask(role)
        let connection = try EmbeddedConnection(role: role)
        try connection.receive(rawText("half", isFinal: false, mask: mask), rawClose(1001, mask: mask), rawFrame(0x0, [1], mask: mask))
        #expect(try connection.sentFrames() == [.close(WebSocketCloseCode(1001), reason: "")])
        #expect(connection.delegate.essentials == [.opened, .closed(1001, "", isClean: true)])
    }

    @Test("§5.5.2 a Ping of 0 to 125 bytes is answered with its payload", arguments: [0, 1, 124, 125], [WebSocketRole.server, .client])
    func ping(_ count: Int, _ role: WebSocketRole) throws {
        let connection = try EmbeddedConnection(role: role)
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        try connection.receive(rawFrame(0x9, payload, mask: Self.mask(role)))
        #expect(try connection.sentFrames() == [.pong(ByteBuffer(bytes: payload))])
    }

    @Test("§8.1 characters may be cut anywhere between fragments", arguments: [WebSocketRole.server, .client])
    func charactersInFragments(_ role: WebSocketRole) throws {
        let (mask, text) = (Self.mask(role), "aé€🔔z")
        let bytes = Array(text.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let connection = try EmbeddedConnection(role: role)
                try connection.receive(rawFrame(0x1, Array(bytes[..<first]), isFinal: false, mask: mask))
                try connection.receive(rawFrame(0x0, Array(bytes[first..<second]), isFinal: false, mask: mask))
                try connection.receive(rawFrame(0x0, Array(bytes[second...]), mask: mask))
                #expect(connection.delegate.essentials == [.opened, .text(text)], "\(first) \(second)")
            }
        }
    }

    @Test(
        "§7.4 a code that may stand in a Close is echoed once, and the server ends TCP first",
        arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999],
        [WebSocketRole.server, .client]
    )
    func echo(_ code: UInt16, _ role: WebSocketRole) throws {
        let mask = Self.mask(role)
        let connection = try EmbeddedConnection(role: role)
        try connection.receive(rawClose(code, "bye", mask: mask), rawText("later", mask: mask), rawClose(1000, mask: mask))
        #expect(try connection.sentFrames() == [.close(WebSocketCloseCode(code), reason: "")])
        #expect(connection.delegate.essentials == [.opened, .closed(code, "bye", isClean: true)])
        #expect(connection.socket.endings == (role == .server ? [.all] : []))
    }

    @Test(
        "§7.1.7 a peer that ends its half of TCP without a Close is lost, and a message that it cut off is none",
        arguments: [
            WebSocketRole.server, .client,
        ]
    )
    func halfClosed(_ role: WebSocketRole) throws {
        let mask = Self.mask(role)
        let connection = try EmbeddedConnection(role: role)
        try connection.receive(rawText("whole", mask: mask), rawText("half", isFinal: false, mask: mask))
        connection.receiveEnd()
        #expect(connection.delegate.essentials == [.opened, .text("whole"), .closed(nil, "", isClean: false)])
        #expect(!connection.isActive)
    }
}
