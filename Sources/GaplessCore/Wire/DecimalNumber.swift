internal import NIOCore

/// The numbers of the protocol: `0` or decimal digits without a leading zero, at most 2^53-1 (Protocol.md §3.4).
enum DecimalNumber {
    /// The most digits that a number can have.
    static let maxDigits = 16

    /// Reads the digits at `index` and moves it behind them; nil when there is no digit, a leading zero, or more than 2^53-1.
    ///
    /// What follows the digits is not looked at: the caller says what may stand there.
    @inline(__always)
    static func read(_ bytes: Span<UInt8>, at index: inout Int) -> UInt64? {
        let start = index
        var value: UInt64 = 0
        while index < bytes.count {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            guard index - start < Self.maxDigits else { return nil }
            value = value &* 10 &+ UInt64(digit)
            index += 1
        }
        let count = index - start
        guard count > 0, count == 1 || bytes[start] != UInt8(ascii: "0"), value <= Limits.maxInteger else { return nil }
        return value
    }

    /// How many digits the number is written with; at least 1.
    @inline(__always)
    static func digitCount(_ value: UInt64) -> Int {
        var count = 1
        var bound: UInt64 = 10
        while count < Self.maxDigits, value >= bound {
            count += 1
            bound &*= 10
        }
        return count
    }

    /// Writes the digits at `index`, where there is room for them, and moves it behind them.
    ///
    /// - Precondition: `value` is at most 2^53-1.
    @inline(__always)
    static func write(_ value: UInt64, to target: UnsafeMutableRawBufferPointer, at index: inout Int) {
        precondition(value <= Limits.maxInteger, "a number on the wire is at most 2^53-1")
        let end = index + Self.digitCount(value)
        var rest = value
        var place = end
        repeat {
            place -= 1
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
            target[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: remainder)
            rest = quotient
        } while rest > 0
        index = end
    }
}

extension ByteBuffer {
    /// Appends the number in decimal digits, without an intermediate string.
    ///
    /// - Precondition: `value` is at most 2^53-1.
    mutating func writeDecimal(_ value: UInt64) {
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: DecimalNumber.maxDigits) { target in
            var end = 0
            DecimalNumber.write(value, to: target, at: &end)
            return end
        }
    }
}
