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

    @Test(
        "It fails at the first byte that cannot be right",
        arguments: [
            ([0x80], 0), ([0xC0, 0xAF], 0), ([0xC1, 0xBF], 0), ([0xE0, 0x9F, 0xBF], 1), ([0xF0, 0x8F, 0xBF, 0xBF], 1),
            ([0xED, 0xA0, 0x80], 1),
            ([0xED, 0xBF, 0xBF], 1), ([0xF4, 0x90, 0x80, 0x80], 1), ([0xF5], 0), ([0xFF], 0), ([0x61, 0xC3, 0x28], 2),
            ([0xE2, 0x82, 0xE2], 2),
        ] as [([UInt8], Int)]
    )
    func early(_ bytes: [UInt8], _ good: Int) {
        var validator = UTF8Validator()
        #expect(bytes.prefix { Self.accept(&validator, [$0]) }.count == good)
        #expect(!Self.isValid(bytes))
    }

    @Test("It knows when a character has begun and not ended", arguments: [[0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98]] as [[UInt8]])
    func unfinished(_ bytes: [UInt8]) {
        var validator = UTF8Validator()
        #expect(Self.accept(&validator, Array("abcdefgh".utf8) + bytes))
        #expect(!validator.isComplete)
    }

    @Test("It agrees with Unicode on bytes that are nearly text, whole and in two pieces", arguments: 1...4 as ClosedRange<UInt64>)
    func nearlyText(_ seed: UInt64) {
        var luck = SeededLuck(seed)
        let pieces =
            ["abcdefgh", "é", "€", "\u{1F600}", "\u{800}", "x"].map { Array($0.utf8) } + [[0x80], [0xED, 0xA0], [0xF4]] as [[UInt8]]
        for round in 0..<5_000 {
            var bytes: [UInt8] = []
            for _ in 0...Int.random(in: 0...6, using: &luck) { bytes += pieces.randomElement(using: &luck) ?? [] }
            if Bool.random(using: &luck) {
                bytes[Int.random(in: bytes.indices, using: &luck)] ^= 1 << UInt8.random(in: 0...7, using: &luck)
            }
            let cut = Int.random(in: 0...bytes.count, using: &luck)
            var validator = UTF8Validator()
            let inTwo =
                Self.accept(&validator, Array(bytes[..<cut])) && Self.accept(&validator, Array(bytes[cut...])) && validator.isComplete
            #expect(Self.isValid(bytes) == Self.isUnicode(bytes), "seed \(seed), round \(round): \(bytes)")
            #expect(inTwo == Self.isUnicode(bytes), "seed \(seed), round \(round), cut \(cut): \(bytes)")
        }
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
