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
/// A database that is put back from a copy is behind it, and by that is known to have gone back in time. Each write replaces the whole
/// file, so that a crash leaves the old one or the new one.
struct ProgressFile {
    private static let title = "gapless-progress 1"

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
        let digits = String(progress.store, radix: 16)
        let text = "\(Self.title)\n\(String(repeating: "0", count: 16 - digits.utf8.count))\(digits)\n\(progress.number)\n"
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
}
