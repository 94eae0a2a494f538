import NIOCore
import Testing

@testable import GaplessWebSocket

@Suite struct WebSocketFrameEncoderTests {
    private var exampleGenerator: FixedGenerator { FixedGenerator(value: 0x37fa_213d) }

    private func encoded(_ role: WebSocketRole, _ opcode: WebSocketOpcode, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        var random = self.exampleGenerator
        var buffer = ByteBuffer()
        WebSocketFrameEncoder(role: role).write(
            opcode,
            payload: ByteBuffer(bytes: payload),
            isFinal: isFinal,
            into: &buffer,
            using: &random
        )
        return Array(buffer.readableBytesView)
    }

    @Test func examplesOfTheStandard() {
        let hello = Array("Hello".utf8)
        #expect(self.encoded(.server, .text, hello) == [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f])
        #expect(self.encoded(.client, .text, hello) == [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
        #expect(self.encoded(.server, .text, Array("Hel".utf8), isFinal: false) == [0x01, 0x03, 0x48, 0x65, 0x6c])
        #expect(self.encoded(.server, .continuation, Array("lo".utf8)) == [0x80, 0x02, 0x6c, 0x6f])
        #expect(self.encoded(.client, .pong, hello) == [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
    }

    @Test(arguments: [0, 1, 125, 126, 127, 65_535, 65_536, 65_537], [WebSocketRole.server, .client])
    func everyLengthHasItsShortestForm(_ length: Int, _ role: WebSocketRole) {
        let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        let expected = rawFrame(0x2, payload, mask: role == .client ? exampleMask : nil)
        #expect(self.encoded(role, .binary, payload) == expected)
    }

    @Test(arguments: [0, 100, 130, 70_000], [0, 125, 126, 300, 65_535, 65_536])
    func aWrongGuessOfTheLengthChangesNothing(_ guess: Int, _ length: Int) {
        for role in [WebSocketRole.server, .client] {
            let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 3) }
            var random = self.exampleGenerator
            var buffer = ByteBuffer(string: "before")
            let encoder = WebSocketFrameEncoder(role: role)
            encoder.write(.binary, expectedBytes: guess, into: &buffer, using: &random) { $0.writeBytes(payload) }
            encoder.write(.text, expectedBytes: 1, into: &buffer, using: &random) { $0.writeString("!") }
            let mask = role == .client ? exampleMask : nil
            #expect(Array(buffer.readableBytesView) == Array("before".utf8) + rawFrame(0x2, payload, mask: mask) + rawText("!", mask: mask))
        }
    }

    @Test func theHeaderMayBeWrittenBeforeThePayload() {
        for role in [WebSocketRole.server, .client] {
            var random = self.exampleGenerator
            var buffer = ByteBuffer(string: "x")
            buffer.moveReaderIndex(forwardBy: 1)
            let frame = WebSocketFrameEncoder(role: role).writeHeader(.text, payloadBytes: 5, into: &buffer, using: &random)
            buffer.writeString("Hello")
            frame.finish(&buffer)
            #expect(Array(buffer.readableBytesView) == rawText("Hello", mask: role == .client ? exampleMask : nil))
        }
    }

    @Test func aFrameWhoseEncodingFailsLeavesNothing() {
        struct Unfit: Error {}
        var random = self.exampleGenerator
        var buffer = ByteBuffer(string: "before")
        #expect(throws: Unfit.self) {
            try WebSocketFrameEncoder(role: .server).write(.text, expectedBytes: 9, into: &buffer, using: &random) { buffer in
                buffer.writeString("half")
                throw Unfit()
            }
        }
        #expect(String(buffer: buffer) == "before")
    }

    @Test func eachFrameHasItsOwnKey() {
        var random = SeededGenerator(seed: 1)
        var buffer = ByteBuffer()
        let encoder = WebSocketFrameEncoder(role: .client)
        encoder.write(.text, payload: ByteBuffer(string: "same"), into: &buffer, using: &random)
        encoder.write(.text, payload: ByteBuffer(string: "same"), into: &buffer, using: &random)
        let bytes = Array(buffer.readableBytesView)
        #expect(bytes[2..<6] != bytes[12..<16])
    }

    @Test func closeHasCodeAndReason() {
        var random = self.exampleGenerator
        var buffer = ByteBuffer()
        let encoder = WebSocketFrameEncoder(role: .server)
        encoder.writeClose(WebSocketCloseCode(4000), reason: "draining", into: &buffer, using: &random)
        encoder.writeClose(nil, reason: "", into: &buffer, using: &random)
        #expect(Array(buffer.readableBytesView) == rawClose(4000, "draining", mask: nil) + rawFrame(0x8, mask: nil))
    }

    @Test func aReasonThatIsTooLongIsCutAtACharacter() {
        var random = self.exampleGenerator
        var buffer = ByteBuffer()
        let reason = String(repeating: "a", count: 122) + "€"
        WebSocketFrameEncoder(role: .server).writeClose(.normal, reason: reason, into: &buffer, using: &random)
        #expect(Array(buffer.readableBytesView) == rawClose(1000, String(repeating: "a", count: 122), mask: nil))
    }

    /// What one side encodes the other decodes, for random messages, fragments and cuts.
    @Test func theDecoderReadsWhatTheEncoderWrites() throws {
        let seed: UInt64 = 99
        var random = SeededGenerator(seed: seed)
        for round in 0..<60 {
            let role: WebSocketRole = round % 2 == 0 ? .client : .server
            let encoder = WebSocketFrameEncoder(role: role)
            var expected: [WebSocketEvent] = []
            var wire = ByteBuffer()
            for _ in 0..<20 {
                let payload = ByteBuffer(
                    bytes: (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                )
                var rest = payload
                var opcode = WebSocketOpcode.binary
                while Bool.random(using: &random) {
                    let piece = rest.readSlice(length: Int.random(in: 0...rest.readableBytes, using: &random)) ?? ByteBuffer()
                    encoder.write(opcode, payload: piece, isFinal: false, into: &wire, using: &random)
                    opcode = .continuation
                    if Bool.random(using: &random) {
                        encoder.write(.ping, payload: ByteBuffer(string: "?"), into: &wire, using: &random)
                        expected.append(.ping(ByteBuffer(string: "?")))
                    }
                }
                encoder.write(opcode, payload: rest, into: &wire, using: &random)
                expected.append(.message(.binary, payload))
            }
            var decoder = WebSocketFrameDecoder(role: role == .client ? .server : .client, maxMessageBytes: 300, maxFragments: 100)
            var events: [WebSocketEvent] = []
            while let piece = wire.readSlice(length: min(wire.readableBytes, Int.random(in: 1...100, using: &random))),
                piece.readableBytes > 0
            {
                decoder.append(piece)
                while let event = try decoder.next() { events.append(event) }
                _ = decoder.reclaimInput()
            }
            #expect(events == expected, "seed \(seed), round \(round)")
        }
    }
}
