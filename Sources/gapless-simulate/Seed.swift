import ArgumentParser

/// A seed as people write it: a number, or the name of a commit.
struct Seed: ExpressibleByArgument, CustomStringConvertible {
    let value: UInt64

    init(_ value: UInt64) {
        self.value = value
    }

    /// A decimal number, or at least 16 hexadecimal digits, of which the first 16 count.
    init?(argument: String) {
        if argument.count <= 20, let value = UInt64(argument) {
            self.value = value
        } else if argument.count >= 16, argument.allSatisfy(\.isHexDigit), let value = UInt64(argument.prefix(16), radix: 16) {
            self.value = value
        } else {
            return nil
        }
    }

    var description: String { "\(self.value)" }
}
