import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Reads what is typed, on a thread that may wait.
enum KeyReader {
    /// How long one look waits, in milliseconds, before it asks whether anybody still wants keys.
    private static let patience: Int32 = 200

    /// The next keys, none when nothing was typed for a moment; nil when the terminal is gone.
    static func next() async throws -> [TopKey]? {
        try await NIOThreadPool.singleton.runIfActive { Self.read() }
    }

    private static func read() -> [TopKey]? {
        var wish = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        let count = poll(&wish, 1, Self.patience)
        guard count > 0 else { return count == 0 || errno == EINTR ? [] : nil }
        var bytes = [UInt8](repeating: 0, count: 256)
        #if canImport(Glibc)
        let length = Glibc.read(STDIN_FILENO, &bytes, bytes.count)
        #elseif canImport(Musl)
        let length = Musl.read(STDIN_FILENO, &bytes, bytes.count)
        #else
        let length = Darwin.read(STDIN_FILENO, &bytes, bytes.count)
        #endif
        if length < 0, errno == EINTR || errno == EAGAIN { return [] }
        return length > 0 ? TopKey.keys(Array(bytes.prefix(length))) : nil
    }
}
