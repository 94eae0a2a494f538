import GaplessCore
import NIOCore
import Testing

@Suite("The frames of Protocol.md are the codec's")
struct DocumentFrameTests {
    static let document = ProtocolDocument.shared

    /// The frames of the transcripts, with the side that sends them.
    static let transcripts = document.lines("transcript").filter { $0.text.hasPrefix("C> ") || $0.text.hasPrefix("S> ") }

    @Test("The document was found, and its blocks are of known kinds")
    func found() {
        let kinds = Set(Self.document.blocks.map(\.kind))
        #expect(kinds == ["transcript", "frames-up-good", "frames-up-bad", "frames-down-good", "frames-down-bad", "abnf", "text"])
        #expect(Self.transcripts.count > 100)
        #expect(Self.document.lines("frames-up-bad").count > 50)
        #expect(Self.document.lines("frames-down-bad").count > 20)
    }

    @Test("Each line of a transcript is a frame, a close, a comment or a change of connection")
    func transcriptLines() {
        for line in Self.document.lines("transcript") {
            #expect(
                line.text.wholeMatch(of: /[CS]> [A-Z].*|[CS]! close [0-9]+|# .*|-- .*/) != nil,
                "\(line.testDescription)"
            )
        }
    }

    // [R3.2-1] [R3.3-1]
    @Test("A frame of a transcript decodes, and encodes to an equal frame", arguments: transcripts)
    func transcript(_ line: ProtocolDocument.Line) throws {
        let text = String(line.text.dropFirst(3))
        if line.text.hasPrefix("C> ") {
            try Self.roundTripUp(text)
        } else {
            try Self.roundTripDown(text)
        }
    }

    @Test("A good frame up decodes, and encodes to an equal frame", arguments: document.lines("frames-up-good"))
    func goodUp(_ line: ProtocolDocument.Line) throws {
        try Self.roundTripUp(line.text)
    }

    // [R3.5-5] [R4.2-4]
    @Test("A good frame down decodes, and encodes to an equal frame", arguments: document.lines("frames-down-good"))
    func goodDown(_ line: ProtocolDocument.Line) throws {
        try Self.roundTripDown(line.text)
    }

    // [R3.3-2] [R3.4-1] [R3.4-2] [R3.5-1] [R3.5-2] [R3.5-3] [R3.5-4] [R3.5-6] [R3.5-7] [R3.6-1]
    // [R4.1-1] [R4.1-2] [R4.1-3] [R4.1-4] [R4.11-5]
    @Test("A bad frame up is refused with the code that its line states", arguments: document.lines("frames-up-bad"))
    func badUp(_ line: ProtocolDocument.Line) throws {
        let (frame, code) = try Self.split(line)
        let error = #expect(throws: FrameDecodingError.self) {
            try ClientFrameDecoder(validation: .checked).decode(.text, ByteBuffer(string: frame))
        }
        #expect(error?.closeCode == code)
    }

    // [R3.3-3] [R3.7-6]
    @Test("A bad frame down is refused; the client closes with 4400 whatever the fault", arguments: document.lines("frames-down-bad"))
    func badDown(_ line: ProtocolDocument.Line) throws {
        let (frame, code) = try Self.split(line)
        #expect(code == .malformed)
        #expect(throws: FrameDecodingError.self) {
            try ServerFrameDecoder(validation: .checked).decode(.text, ByteBuffer(string: frame))
        }
    }

    /// A bad frame and its code, which two spaces and `#` part.
    private static func split(_ line: ProtocolDocument.Line) throws -> (frame: String, code: CloseCode) {
        let match = try #require(line.text.wholeMatch(of: /(.*)  # (4[0-9]{3}) .*/), "\(line.testDescription)")
        return (String(match.1), CloseCode(rawValue: try #require(UInt16(match.2))))
    }

    private static func roundTripUp(_ text: String) throws {
        let decoder = ClientFrameDecoder(validation: .checked)
        let frame = try decoder.decode(.text, ByteBuffer(string: text))
        var buffer = ByteBuffer()
        FrameEncoder.append(frame, to: &buffer)
        #expect(FrameEncoder.kind(of: frame) == .text)
        #expect(FrameEncoder.encodedSize(of: frame) == buffer.readableBytes)
        #expect(try decoder.decode(.text, buffer) == frame)
        if !text.contains("features"), !text.contains("mood") { #expect(String(buffer: buffer) == text) }
    }

    private static func roundTripDown(_ text: String) throws {
        let decoder = ServerFrameDecoder(validation: .checked)
        let frame = try #require(try decoder.decode(.text, ByteBuffer(string: text)))
        var buffer = ByteBuffer()
        FrameEncoder.append(frame, to: &buffer)
        #expect(FrameEncoder.kind(of: frame) == .text)
        #expect(FrameEncoder.encodedSize(of: frame) == buffer.readableBytes)
        #expect(try decoder.decode(.text, buffer) == frame)
        if !text.contains("\"later\"") { #expect(String(buffer: buffer) == text) }
    }
}
