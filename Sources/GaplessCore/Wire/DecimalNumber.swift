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
    static func digitCount(_ value: UInt64) -> Int {
        var count = 1
        var rest = value
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }
}

extension ByteBuffer {
    /// Appends the number in decimal digits, without an intermediate string.
    mutating func writeDecimal(_ value: UInt64) {
        let count = DecimalNumber.digitCount(value)
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
            var rest = value
            for index in stride(from: count - 1, through: 0, by: -1) {
                target[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            return count
        }
    }
}
