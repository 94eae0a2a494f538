import GaplessStore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How far a store was at some moment: a lower bound of its commit counter.
struct StoreProgress: Hashable, Sendable {
    /// Which store it was.
    var store: UInt64
    /// Its newest commit at that moment.
    var number: UInt64
}

/// A small file beside the database that remembers how far the store was.
///
/// A database that is put back from a copy, or that lost the end of its log, is behind it, and by that is known to have gone back in time.
/// `write` replaces the whole file, durably, so that a crash leaves the old one or the new one; a `ProgressNote` only changes the number.
struct ProgressFile {
    private static let title = "gapless-progress 1"
    /// The number is written with all of the digits that it can have, so that it is changed in its place.
    fileprivate static let digits = 20
    /// Where the number begins: behind the title and the store's sixteen digits, with a line end each.
    fileprivate static let offset = Self.title.utf8.count + 1 + 16 + 1
    fileprivate static let bytes = Self.offset + Self.digits + 1

    private let path: String
    private let folder: String

    init(_ path: StorePath) {
        self.path = path.progress
        self.folder = path.folder
    }

    /// What the file says.
    enum Content: Hashable {
        case progress(StoreProgress)
        /// There is none.
        case missing
        /// It is not a progress file, or a part of one.
        case unreadable
    }

    /// Reads the file.
    func read() -> Content {
        let file = open(self.path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return errno == ENOENT ? .missing : .unreadable }
        defer { close(file) }
        return Self.read(file)
    }

    fileprivate static func read(_ file: Int32) -> Content {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = bytes.withUnsafeMutableBytes { buffer in
            #if canImport(Glibc)
            Glibc.read(file, buffer.baseAddress, buffer.count)
            #else
            Darwin.read(file, buffer.baseAddress, buffer.count)
            #endif
        }
        guard count > 0 else { return .unreadable }
        let words = String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard words.count == 4, words[0] == Self.title, words[3].isEmpty,
            words[1].utf8.count == 16, let store = UInt64(words[1], radix: 16), let number = UInt64(words[2])
        else { return .unreadable }
        return .progress(StoreProgress(store: store, number: number))
    }

    /// Replaces the file, durably. Only whoever has the write lock does this.
    func write(_ progress: StoreProgress) throws(SystemCallError) {
        let store = Self.padded(String(progress.store, radix: 16), to: 16)
        let text = "\(Self.title)\n\(store)\n\(Self.padded(String(progress.number), to: Self.digits))\n"
        let temporary = self.path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SystemCallError("open", errno) }
        do {
            defer { close(file) }
            let bytes = Array(text.utf8)
            let count = bytes.withUnsafeBytes { buffer in
                #if canImport(Glibc)
                Glibc.write(file, buffer.baseAddress, buffer.count)
                #else
                Darwin.write(file, buffer.baseAddress, buffer.count)
                #endif
            }
            guard count == bytes.count else { throw SystemCallError("write", count < 0 ? errno : ENOSPC) }
            guard fsync(file) == 0 else { throw SystemCallError("fsync", errno) }
        }
        guard rename(temporary, self.path) == 0 else { throw SystemCallError("rename", errno) }
        try self.syncFolder()
    }

    private func syncFolder() throws(SystemCallError) {
        let folder = open(self.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw SystemCallError("open", errno) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw SystemCallError("fsync", errno) }
    }

    /// Opens the file for notes; nil when it is missing, not of this store, or written by a program that did not know of them.
    func openForNotes(of store: UInt64) -> ProgressNote? {
        let file = open(self.path, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { return nil }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size == Self.bytes, case .progress(let progress) = Self.read(file),
            progress.store == store
        else {
            close(file)
            return nil
        }
        return ProgressNote(file)
    }

    fileprivate static func padded(_ digits: String, to count: Int) -> String {
        String(repeating: "0", count: count - digits.utf8.count) + digits
    }
}

/// An open progress file, in which every commit is noted before anybody hears of it.
///
/// Nothing is synced: a note outlives the process, not always the machine. So it is never ahead of what the disk was told to keep, and
/// whatever takes commits away without the machine going down is noticed: a log that was cut off or damaged, a disk that only said that it
/// wrote.
final class ProgressNote {
    private let file: Int32

    fileprivate init(_ file: Int32) {
        self.file = file
    }

    deinit {
        close(self.file)
    }

    /// Whether the file still has its name; another process may have put a new one in its place.
    var isCurrent: Bool {
        var status = stat()
        return fstat(self.file, &status) == 0 && status.st_nlink > 0
    }

    /// Changes the number; within one sector of the disk, which is written whole or not at all.
    func write(_ number: UInt64) throws(SystemCallError) {
        let text = Array(ProgressFile.padded(String(number), to: ProgressFile.digits).utf8)
        let count = pwrite(self.file, text, text.count, off_t(ProgressFile.offset))
        guard count == text.count else { throw SystemCallError("pwrite", count < 0 ? errno : ENOSPC) }
    }
}
