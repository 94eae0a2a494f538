#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A line on standard error that is written over as things go on; nothing where no person reads along.
struct ProgressLine {
    private var isShown = false

    /// Shows a text in the place of the one before.
    mutating func show(_ text: String) {
        guard StandardError.isTerminal else { return }
        self.isShown = true
        writeAll(Array("\r\(text.printable)\u{1B}[K".utf8), to: STDERR_FILENO)
    }

    /// Leaves an empty line.
    mutating func clear() {
        guard self.isShown else { return }
        self.isShown = false
        writeAll(Array("\r\u{1B}[K".utf8), to: STDERR_FILENO)
    }
}
