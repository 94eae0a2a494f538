import Testing

@testable import GaplessCore

@Suite("FrameKeyword")
struct FrameKeywordTests {
    @Test("Its integer holds its letters", arguments: FrameKeyword.allCases)
    func packed(_ keyword: FrameKeyword) {
        #expect(keyword.packed == keyword.rawValue.utf8.reduce(0) { $0 << 8 | UInt64($1) })
        #expect(FrameKeyword(packed: keyword.packed) == keyword)
        #expect(keyword.count == keyword.rawValue.utf8.count)
        #expect(keyword.count <= FrameKeyword.maxBytes)
    }

    @Test("An integer with other letters is no keyword", arguments: [0, 0x4D, 0x4D_5346, 0x4D_5347_00, 0x01_4D_5347, .max] as [UInt64])
    func others(_ packed: UInt64) {
        #expect(FrameKeyword(packed: packed) == nil)
    }
}
