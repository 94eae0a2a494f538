internal import NIOCore

/// Checks that bytes are UTF-8 (RFC 3629) as they come in, piece by piece, and fails at the first byte that cannot be right.
///
/// Overlong forms, surrogates and values above U+10FFFF are refused by bounding the byte that follows the first one.
package struct UTF8Validator: Hashable, Sendable {
    /// How many bytes of the character that has begun are still to come.
    private var missing: UInt8 = 0
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xBF

    /// Nothing seen yet.
    package init() {}

    /// Whether the readable bytes, as a whole, are UTF-8.
    static func isValid(_ bytes: ByteBuffer) -> Bool {
        var validator = UTF8Validator()
        return bytes.withUnsafeReadableBytes { validator.accept($0) } && validator.isComplete
    }

    /// Whether the bytes so far end with a whole character. Ask when the message is complete.
    package var isComplete: Bool { self.missing == 0 }

    /// Takes the next bytes; false as soon as the whole cannot become valid any more.
    package mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        let count = bytes.count
        var index = 0
        while index < count {
            if self.missing == 0 {
                index = Self.skipASCII(base, from: index, count: count)
                guard index < count else { return true }
                guard self.begin(base.load(fromByteOffset: index, as: UInt8.self)) else { return false }
            } else {
                let byte = base.load(fromByteOffset: index, as: UInt8.self)
                guard byte >= self.lower, byte <= self.upper else { return false }
                self.missing &-= 1
                self.lower = 0x80
                self.upper = 0xBF
            }
            index &+= 1
        }
        return true
    }

    /// Notes the first byte of a character of two to four bytes, or of one byte.
    private mutating func begin(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: self.missing = 1
        case 0xE0: (self.missing, self.lower) = (2, 0xA0)
        case 0xE1...0xEC: self.missing = 2
        case 0xED: (self.missing, self.upper) = (2, 0x9F)
        case 0xEE...0xEF: self.missing = 2
        case 0xF0: (self.missing, self.lower) = (3, 0x90)
        case 0xF1...0xF3: self.missing = 3
        case 0xF4: (self.missing, self.upper) = (3, 0x8F)
        default: return false
        }
        return true
    }

    /// The index of the first byte from `start` on that is not ASCII; eight bytes at a time, since most text is.
    private static func skipASCII(_ base: UnsafeRawPointer, from start: Int, count: Int) -> Int {
        var index = start
        while index &+ 8 <= count {
            guard base.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 else { break }
            index &+= 8
        }
        while index < count, base.load(fromByteOffset: index, as: UInt8.self) < 0x80 { index &+= 1 }
        return index
    }
}
