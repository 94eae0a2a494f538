#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Standard output, written so that a process that is killed neither loses nor doubles a line where that can be had.
///
/// When it is a regular file, each position is saved with a bookmark: which file, and how long it was. A later process cuts the file back to
/// that length before it goes on, since what lies behind it comes again. On a pipe nothing can be taken back.
struct MessageOutput {
    private let descriptor: Int32
    private let identity: UInt64?
    private var length: UInt64
    private var pending: [UInt8] = []

    /// The bits of a bookmark that hold the length, up to 1 TiB; the others tell files apart.
    private static let lengthBits: UInt64 = 40
    private static let lengthMask: UInt64 = (1 << Self.lengthBits) - 1
    /// As many bytes are collected before they are written.
    private static let bufferBytes = 65_536

    /// Looks at standard output, and cuts it back to what the bookmark says if it is the file that the bookmark was made for.
    ///
    /// - Parameter isResumable: whether positions are saved, so that bookmarks matter.
    /// - Throws: `ProgramError` when the file cannot be cut back.
    init(resumingAt bookmark: UInt64?, isResumable: Bool, descriptor: Int32 = STDOUT_FILENO) throws {
        self.descriptor = descriptor
        var status = stat()
        guard isResumable, fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            self.identity = nil
            self.length = 0
            return
        }
        let identity = Self.identity(of: status)
        self.identity = identity
        self.length = UInt64(status.st_size)
        if let bookmark, bookmark >> Self.lengthBits == identity, bookmark & Self.lengthMask < self.length {
            let kept = bookmark & Self.lengthMask
            guard ftruncate(descriptor, off_t(kept)) == 0 else {
                throw ProgramError(.inputOutput, "standard output cannot be cut back to \(kept) bytes: \(String(cString: strerror(errno)))")
            }
            self.length = kept
        }
        guard lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw ProgramError(.inputOutput, "the end of standard output cannot be found: \(String(cString: strerror(errno)))")
        }
    }

    /// Sixteen to twenty-four bits that tell one file from another.
    private static func identity(of status: stat) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for part in [UInt64(truncatingIfNeeded: status.st_dev), UInt64(truncatingIfNeeded: status.st_ino)] {
            hash = (hash ^ part) &* 0x0000_0100_0000_01b3
            hash ^= hash >> 29
        }
        return hash >> Self.lengthBits
    }

    /// Adds a line.
    ///
    /// - Throws: `ProgramError` when nothing can be written any more.
    mutating func write(_ line: some Collection<UInt8>) throws {
        self.pending.append(contentsOf: line)
        self.pending.append(UInt8(ascii: "\n"))
        if self.pending.count >= Self.bufferBytes { try self.flush() }
    }

    /// Writes what was collected; afterwards `bookmark` speaks of all of it.
    mutating func flush() throws {
        guard !self.pending.isEmpty else { return }
        guard writeAll(self.pending, to: self.descriptor) else {
            throw ProgramError(.inputOutput, "standard output cannot be written: \(String(cString: strerror(errno)))")
        }
        self.length += UInt64(self.pending.count)
        self.pending.removeAll(keepingCapacity: true)
    }

    /// What is to be saved beside the position of everything that was flushed; nil where nothing can be taken back.
    var bookmark: UInt64? {
        self.identity.map { $0 << Self.lengthBits | (self.length & Self.lengthMask) }
    }
}
