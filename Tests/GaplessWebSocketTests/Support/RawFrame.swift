import NIOCore

/// The key that RFC 6455 uses in its examples.
let exampleMask: [UInt8] = [0x37, 0xfa, 0x21, 0x3d]

/// A frame put together bit by bit, right or wrong, without the code under test.
func rawFrame(
    _ opcode: UInt8,
    _ payload: [UInt8] = [],
    isFinal: Bool = true,
    reserved: UInt8 = 0,
    mask: [UInt8]? = exampleMask,
    lengthForm: Int? = nil,
    announced: UInt64? = nil
) -> [UInt8] {
    let length = announced ?? UInt64(payload.count)
    let form = lengthForm ?? (length <= 125 ? 0 : length <= 65_535 ? 2 : 8)
    var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode]
    let short: UInt8 = form == 0 ? UInt8(length) : form == 2 ? 126 : 127
    bytes.append((mask == nil ? 0 : 0x80) | short)
    for index in stride(from: form - 1, through: 0, by: -1) { bytes.append(UInt8(truncatingIfNeeded: length >> (8 * UInt64(index)))) }
    bytes += mask ?? []
    for (index, byte) in payload.enumerated() { bytes.append(mask.map { byte ^ $0[index % 4] } ?? byte) }
    return bytes
}

/// A frame of text.
func rawText(_ text: String, isFinal: Bool = true, mask: [UInt8]? = exampleMask) -> [UInt8] {
    rawFrame(0x1, Array(text.utf8), isFinal: isFinal, mask: mask)
}

/// A Close with a code and a reason.
func rawClose(_ code: UInt16, _ reason: String = "", mask: [UInt8]? = exampleMask) -> [UInt8] {
    rawFrame(0x8, [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8), mask: mask)
}

/// A generator whose numbers the test chose.
struct FixedGenerator: RandomNumberGenerator {
    var value: UInt64
    mutating func next() -> UInt64 { self.value }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
