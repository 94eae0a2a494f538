import NIOCore
import Testing

@testable import GaplessWebSocket

/// Feeds pieces and collects what comes, or how it fails.
private func decode(
    _ pieces: [[UInt8]],
    role: WebSocketRole = .server,
    maxMessageBytes: Int = 1_000,
    maxFragments: Int = 100
) -> (events: [WebSocketEvent], violation: WebSocketViolation.Kind?) {
    var decoder = WebSocketFrameDecoder(role: role, maxMessageBytes: maxMessageBytes, maxFragments: maxFragments)
    var events: [WebSocketEvent] = []
    do {
        for piece in pieces {
            decoder.append(ByteBuffer(bytes: piece))
            while let event = try decoder.next() { events.append(event) }
            _ = decoder.reclaimInput()
        }
        return (events, nil)
    } catch {
        return (events, error.kind)
    }
}

private func text(_ text: String) -> WebSocketEvent { .message(.text, ByteBuffer(string: text)) }

@Suite struct WebSocketFrameDecoderTests {
    // MARK: Examples of RFC 6455 §5.7

    @Test func aTextFromTheServer() {
        #expect(decode([[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]], role: .client).events == [text("Hello")])
    }

    @Test func aMaskedTextFromTheClient() {
        #expect(decode([[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]]).events == [text("Hello")])
    }

    @Test func aTextInTwoFragments() {
        #expect(decode([[0x01, 0x03, 0x48, 0x65, 0x6c], [0x80, 0x02, 0x6c, 0x6f]], role: .client).events == [text("Hello")])
    }

