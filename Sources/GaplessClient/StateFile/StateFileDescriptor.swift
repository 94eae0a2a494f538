import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// An open file of the state, closed (and with it unlocked) when the value goes.
struct StateFileDescriptor: ~Copyable {
    /// What the file system knows of a file.
    struct Attributes: Equatable {
        var device: UInt64
        var inode: UInt64
        var isRegular: Bool
        var mode: UInt32
        var bytes: Int
    }

    private let descriptor: Int32
    /// For messages only.
    let path: String

    /// Opens the file without following a symbolic link in its last part and without waiting for the other end of a pipe.
    ///
    /// - Returns: nil when the file is there and must be new, or is not there and must exist.
    static func open(_ path: String, creating: Creation) throws(StateFileError) -> StateFileDescriptor? {
        var flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        if creating == .mustBeNew { flags |= O_CREAT | O_EXCL }
        while true {
            #if canImport(Darwin)
            let descriptor = Darwin.open(path, flags, 0o600)
            #elseif canImport(Musl)
            let descriptor = Musl.open(path, flags, 0o600)
            #else
            let descriptor = Glibc.open(path, flags, 0o600)
            #endif
            if descriptor >= 0 { return StateFileDescriptor(descriptor: descriptor, path: path) }
            switch errno {
            case EINTR: continue
            case ENOENT where creating == .mustExist: return nil
            case EEXIST where creating == .mustBeNew: return nil
            case EISDIR: throw StateFileError(.inaccessible, path: path, "a folder is in its place")
            default: throw StateFileError(errno: errno, path: path, "cannot be opened")
            }
        }
    }

    /// Whether `open` makes the file.
    enum Creation {
        case mustExist
        case mustBeNew
    }

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit {
        // A process that is being started holds the open file for a moment too; the lock must not wait for that.
        _ = flock(self.descriptor, LOCK_UN)
        _ = close(self.descriptor)
    }

