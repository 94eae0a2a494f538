/// Checks that bytes are UTF-8, a chunk at a time, so that a text message is judged while its fragments arrive.
///
/// It accepts exactly what Unicode calls well-formed: no overlong forms, no surrogates, nothing above U+10FFFF.
package struct UTF8Validator: Hashable, Sendable {
    /// How many bytes of the current character are still to come.
    private var missing = 0

    /// The bounds of the next byte of the current character.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    /// Nothing seen yet.
    package init() {}

    /// Whether the bytes so far end between two characters, as the end of a text must.
    package var isComplete: Bool { self.missing == 0 }

    /// Takes the next bytes; false as soon as no continuation can make them UTF-8. After false the validator is of no more use.
    package mutating func accept(_ bytes: Span<UInt8>) -> Bool {
        for index in bytes.indices {
            let byte = bytes[index]
            if self.missing == 0 {
                if byte < 0x80 { continue }
                guard self.begin(with: byte) else { return false }
            } else {
                guard byte >= self.lowest, byte <= self.highest else { return false }
                self.missing -= 1
                self.lowest = 0x80
                self.highest = 0xBF
            }
        }
        return true
    }

    /// Whether the bytes, as a whole, are UTF-8.
    package static func isValid(_ bytes: Span<UInt8>) -> Bool {
        var validator = UTF8Validator()
        return validator.accept(bytes) && validator.isComplete
    }

    /// Notes what must follow the first byte of a character of several bytes.
    private mutating func begin(with byte: UInt8) -> Bool {
        switch byte {
        case 0xC2...0xDF: self.missing = 1
        case 0xE0...0xEF: self.missing = 2
        case 0xF0...0xF4: self.missing = 3
        default: return false
        }
        switch byte {
        case 0xE0: self.lowest = 0xA0  // Below it the form is overlong.
        case 0xED: self.highest = 0x9F  // Above it are the surrogates.
        case 0xF0: self.lowest = 0x90  // Below it the form is overlong.
        case 0xF4: self.highest = 0x8F  // Above it nothing is assigned for ever.
        default: break
        }
        return true
    }
}
