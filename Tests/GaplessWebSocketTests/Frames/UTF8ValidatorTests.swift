import Testing

@testable import GaplessWebSocket

@Suite struct UTF8ValidatorTests {
    /// How many bytes are accepted when they come one by one, and whether they end with a whole character.
    private func accepted(_ bytes: [UInt8]) -> (count: Int, isComplete: Bool) {
        var validator = UTF8Validator()
        for (index, byte) in bytes.enumerated() {
            guard [byte].withUnsafeBytes({ validator.accept($0) }) else { return (index, false) }
        }
        return (bytes.count, validator.isComplete)
    }

    private func isValid(_ bytes: [UInt8]) -> Bool {
        var validator = UTF8Validator()
        return bytes.withUnsafeBytes { validator.accept($0) } && validator.isComplete
    }

    @Test(arguments: ["", "a", "κόσμε", "\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}", "\0", "\u{D7FF}\u{E000}\u{FEFF}"])
    func validTextIsAcceptedWholeAndByteByByte(_ text: String) {
        #expect(self.isValid(Array(text.utf8)))
        #expect(self.accepted(Array(text.utf8)) == (text.utf8.count, true))
    }

    @Test(arguments: [
        ([0x80], 0),  // a continuation first
        ([0xC0, 0xAF], 0),  // overlong
        ([0xC1, 0xBF], 0),
        ([0xE0, 0x9F, 0xBF], 1),
        ([0xF0, 0x8F, 0xBF, 0xBF], 1),
        ([0xED, 0xA0, 0x80], 1),  // a surrogate
        ([0xED, 0xBF, 0xBF], 1),
        ([0xF4, 0x90, 0x80, 0x80], 1),  // above U+10FFFF
        ([0xF5], 0),
        ([0xFF], 0),
        ([0x61, 0xC3, 0x28], 2),  // no continuation
        ([0xE2, 0x82, 0xE2], 2),
    ])
    func whatCannotBecomeValidFailsAtItsFirstWrongByte(_ bytes: [UInt8], _ good: Int) {
        #expect(!self.isValid(bytes))
        #expect(self.accepted(bytes).count == good)
    }

    @Test(arguments: [[0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98]] as [[UInt8]])
    func aCharacterThatHasBegunIsNotComplete(_ bytes: [UInt8]) {
        #expect(self.accepted(bytes) == (bytes.count, false))
    }

    /// Byte strings that are nearly always almost valid, against the standard library.
    @Test func agreesWithTheStandardLibrary() {
        let seed: UInt64 = 20_260_101
        var random = SeededGenerator(seed: seed)
        let pieces: [[UInt8]] =
            ["abcdefgh", "é", "€", "😀", "\u{800}", "\u{10FFFF}", "x"].map { Array($0.utf8) } + [[0x80], [0xED, 0xA0], [0xF4]]
        for round in 0..<20_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...6, using: &random) { bytes += pieces.randomElement(using: &random) ?? [] }
            if Bool.random(using: &random), let index = bytes.indices.randomElement(using: &random) {
                bytes[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
            }
            let expected = String(validating: bytes, as: UTF8.self) != nil
            let cut = Int.random(in: 0...bytes.count, using: &random)
            var validator = UTF8Validator()
            let inTwo =
                bytes[..<cut].withUnsafeBytes { validator.accept($0) } && bytes[cut...].withUnsafeBytes { validator.accept($0) }
                && validator.isComplete
            #expect(self.isValid(bytes) == expected, "seed \(seed), round \(round), \(bytes)")
            #expect(inTwo == expected, "seed \(seed), round \(round), cut \(cut), \(bytes)")
        }
    }
}

@Suite struct WebSocketCloseCodeTests {
    @Test(arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
    func isAllowed(_ code: UInt16) {
        #expect(WebSocketCloseCode(code).isAllowedOnWire)
    }

    @Test(arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
    func isNotAllowed(_ code: UInt16) {
        #expect(!WebSocketCloseCode(code).isAllowedOnWire)
    }
}

@Suite struct WebSocketMaskKeyTests {
    @Test func masksAnyLengthFromAnyOffset() {
        let key = WebSocketMaskKey(rawValue: 0x37fa_213d)
        for length in 0...40 {
            for offset in 0...7 {
                let plain = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }
                let expected = plain.enumerated().map { $0.element ^ exampleMask[($0.offset + offset) % 4] }
                var bytes = plain
                bytes.withUnsafeMutableBytes { key.apply(to: $0, offset: offset) }
                #expect(bytes == expected, "length \(length), offset \(offset)")
            }
        }
    }
}