    /// Locks the file for this descriptor alone; the lock ends with it, however the process ends.
    ///
    /// - Returns: whether nobody else holds the lock.
    func lock() throws(StateFileError) -> Bool {
        while flock(self.descriptor, LOCK_EX | LOCK_NB) != 0 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: return false
            default: throw StateFileError(errno: errno, path: self.path, "cannot be locked")
            }
        }
        return true
    }

    /// What the file system knows of the open file.
    func attributes() throws(StateFileError) -> Attributes {
        var status = stat()
        guard fstat(self.descriptor, &status) == 0 else { throw StateFileError(errno: errno, path: self.path, "cannot be examined") }
        return Attributes(status)
    }

    /// What the file system knows of whatever is at the path; nil when nothing is.
    static func attributes(of path: String) -> Attributes? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return Attributes(status)
    }

    /// Takes every right to the file from everybody but its owner.
    func makePrivate() throws(StateFileError) {
        guard fchmod(self.descriptor, 0o600) == 0 else {
            throw StateFileError(errno: errno, path: self.path, "is open to others and cannot be made private")
        }
    }

    /// The whole file.
    func read(bytes count: Int) throws(StateFileError) -> ByteBuffer {
        var buffer = ByteBuffer()
        while buffer.readableBytes < count {
            let offset = buffer.readableBytes
            var result = 0
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count - offset) { space in
                result = pread(self.descriptor, space.baseAddress, count - offset, off_t(offset))
                return max(0, result)
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else {
                throw StateFileError(errno: result < 0 ? errno : 0, path: self.path, "cannot be read")
            }
        }
        return buffer
    }

    /// Writes the bytes at the offset.
    func write(_ bytes: ByteBuffer, at offset: Int) throws(StateFileError) {
        var rest = bytes
        var offset = offset
        while rest.readableBytes > 0 {
            let written = rest.withUnsafeReadableBytes { pwrite(self.descriptor, $0.baseAddress, $0.count, off_t(offset)) }
            if written < 0 {
                if errno == EINTR { continue }
                throw StateFileError(errno: errno, path: self.path, "cannot be written")
            }
            rest.moveReaderIndex(forwardBy: written)
            offset += written
        }
    }

    /// Cuts the file off.
    func truncate(bytes count: Int) throws(StateFileError) {
        guard ftruncate(self.descriptor, off_t(count)) == 0 else {
            throw StateFileError(errno: errno, path: self.path, "cannot be cut off")
        }
    }

    /// Waits until the file's bytes, and the length that is needed to find them, are on the disk.
    func sync() throws(StateFileError) {
        #if canImport(Darwin)
        let result = fcntl(self.descriptor, F_FULLFSYNC) == -1 ? fsync(self.descriptor) : 0
        #else
        let result = fdatasync(self.descriptor)
        #endif
        guard result == 0 else { throw StateFileError(errno: errno, path: self.path, "cannot be brought to the disk") }
    }

    /// Waits until the names in a folder are on the disk.
    static func syncFolder(_ folder: String, of path: String) throws(StateFileError) {
        #if canImport(Darwin)
        let descriptor = Darwin.open(folder, O_RDONLY | O_CLOEXEC)
        #elseif canImport(Musl)
        let descriptor = Musl.open(folder, O_RDONLY | O_CLOEXEC)
        #else
        let descriptor = Glibc.open(folder, O_RDONLY | O_CLOEXEC)
        #endif
        guard descriptor >= 0 else { throw StateFileError(errno: errno, path: path, "is in a folder that cannot be opened") }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw StateFileError(errno: errno, path: path, "is in a folder that cannot be brought to the disk")
        }
    }

    /// Puts one file in the place of another, in one step.
    static func rename(_ old: String, to new: String) throws(StateFileError) {
        #if canImport(Darwin)
        let result = Darwin.rename(old, new)
        #elseif canImport(Musl)
        let result = Musl.rename(old, new)
        #else
        let result = Glibc.rename(old, new)
        #endif
        guard result == 0 else { throw StateFileError(errno: errno, path: new, "cannot be put in its place") }
    }

    /// Removes a name, if it is there.
    static func remove(_ path: String) throws(StateFileError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw StateFileError(errno: errno, path: path, "cannot be removed") }
    }

    /// The path without symbolic links: of the file itself when it is there, else of its folder.
    static func resolve(_ path: String) throws(StateFileError) -> String {
        if let resolved = realPath(path) { return resolved }
        guard errno == ENOENT, Self.attributes(of: path) == nil else { throw StateFileError(errno: errno, path: path, "cannot be found") }
        let name = path.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        guard !name.isEmpty, name != ".", name != ".." else { throw StateFileError(.inaccessible, path: path, "the path names no file") }
        let parent = String(path.dropLast(name.count))
        guard let folder = realPath(parent.isEmpty ? "." : parent) else {
            throw StateFileError(errno: errno, path: path, "is in a folder that cannot be found")
        }
        return folder == "/" ? "/\(name)" : "\(folder)/\(name)"
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

extension StateFileDescriptor.Attributes {
    fileprivate init(_ status: stat) {
        self.init(
            device: UInt64(truncatingIfNeeded: status.st_dev),
            inode: UInt64(status.st_ino),
            isRegular: status.st_mode & S_IFMT == S_IFREG,
            mode: UInt32(status.st_mode & 0o7777),
            bytes: Int(status.st_size)
        )
    }
}

extension StateFileError {
    /// Names what the operating system said.
    fileprivate init(errno number: Int32, path: String, _ what: String) {
        let code: Code =
            switch number {
            case ENOSPC, EDQUOT, EFBIG: .full
            case EACCES, EPERM, EROFS, ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, ENXIO, EISDIR: .inaccessible
            default: .failed
            }
        let reason = number == 0 ? "it ended early" : String(cString: strerror(number))
        self.init(code, path: path, "\(what): \(reason)")
    }
}
