import GaplessCore
import NIOCore

/// Both directions of the codec by one name, so that a law is tested once for both.
protocol WireFrame: Hashable, Sendable {
    /// What a decoder with the default limits makes of a WebSocket message; nil for a frame of a later version.
    static func decode(_ kind: PayloadKind, _ bytes: [UInt8], _ validation: TextValidation) throws(FrameDecodingError) -> Self?
    var kind: PayloadKind { get }
    var encodedSize: Int { get }
    func append(to buffer: inout ByteBuffer)
}

extension WireFrame {
    var encoded: [UInt8] {
        var buffer = ByteBuffer()
        self.append(to: &buffer)
        return Array(buffer.readableBytesView)
    }
}

extension ClientFrame: WireFrame {
    static func decode(_ kind: PayloadKind, _ bytes: [UInt8], _ validation: TextValidation) throws(FrameDecodingError) -> ClientFrame? {
        try ClientFrameDecoder(validation: validation).decode(kind, ByteBuffer(bytes: bytes))
    }
    var kind: PayloadKind { FrameEncoder.kind(of: self) }
    var encodedSize: Int { FrameEncoder.encodedSize(of: self) }
    func append(to buffer: inout ByteBuffer) { FrameEncoder.append(self, to: &buffer) }
}

extension ServerFrame: WireFrame {
    static func decode(_ kind: PayloadKind, _ bytes: [UInt8], _ validation: TextValidation) throws(FrameDecodingError) -> ServerFrame? {
        try ServerFrameDecoder(validation: validation).decode(kind, ByteBuffer(bytes: bytes))
    }
    var kind: PayloadKind { FrameEncoder.kind(of: self) }
    var encodedSize: Int { FrameEncoder.encodedSize(of: self) }
    func append(to buffer: inout ByteBuffer) { FrameEncoder.append(self, to: &buffer) }
}

/// What a decoder makes of the bytes.
enum Verdict<Frame: WireFrame>: Equatable {
    case frame(Frame)
    /// A frame of a later version.
    case unknown
    case refused(FrameDecodingError)

    init(_ kind: PayloadKind, _ bytes: [UInt8], _ validation: TextValidation = .checked) {
        do throws(FrameDecodingError) {
            self = try Frame.decode(kind, bytes, validation).map { .frame($0) } ?? .unknown
        } catch {
            self = .refused(error)
        }
    }

    init(_ text: String) {
        self.init(.text, Array(text.utf8))
    }

    var frame: Frame? {
        if case .frame(let frame) = self { frame } else { nil }
    }

    var code: CloseCode? {
        if case .refused(let error) = self { error.closeCode } else { nil }
    }
}
