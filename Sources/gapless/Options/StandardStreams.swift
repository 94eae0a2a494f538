#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Where events, progress and complaints go.
enum StandardError {
    /// Writes a line. What a server, a file or a user put into it can neither end the line nor command the terminal.
    static func write(_ line: String) {
        writeAll(Array((line.printable + "\n").utf8), to: STDERR_FILENO)
    }

    /// Whether a person reads along.
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}

/// Where results go.
enum StandardOutput {
    /// Writes a line.
    static func write(_ line: String) {
        writeAll(Array((line + "\n").utf8), to: STDOUT_FILENO)
    }

    /// Whether a person reads along.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
}

extension String {
    /// The text with an escape such as `\u{1B}` in the place of each control character.
    var printable: String {
        guard self.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return self }
        return self.unicodeScalars.reduce(into: "") { text, scalar in
            if scalar.properties.generalCategory == .control {
                text += scalar.escaped(asASCII: true)
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }
}

/// Writes every byte, however often the system takes only some; gives up when the reader is gone.
@discardableResult
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
