import GaplessCore
import NIOCore
import Testing

@Suite("UTF8Validator")
struct UTF8ValidatorTests {
    // [R3.2-4]
    @Test("It agrees with Unicode on every sequence of one and two bytes, alone and behind ASCII")
    func shortSequences() {
        for first in 0...255 as ClosedRange<UInt8> {
            #expect(Self.isValid([first]) == Self.isUnicode([first]), "\(first)")
            for second in 0...255 as ClosedRange<UInt8> {
                let bytes = [first, second]
                #expect(Self.isValid(bytes) == Self.isUnicode(bytes), "\(bytes)")
            }
        }
    }

    @Test("It agrees with Unicode at the edges of sequences of three and four bytes")
    func longSequences() {
        let edges: [UInt8] = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xED, 0xFF]
        for first in 0xE0...0xF8 as ClosedRange<UInt8> {
            for second in edges {
                for third in edges {
                    #expect(Self.isValid([first, second, third]) == Self.isUnicode([first, second, third]))
                    for fourth in edges {
                        let bytes = [0x61, first, second, third, fourth]
                        #expect(Self.isValid(bytes) == Self.isUnicode(bytes), "\(bytes)")
                    }
                }
            }
        }
    }

    @Test("It judges alike however the bytes are cut into pieces")
    func pieces() {
        let text = Array("plain text, long enough, then é € \u{1F680} and \u{10FFFF}.".utf8)
        for cut in text.indices {
            for second in cut..<text.count {
                var validator = UTF8Validator()
                for piece in [text[..<cut], text[cut..<second], text[second...]] {
                    #expect(Array(piece).withUnsafeBytes { validator.accept($0) })
                }
                #expect(validator.isComplete)
            }
        }
    }

    @Test("It fails at the first byte that cannot be right, and knows when a character is unfinished")
    func early() {
        var unfinished = UTF8Validator()
        #expect(Self.accept(&unfinished, [0x61, 0xE2, 0x82]))
        #expect(!unfinished.isComplete)
        #expect(!Self.accept(&unfinished, [0x41]))
        var surrogate = UTF8Validator()
        #expect(Self.accept(&surrogate, [0xED]))
        #expect(!Self.accept(&surrogate, [0xA0]))
    }

    private static func accept(_ validator: inout UTF8Validator, _ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { validator.accept($0) }
    }

    private static func isValid(_ bytes: [UInt8]) -> Bool {
        var validator = UTF8Validator()
        return Self.accept(&validator, bytes) && validator.isComplete
    }

    private static func isUnicode(_ bytes: [UInt8]) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil
    }
}
