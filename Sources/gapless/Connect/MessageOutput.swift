import GaplessCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Standard output, written so that a process that is killed neither loses nor doubles a line where that can be had.
///
/// When it is a regular file, each position is saved with a bookmark: which file, and how long it was. What a killed process wrote behind it
/// comes again; a later process cuts it off when it does, not before. A run that ends in order leaves no bookmark behind: nothing that is
/// appended afterwards is ever cut off. On a pipe nothing can be taken back.
struct MessageOutput {
    private let descriptor: Int32
    private let identity: UInt64?
    private var length: UInt64
    private var pending: [UInt8] = []
    /// Where what lies behind the bookmark begins, until it is known whether it comes again.
    private var doubtful: UInt64?
    private var hasFailed = false

    /// The bits of a bookmark that hold the length, up to 1 TiB; the others tell files apart.
    private static let lengthBits: UInt64 = 40
    private static let lengthMask: UInt64 = (1 << Self.lengthBits) - 1
    /// As many bytes are collected before they are written.
    private static let bufferBytes = 65_536

    /// Looks at standard output, and at what lies behind the bookmark if it is the file that the bookmark was made for.
    ///
    /// - Parameters:
    ///   - isResumable: whether positions are saved, so that bookmarks matter.
    ///   - maxTail: the most bytes that a killed process can have written behind its bookmark.
    /// - Throws: `ProgramError` when more than that lies behind it; the file is left as it is.
    init(resumingAt bookmark: UInt64?, isResumable: Bool, maxTail: UInt64, descriptor: Int32 = STDOUT_FILENO) throws {
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
            guard self.length - kept <= maxTail else {
                throw ProgramError(
                    .inputOutput,
                    """
                    standard output is longer by \(self.length - kept) bytes than when the state was saved, and a run that was killed adds at \
                    most \(maxTail): something else wrote to it, or the state file is an old copy; nothing was cut off; go on with another \
                    file, or cut this one back to \(kept) bytes yourself
                    """
                )
            }
            self.doubtful = kept
        }
        try self.seekToEnd()
    }

    private func seekToEnd() throws {
        guard lseek(self.descriptor, 0, SEEK_END) >= 0 else {
            throw ProgramError(.inputOutput, "the end of standard output cannot be found: \(String(cString: strerror(errno)))")
        }
    }

    /// The most bytes that a process which asks for the window can have written and not yet saved: no more than that is under way on a
    /// connection, and there are at most two. A byte of text becomes at most six in JSON, and around each message, or gap before it, stand less
    /// than 128 bytes.
    static func maxTail(of window: Window) -> UInt64 {
        2 * (6 * (window.bytes + UInt64(Limits.maxPayloadBytes)) + 2 * 128 * (window.messages + 1))
    }

    // MARK: What a killed process wrote

    /// What lies behind the bookmark comes again: cuts it off.
    ///
    /// - Throws: `ProgramError` when that cannot be done.
    mutating func cutTail() throws {
        guard let kept = self.doubtful else { return }
        guard ftruncate(self.descriptor, off_t(kept)) == 0 else {
            throw ProgramError(.inputOutput, "standard output cannot be cut back to \(kept) bytes: \(String(cString: strerror(errno)))")
        }
        self.doubtful = nil
        self.length = kept
        try self.seekToEnd()
    }

    /// What lies behind the bookmark does not come again.
    mutating func keepTail() {
        self.doubtful = nil
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
            self.hasFailed = true
            throw ProgramError(.inputOutput, "standard output cannot be written: \(String(cString: strerror(errno)))")
        }
        self.length += UInt64(self.pending.count)
        self.pending.removeAll(keepingCapacity: true)
    }

    /// What is to be saved beside the position of everything that was flushed; nil where nothing can be taken back.
    var bookmark: UInt64? {
        self.identity.map { $0 << Self.lengthBits | ((self.doubtful ?? self.length) & Self.lengthMask) }
    }

    /// Whether everything that is in the file belongs to the position that `bookmark` is saved with, so that it may be forgotten.
    var isWhole: Bool {
        self.doubtful == nil && self.pending.isEmpty && !self.hasFailed
    }
}
