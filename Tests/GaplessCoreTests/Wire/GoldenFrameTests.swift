import GaplessCore
import NIOCore
import Testing

@Suite("Golden frames")
struct GoldenFrameTests {
    // [R3.3-1] [R3.2-7]
    @Test("A frame up decodes from its bytes and encodes to them", arguments: GoldenFrames.up)
    func up(_ golden: Golden<ClientFrame>) { Self.check(golden) }

    // [R3.3-1] [R3.2-7] [R4.2-1]
    @Test("A frame down decodes from its bytes and encodes to them", arguments: GoldenFrames.down)
    func down(_ golden: Golden<ServerFrame>) { Self.check(golden) }

    // [R3.2-1]
    @Test("Whatever is left of a truncated frame up is refused, or is a shorter frame", arguments: GoldenFrames.up)
    func truncatedUp(_ golden: Golden<ClientFrame>) { Self.truncate(golden) }

    @Test("Whatever is left of a truncated frame down is refused, or is a shorter frame", arguments: GoldenFrames.down)
    func truncatedDown(_ golden: Golden<ServerFrame>) { Self.truncate(golden) }

    @Test("A frame up with another byte in any place is refused, or is what it then says", arguments: GoldenFrames.up)
    func mutatedUp(_ golden: Golden<ClientFrame>) { Self.mutate(golden) }

    @Test("A frame down with another byte in any place is refused, or is what it then says", arguments: GoldenFrames.down)
    func mutatedDown(_ golden: Golden<ServerFrame>) { Self.mutate(golden) }

    @Test("A frame is encoded behind what the buffer holds already")
    func appends() {
        var buffer = ByteBuffer(string: "before")
        for golden in GoldenFrames.up { golden.frame.append(to: &buffer) }
        for golden in GoldenFrames.down { golden.frame.append(to: &buffer) }
        let expected = Array("before".utf8) + GoldenFrames.up.flatMap(\.bytes) + GoldenFrames.down.flatMap(\.bytes)
        #expect(Array(buffer.readableBytesView) == expected)
    }

    @Test("A decoder reads from the reader index to the writer index, and a payload is a slice of its own")
    func readsReadableBytes() throws {
        var buffer = ByteBuffer(string: "??MSG 7 payload!!")
        buffer.moveReaderIndex(forwardBy: 2)
        buffer.moveWriterIndex(to: buffer.writerIndex - 2)
        let frame = try ClientFrameDecoder().decode(.text, buffer)
        #expect(frame == .message(sequence: SequenceNumber(7), payload: Payload(text: "payload")))
        buffer.setString("changed", at: 8)
        #expect(frame == .message(sequence: SequenceNumber(7), payload: Payload(text: "payload")))
    }

    @Test("The longest heads are as long as the limit says")
    func longestHeads() {
        let down = StoredMessage(sequence: .max, time: Timestamp(milliseconds: Limits.maxInteger), payload: Payload(text: ""))
        #expect(ServerFrame.message(down).encodedSize == Limits.maxMessageHeadBytes)
        #expect(ClientFrame.message(sequence: .max, payload: Payload(text: "")).encodedSize == 21)
    }

    private static func check<Frame: WireFrame>(_ golden: Golden<Frame>) {
        for validation in [TextValidation.trusted, .checked] {
            #expect(Verdict(golden.kind, golden.bytes, validation) == .frame(golden.frame))
        }
        #expect(golden.frame.kind == golden.kind)
        #expect(golden.frame.encodedSize == golden.bytes.count)
        #expect(golden.frame.encoded == golden.bytes)
    }

    private static func truncate<Frame: WireFrame>(_ golden: Golden<Frame>) {
        for count in 0..<golden.bytes.count {
            let bytes = Array(golden.bytes.prefix(count))
            let verdict = Verdict<Frame>(golden.kind, bytes)
            switch verdict {
            case .refused: break
            case .unknown: #expect(bytes.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }, "\(count)")
            case .frame(let frame):
                // Nothing but a payload, a number or a reason can be shorter and still be whole.
                #expect(!golden.hasJSON && frame.encoded == bytes, "\(count)")
            }
        }
    }

    private static func mutate<Frame: WireFrame>(_ golden: Golden<Frame>) {
        let values = golden.hasJSON ? Self.tellingBytes : Array(0...255)
        // The reader of JSON checks its text by itself.
        let validations = golden.hasJSON ? [TextValidation.trusted] : [.trusted, .checked]
        for index in golden.bytes.indices {
            var bytes = golden.bytes
            for value in values where value != golden.bytes[index] {
                bytes[index] = value
                for validation in validations {
                    guard case .frame(let frame) = Verdict<Frame>(golden.kind, bytes, validation) else { continue }
                    if frame.encoded == bytes { continue }
                    // The form of a frame without JSON is unique; JSON may be written in other ways.
                    #expect(golden.hasJSON, "byte \(index) is \(value)")
                    #expect(Verdict<Frame>(frame.kind, frame.encoded) == .frame(frame), "byte \(index) is \(value)")
                }
            }
        }
    }

    /// The bytes that mean something to a reader of JSON, and some that mean nothing.
    private static let tellingBytes = Array("{}[]\":,\\ 019-.eEtfnuAz\n".utf8) + [0x00, 0x1F, 0x7F, 0x80, 0xC0, 0xED, 0xF5, 0xFF]
}
