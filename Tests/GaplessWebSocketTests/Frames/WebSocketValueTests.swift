import Testing

@testable import GaplessWebSocket

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
