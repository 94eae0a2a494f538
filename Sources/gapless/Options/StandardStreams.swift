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
    ///
    /// - Throws: `ProgramError` when it did not arrive whole: nobody may take results that were cut off for all of them.
    static func write(_ line: String) throws(ProgramError) {
        guard writeAll(Array((line + "\n").utf8), to: STDOUT_FILENO) else {
            throw ProgramError(.inputOutput, "standard output cannot be written: \(String(cString: strerror(errno)))")
        }
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

/// Writes every byte, however often the system takes only some, and waits where somebody made the descriptor one that does not; gives up when the
/// reader is gone or there is no room. `errno` tells why.
@discardableResult
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            switch count {
            case 1...: rest = rest.dropFirst(count)
            case ..<0 where errno == EINTR: continue
            case ..<0 where errno == EAGAIN || errno == EWOULDBLOCK:
                var wish = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wish, 1, -1)
            default: return false
            }
        }
        return true
    }
}
