import GaplessCore
import NIOCore
import Testing

/// Holds one vector of kind `frame` against the codec.
enum FrameVector {
    static func run(_ vector: Vector) throws {
        let fields = try VectorFields(vector.body)
        guard let direction = try fields.string("direction"), let written = fields.value("bytes") else {
            throw VectorFailure("a frame has a direction and bytes")
        }
        let bytes = try VectorBytes.bytes(written)
        let kind: PayloadKind = try fields.bool("binary") == true ? .binary : .text
        let limits = WireLimits(message: Int(try fields.int("limit") ?? (direction == "up" ? 65_536 : 1_048_576)))
        let buffer = ByteBuffer(bytes: bytes)
        switch direction {
        case "up":
            let decoder = ClientFrameDecoder(limits: limits, validation: .checked)
            let result = Result { () throws(FrameDecodingError) -> ClientFrame? in try decoder.decode(kind, buffer) }
            try self.compare(fields, bytes, result, render: VectorFrame.render)
        case "down":
            let decoder = ServerFrameDecoder(limits: limits, validation: .checked)
            let result = Result { () throws(FrameDecodingError) in try decoder.decode(kind, buffer) }
            try self.compare(fields, bytes, result, isClient: true, render: VectorFrame.render)
        default: throw VectorFailure("neither up nor down: \(direction)")
        }
        try fields.finish()
    }

    private static func compare<Frame: WireFrame>(
        _ fields: VectorFields,
        _ bytes: [UInt8],
        _ result: Result<Frame?, FrameDecodingError>,
        isClient: Bool = false,
        render: (Frame) -> VectorValue
    ) throws {
        let code = try fields.int("close")
        let expected = fields.value("is")
        let isIgnored = try fields.bool("ignored")
        let canonical = try fields.value("canonical").map { try VectorBytes.bytes($0) } ?? bytes
        switch result {
        case .success(let frame?):
            guard let expected else { throw VectorFailure("a good frame: \(render(frame))") }
            let rendered = render(frame)
            guard try VectorFrame.normalised(expected) == rendered else { throw VectorFailure("is \(rendered)") }
            guard frame.encoded == canonical else { throw VectorFailure("is written \(String(decoding: frame.encoded, as: UTF8.self))") }
        case .success(nil):
            guard isIgnored == true else { throw VectorFailure("is ignored") }
        case .failure(let error):
            // A client closes with 4400, whatever the fault is.
            let said = Int64((isClient ? CloseCode.malformed : error.closeCode).rawValue)
            guard code == said else { throw VectorFailure("closes with \(said): \(error)") }
        }
    }

    /// Every vector that expects something else in one place.
    static func variants(of vector: Vector) -> [Vector] {
        VectorVariants.of(vector, fields: ["is", "close", "ignored", "canonical"])
    }
}

@Suite("Vectors of frames")
struct FrameVectorTests {
    @Test("the codec reads, refuses and writes what the vectors say", arguments: Vector.of(kind: "frame"))
    func frames(vector: Vector) throws {
        try FrameVector.run(vector)
    }

    @Test("every expectation of a vector of frames bites")
    func variants() {
        VectorVariants.expectDeath(kind: "frame", of: FrameVector.variants, running: FrameVector.run)
    }
}