    @Test func pingAndPong() {
        #expect(
            decode([[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]], role: .client).events == [.ping(ByteBuffer(string: "Hello"))]
        )
        #expect(
            decode([[0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]]).events == [.pong(ByteBuffer(string: "Hello"))]
        )
    }

    @Test(arguments: [(256, [0x82, 0x7E, 0x01, 0x00]), (65_536, [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0])] as [(Int, [UInt8])])
    func longBinaryMessages(_ length: Int, _ header: [UInt8]) {
        let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        let result = decode([header + payload], role: .client, maxMessageBytes: length)
        #expect(result.events == [.message(.binary, ByteBuffer(bytes: payload))])
    }

    // MARK: How the bytes come

    /// Some of everything, with each form of length.
    private static let everything: [[UInt8]] = [
        rawText("first"), rawText(""), rawFrame(0x9, [1, 2, 3]), rawFrame(0x2, Array(repeating: 7, count: 126)),
        rawText("Grü", isFinal: false), rawFrame(0xA), rawFrame(0x0, [0xC3], isFinal: false), rawFrame(0x9), rawFrame(0x0, [0x9F]),
        rawFrame(0x2, Array(repeating: 9, count: 65_536)), rawText("last"), rawClose(4000, "bye"),
    ]

    private static let expected: [WebSocketEvent] = [
        text("first"), text(""), .ping(ByteBuffer(bytes: [1, 2, 3])), .message(.binary, ByteBuffer(repeating: 7, count: 126)),
        .pong(ByteBuffer()), .ping(ByteBuffer()), text("Grüß"), .message(.binary, ByteBuffer(repeating: 9, count: 65_536)), text("last"),
        .close(WebSocketCloseCode(4000), reason: "bye"),
    ]

    @Test func theSameComesOutHoweverTheBytesCome() {
        let all = Self.everything.flatMap { $0 }
        #expect(decode([all], maxMessageBytes: 65_536).events == Self.expected)
        #expect(decode(Self.everything, maxMessageBytes: 65_536).events == Self.expected)
        #expect(decode(all.map { [$0] }, maxMessageBytes: 65_536).events == Self.expected)
    }

    @Test func theSameComesOutOfPiecesOfAnyLength() {
        let all = Self.everything.flatMap { $0 }
        let seed: UInt64 = 7
        var random = SeededGenerator(seed: seed)
        for round in 0..<40 {
            var pieces: [[UInt8]] = []
            var rest = all[...]
            while !rest.isEmpty {
                let count = min(rest.count, Int.random(in: 1...(round % 2 == 0 ? 200 : 30_000), using: &random))
                pieces.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            let result = decode(pieces, maxMessageBytes: 65_536)
            #expect(result.events == Self.expected, "seed \(seed), round \(round)")
        }
    }

    @Test func aTruncatedFrameGivesNothing() {
        let frame = rawFrame(0x2, Array(repeating: 1, count: 200))
        for count in 0..<frame.count {
            let result = decode([Array(frame.prefix(count))])
            #expect(result.events.isEmpty)
            #expect(result.violation == nil)
        }
    }

    @Test func bytesThatSomebodyElseHoldsAreNotChanged() throws {
        let bytes = ByteBuffer(bytes: rawText("mine") + rawText("and mine"))
        let untouched = Array(bytes.readableBytesView)
        var decoder = WebSocketFrameDecoder(role: .server, maxMessageBytes: 100, maxFragments: 1)
        decoder.append(bytes)
        let first = try decoder.next()
        #expect(try decoder.next() == text("and mine"))
        #expect(first == text("mine"))
        #expect(Array(bytes.readableBytesView) == untouched)
    }

    @Test func aMessageStaysAsItWasWhileLaterOnesAreDecoded() throws {
        var decoder = WebSocketFrameDecoder(role: .server, maxMessageBytes: 100, maxFragments: 1)
        var kept: [WebSocketEvent] = []
        for round in 0..<10 {
            decoder.append(ByteBuffer(bytes: (0..<5).flatMap { rawText("message \(round * 5 + $0)") }))
            while let event = try decoder.next() { kept.append(event) }
            _ = decoder.reclaimInput()
        }
        #expect(kept == (0..<50).map { text("message \($0)") })
    }

    @Test func usedUpInputIsGivenBackForAnotherRead() throws {
        var decoder = WebSocketFrameDecoder(role: .server, maxMessageBytes: 100, maxFragments: 1)
        var lent = ByteBufferAllocator().buffer(capacity: 4_096)
        lent.writeBytes(rawText("whole") + rawText("torn").prefix(3))
        decoder.append(consume lent)
        #expect(try decoder.next() == text("whole"))
        #expect(try decoder.next() == nil)
        #expect(decoder.reclaimInput().capacity == 4_096)
        #expect(decoder.heldBytes == 3)
        decoder.append(ByteBuffer(bytes: rawText("torn").dropFirst(3)))
        #expect(try decoder.next() == text("torn"))
    }

    // MARK: What is refused

    @Test(arguments: [1, 2, 4, 7] as [UInt8])
    func reservedBits(_ bits: UInt8) {
        #expect(decode([rawFrame(0x1, reserved: bits)]).violation == .protocolError)
    }

    @Test(arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8])
    func unknownOpcodes(_ opcode: UInt8) {
        #expect(decode([rawFrame(opcode)]).violation == .protocolError)
    }

    @Test func theClientMasksAndTheServerDoesNot() {
        #expect(decode([rawText("a", mask: nil)]).violation == .protocolError)
        #expect(decode([rawText("a")], role: .client).violation == .protocolError)
    }

    @Test(arguments: [0x8, 0x9, 0xA] as [UInt8])
    func controlFramesAreShortAndWhole(_ opcode: UInt8) {
        let most = [0x0F, 0xA0] + Array(repeating: UInt8(ascii: "a"), count: 123)
        #expect(decode([rawFrame(opcode, most)]).events.count == 1)
        #expect(decode([rawFrame(opcode, most + [0x61])]).violation == .protocolError)
        #expect(decode([rawFrame(opcode, most, isFinal: false)]).violation == .protocolError)
        #expect(decode([rawFrame(opcode, [], lengthForm: 2)]).violation == .protocolError)
        #expect(decode([rawFrame(opcode, [], lengthForm: 8)]).violation == .protocolError)
    }

    @Test(arguments: [(2, 0), (2, 125), (8, 0), (8, 125), (8, 126), (8, 65_535)] as [(Int, UInt64)])
    func lengthsInTheirShortestForm(_ form: Int, _ length: UInt64) {
        #expect(decode([rawFrame(0x2, lengthForm: form, announced: length)], maxMessageBytes: 100_000).violation == .protocolError)
    }

    @Test func theHighestBitOfALengthIsZero() {
        #expect(decode([rawFrame(0x2, lengthForm: 8, announced: 1 << 63)]).violation == .protocolError)
        #expect(decode([rawFrame(0x2, lengthForm: 8, announced: UInt64.max)]).violation == .protocolError)
        #expect(decode([rawFrame(0x2, lengthForm: 8, announced: 1 << 63 - 1)]).violation == .tooLarge)
    }

    @Test func aWrongFrameIsRefusedAtItsFirstTwoBytes() {
        #expect(decode([[0xF1, 0x80]]).violation == .protocolError)
        #expect(decode([[0x81, 0x00]]).violation == .protocolError)
        #expect(decode([[0x89, 0xFE]]).violation == .protocolError)
    }

    @Test func fragmentsHaveTheirOrder() {
        #expect(decode([rawFrame(0x0, [1])]).violation == .protocolError)
        #expect(decode([rawFrame(0x0, [1], isFinal: false)]).violation == .protocolError)
        #expect(decode([rawText("a", isFinal: false), rawText("b")]).violation == .protocolError)
        #expect(decode([rawText("a", isFinal: false), rawFrame(0x2)]).violation == .protocolError)
        #expect(decode([rawText("a"), rawFrame(0x0, [1])]).violation == .protocolError)
        #expect(decode([rawText("a", isFinal: false), rawFrame(0x0, [0x62]), rawText("c")]).events == [text("ab"), text("c")])
    }

    // MARK: Bounds

    @Test func aMessageIsAsLongAsAllowedAndNoLonger() {
        let most = [UInt8](repeating: 1, count: 1_000)
        #expect(decode([rawFrame(0x2, most)]).events.count == 1)
        #expect(decode([rawFrame(0x2, most + [1])]).violation == .tooLarge)
    }

    // [R3.2-5]
    @Test func theBoundHoldsBeforeAnyPayloadComes() {
        #expect(decode([Array(rawFrame(0x2, announced: 1_001).prefix(8))]).violation == .tooLarge)
        #expect(decode([rawFrame(0x2, [1], isFinal: false), Array(rawFrame(0x0, announced: 1_000).prefix(8))]).violation == .tooLarge)
        #expect(decode([rawFrame(0x2, [1], isFinal: false), Array(rawFrame(0x0, announced: 999).prefix(8))]).violation == nil)
    }

    @Test func fragmentsAreCounted() {
        let three = [rawFrame(0x2, isFinal: false), rawFrame(0x0, isFinal: false), rawFrame(0x0)]
        #expect(decode(three, maxFragments: 3).events == [.message(.binary, ByteBuffer())])
        #expect(decode(three, maxFragments: 2).violation == .tooLarge)
        #expect(decode(three + three, maxFragments: 3).events.count == 2)
    }

    @Test func theBoundMayChangeBetweenMessages() throws {
        var decoder = WebSocketFrameDecoder(role: .server, maxMessageBytes: 3, maxFragments: 1)
        decoder.append(ByteBuffer(bytes: rawText("abc") + rawText("abcd") + rawText("abcde")))
        #expect(try decoder.next() == text("abc"))
        decoder.maxMessageBytes = 4
        #expect(try decoder.next() == text("abcd"))
        #expect(throws: WebSocketViolation.self) { try decoder.next() }
    }

    @Test func aBoundBelowWhatHasComeRefusesTheNextFragment() throws {
        var decoder = WebSocketFrameDecoder(role: .server, maxMessageBytes: 10, maxFragments: 9)
        decoder.append(ByteBuffer(bytes: rawFrame(0x2, [1, 2, 3, 4, 5], isFinal: false)))
        #expect(try decoder.next() == nil)
        decoder.maxMessageBytes = 2
        decoder.append(ByteBuffer(bytes: rawFrame(0x0, [1])))
        #expect(throws: WebSocketViolation.self) { try decoder.next() }
    }

    // [R3.2-5]
    @Test func nothingIsKeptOfWhatIsOnlyAnnounced() throws {
        var decoder = WebSocketFrameDecoder(role: .server, maxMessageBytes: 1 << 30, maxFragments: 1)
        decoder.append(ByteBuffer(bytes: rawFrame(0x2, [1, 2, 3], announced: 1 << 30)))
        #expect(try decoder.next() == nil)
        _ = decoder.reclaimInput()
        #expect(decoder.heldBytes == 3)
    }

    // MARK: Text

    @Test func aBadTextFailsAtItsFirstWrongByte() {
        let bad: [UInt8] = [0x61, 0xF4, 0x90]
        #expect(decode([rawFrame(0x1, bad)]).violation == .invalidUTF8)
        // The rest of the frame has not come, nor the rest of the message.
        #expect(decode([Array(rawFrame(0x1, bad, announced: 900).prefix(11))]).violation == .invalidUTF8)
        #expect(decode([rawFrame(0x1, bad, isFinal: false)]).violation == .invalidUTF8)
        #expect(decode([rawText("ok", isFinal: false), rawFrame(0x0, bad, isFinal: false)]).violation == .invalidUTF8)
    }

    @Test func aTextThatEndsInsideACharacterFailsAtItsEnd() {
        #expect(decode([rawFrame(0x1, [0xE2, 0x82])]).violation == .invalidUTF8)
        #expect(decode([rawFrame(0x1, [0xE2, 0x82], isFinal: false)]).violation == nil)
        #expect(decode([rawFrame(0x1, [0xE2, 0x82], isFinal: false), rawFrame(0x0)]).violation == .invalidUTF8)
        #expect(decode([rawFrame(0x1, [0xE2, 0x82], isFinal: false), rawFrame(0x0, [0xAC])]).events == [text("€")])
    }

    @Test func binaryMayBeAnyBytes() {
        #expect(decode([rawFrame(0x2, [0xFF, 0xC0])]).events == [.message(.binary, ByteBuffer(bytes: [0xFF, 0xC0]))])
        #expect(
            decode([rawFrame(0x2, [0xFF], isFinal: false), rawFrame(0x0, [0xC0])]).events
                == [.message(.binary, ByteBuffer(bytes: [0xFF, 0xC0]))]
        )
    }

    // MARK: Close

    @Test func closeWithAndWithoutCode() {
        #expect(decode([rawFrame(0x8)]).events == [.close(nil, reason: "")])
        #expect(decode([rawClose(1000)]).events == [.close(.normal, reason: "")])
        #expect(decode([rawClose(4100, "später")]).events == [.close(WebSocketCloseCode(4100), reason: "später")])
    }

    @Test func aCloseThatIsNotRight() {
        #expect(decode([rawFrame(0x8, [0x03])]).violation == .protocolError)
        #expect(decode([rawClose(1005)]).violation == .protocolError)
        #expect(decode([rawClose(999)]).violation == .protocolError)
        #expect(decode([rawFrame(0x8, [0x03, 0xE8, 0xC3])]).violation == .invalidUTF8)
    }

    // MARK: Discarding

    @Test func whileDiscardingOnlyControlFramesCount() throws {
        var decoder = WebSocketFrameDecoder(role: .server, maxMessageBytes: 10, maxFragments: 1)
        decoder.append(ByteBuffer(bytes: rawFrame(0x2, Array(repeating: 1, count: 9), announced: 10)))
        #expect(try decoder.next() == nil)
        decoder.discardMessages()
        let rest: [[UInt8]] = [
            [5], rawFrame(0x1, [0xFF], isFinal: false), rawFrame(0x0, Array(repeating: 1, count: 5_000), isFinal: false), rawFrame(0x9),
            rawFrame(0x0), rawFrame(0x2, Array(repeating: 2, count: 70_000)), rawClose(1000),
        ]
        decoder.append(ByteBuffer(bytes: rest.flatMap { $0 }))
        #expect(try decoder.next() == .ping(ByteBuffer()))
        #expect(try decoder.next() == .close(.normal, reason: ""))
        #expect(try decoder.next() == nil)
        #expect(decoder.heldBytes == 0)
    }
}
