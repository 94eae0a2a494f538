import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Reads a descriptor line by line, a chunk at a time, on a thread that may wait.
///
/// A line is everything up to a line feed, which is not part of it; a carriage return is. The last line needs no line feed.
struct LineReader {
    private let descriptor: Int32
    private let chunkBytes: Int
    private var rest: [UInt8] = []
    private var isAtEnd = false

    /// Reads `descriptor`, at most `chunkBytes` at once.
    init(descriptor: Int32 = STDIN_FILENO, chunkBytes: Int = 65_536) {
        self.descriptor = descriptor
        self.chunkBytes = chunkBytes
    }

    /// The lines that the next chunk completes, at least one; nil at the end. Waits for input.
    ///
    /// - Throws: `ProgramError` when the descriptor cannot be read, or when a line is longer than `maxLineBytes`.
    mutating func next(maxLineBytes: Int) async throws -> [[UInt8]]? {
        while !self.isAtEnd {
            let (descriptor, chunkBytes) = (self.descriptor, self.chunkBytes)
            try Task.checkCancellation()
            let chunk = try await NIOThreadPool.singleton.runIfActive {
                try Self.isReadable(descriptor, within: Self.patience) ? try Self.read(descriptor, upTo: chunkBytes) : nil
            }
            guard let chunk else { continue }
            var lines: [[UInt8]] = []
            if chunk.isEmpty {
                self.isAtEnd = true
                if !self.rest.isEmpty { lines.append(self.rest) }
                self.rest = []
            } else {
                var pieces = chunk.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                let last = pieces.removeLast()
                for piece in pieces {
                    lines.append(self.rest + piece)
                    self.rest = []
                }
                self.rest += last
            }
            if let long = (lines + [self.rest]).first(where: { $0.count > maxLineBytes }) {
                throw ProgramError(.wrongInput, "a line of standard input is longer than \(maxLineBytes) bytes (\(long.count) or more)")
            }
            if !lines.isEmpty { return lines }
        }
        return nil
    }

    /// How long one look at the descriptor waits, in milliseconds, before it asks whether anybody still wants lines.
    private static let patience: Int32 = 200

    /// Whether there is something to read, the end included.
    private static func isReadable(_ descriptor: Int32, within milliseconds: Int32) throws -> Bool {
        var wish = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let count = poll(&wish, 1, milliseconds)
        guard count < 0 else { return count > 0 }
        guard errno == EINTR else { throw ProgramError(.inputOutput, "standard input cannot be read: \(String(cString: strerror(errno)))") }
        return false
    }

    private static func read(_ descriptor: Int32, upTo count: Int) throws -> [UInt8] {
        while true {
            var length = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                #if canImport(Glibc)
                length = Glibc.read(descriptor, buffer.baseAddress, count)
                #elseif canImport(Musl)
                length = Musl.read(descriptor, buffer.baseAddress, count)
                #else
                length = Darwin.read(descriptor, buffer.baseAddress, count)
                #endif
                initialized = max(0, length)
            }
            if length >= 0 { return bytes }
            guard errno == EINTR else {
                throw ProgramError(.inputOutput, "standard input cannot be read: \(String(cString: strerror(errno)))")
            }
        }
    }
}
