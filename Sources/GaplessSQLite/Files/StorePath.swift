import GaplessStore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The place of a store: its database file and the files that belong to it.
struct StorePath: Hashable, Sendable {
    /// The database, as an absolute path.
    let database: String

    /// Makes the path absolute; the file need not exist.
    ///
    /// - Throws: `.misconfigured` when the path is empty, or its folder does not exist.
    init(_ path: String) throws(QueueStoreError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw QueueStoreError(.misconfigured, "The path of the store is empty.")
        }
        let bytes = Array(path.utf8)
        let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
        let name = String(decoding: slash.map { bytes[($0 + 1)...] } ?? bytes[...], as: UTF8.self)
        let folder = slash.map { $0 == 0 ? "/" : String(decoding: bytes[..<$0], as: UTF8.self) } ?? "."
        guard !name.isEmpty, name != ".", name != ".." else {
            throw QueueStoreError(.misconfigured, "The path of the store, \(path), names a directory.")
        }
        guard let resolved = realpath(folder, nil) else {
            throw QueueStoreError(
                .misconfigured,
                "The directory of the store, \(folder), cannot be reached.",
                cause: SystemCallError("realpath", errno)
            )
        }
        defer { free(resolved) }
        let absolute = String(cString: resolved)
        let named = absolute == "/" ? "/\(name)" : "\(absolute)/\(name)"
        // Whoever comes through a link to the file shares the files beside it with everybody else: the lock above all.
        guard let target = realpath(named, nil) else {
            self.database = named
            return
        }
        defer { free(target) }
        self.database = String(cString: target)
    }

    /// The file whose bytes are the write lock.
    var lock: String { self.database + "-lock" }
    /// The file that tells how far the store was, whatever becomes of the database.
    var progress: String { self.database + "-progress" }
    /// The folder of the sockets by which processes wake each other.
    var signals: String { self.database + "-signals" }
    /// SQLite's write-ahead log.
    var writeAheadLog: String { self.database + "-wal" }
    /// The folder that holds all of it.
    var folder: String {
        let end = self.database.utf8.lastIndex(of: UInt8(ascii: "/")) ?? self.database.startIndex
        return end == self.database.startIndex ? "/" : String(self.database[..<end])
    }

    /// Looks at the file and the folder, and refuses what cannot work.
    ///
    /// - Returns: the database's identity; nil when there is none yet.
    /// - Throws: `.misconfigured`, with a sentence that says what is wrong.
    func inspect() throws(QueueStoreError) -> FileIdentity? {
        try FileSystemKind.of(self.folder).requireLocal(self.folder)
        var status = stat()
        if stat(self.database, &status) != 0 {
            let code = errno
            guard code == ENOENT else {
                throw QueueStoreError(
                    .misconfigured,
                    "The database \(self.database) cannot be reached.",
                    cause: SystemCallError("stat", code)
                )
            }
            guard access(self.folder, W_OK | X_OK) == 0 else {
                throw QueueStoreError(
                    .misconfigured,
                    "The directory \(self.folder) does not allow to make a database in it.",
                    cause: SystemCallError("access", errno)
                )
            }
            return nil
        }
        switch mode_t(status.st_mode) & mode_t(S_IFMT) {
        case mode_t(S_IFREG): break
        case mode_t(S_IFDIR): throw QueueStoreError(.misconfigured, "\(self.database) is a directory, not a database.")
        default: throw QueueStoreError(.misconfigured, "\(self.database) is not a file.")
        }
        guard access(self.database, R_OK) == 0 else {
            throw QueueStoreError(
                .misconfigured,
                "The database \(self.database) cannot be read.",
                cause: SystemCallError("access", errno)
            )
        }
        guard access(self.database, W_OK) == 0, access(self.folder, W_OK | X_OK) == 0 else {
            throw QueueStoreError(
                .misconfigured,
                "The database \(self.database) or its directory cannot be written to.",
                cause: SystemCallError("access", errno)
            )
        }
        return FileIdentity(status)
    }

    /// The identity of the file at the path now; nil when there is none.
    func identity() -> FileIdentity? { Self.identity(of: self.database) }

    /// The identity of the write-ahead log at its path now; nil when there is none.
    func logIdentity() -> FileIdentity? { Self.identity(of: self.writeAheadLog) }

    private static func identity(of path: String) -> FileIdentity? {
        var status = stat()
        return stat(path, &status) == 0 ? FileIdentity(status) : nil
    }

    /// Makes an empty file that only its owner can read. SQLite gives its other files the same mode.
    func create() throws(QueueStoreError) {
        let file = open(self.database, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            let code = errno
            throw QueueStoreError(
                code == ENOSPC || code == EDQUOT ? .full : .misconfigured,
                "The database \(self.database) cannot be made.",
                cause: SystemCallError("open", code)
            )
        }
        // Nobody has the database open yet: closing this descriptor takes no lock away from SQLite.
        close(file)
    }
}

/// What tells one file from another, whatever its name.
struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let number: UInt64
    /// How many bytes the file holds.
    let size: Int

    init(_ status: stat) {
        self.device = UInt64(truncatingIfNeeded: status.st_dev)
        self.number = UInt64(truncatingIfNeeded: status.st_ino)
        self.size = Int(status.st_size)
    }

    static func == (left: FileIdentity, right: FileIdentity) -> Bool {
        left.device == right.device && left.number == right.number
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(self.device)
        hasher.combine(self.number)
    }
}
