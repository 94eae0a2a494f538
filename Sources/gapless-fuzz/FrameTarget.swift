import GaplessCore
import NIOCore

/// Frames of both directions: what is decoded is encoded to something that means the same, of the size that was foretold, and the frames
/// without JSON to the same bytes (Protocol.md §4).
enum FrameTarget {
    static func run(_ input: Input) -> CInt {
        guard let choice = input.choice else { return 0 }
        let kind: PayloadKind = choice & 1 == 0 ? .text : .binary
        if choice & 2 == 0 {
            Self.client(kind, input.rest)
        } else {
            Self.server(kind, input.rest)
        }
        return 0
    }

    private static func client(_ kind: PayloadKind, _ bytes: ByteBuffer) {
        let decoder = ClientFrameDecoder(validation: .checked)
        guard let frame = try? decoder.decode(kind, bytes) else { return }
        var encoded = ByteBuffer()
        FrameEncoder.append(frame, to: &encoded)
        if FrameEncoder.kind(of: frame) != kind { fault("a frame of another kind than its message") }
        if FrameEncoder.encodedSize(of: frame) < encoded.readableBytes { fault("a frame is larger than foretold") }
        if !Self.hasJSON(bytes), encoded != bytes { fault("a frame of a client is encoded to other bytes") }
        guard let again = try? decoder.decode(kind, encoded) else { fault("an encoded frame of a client is refused") }
        if again != frame { fault("an encoded frame of a client means something else") }
    }

    private static func server(_ kind: PayloadKind, _ bytes: ByteBuffer) {
        let decoder = ServerFrameDecoder(validation: .checked)
        guard let frame = try? decoder.decode(kind, bytes) else { return }
        var encoded = ByteBuffer()
        FrameEncoder.append(frame, to: &encoded)
        if FrameEncoder.kind(of: frame) != kind { fault("a frame of another kind than its message") }
        if FrameEncoder.encodedSize(of: frame) < encoded.readableBytes { fault("a frame is larger than foretold") }
        if !Self.hasJSON(bytes), encoded != bytes { fault("a frame of a server is encoded to other bytes") }
        guard let again = try? decoder.decode(kind, encoded) else { fault("an encoded frame of a server is refused") }
        if again != frame { fault("an encoded frame of a server means something else") }
    }

    /// The frames that carry an object may have it written in other ways.
    private static func hasJSON(_ bytes: ByteBuffer) -> Bool {
        !["MSG ", "ACK ", "GAP ", "PING ", "PONG ", "BYE"].contains { bytes.readableBytesView.starts(with: $0.utf8) }
    }
}
