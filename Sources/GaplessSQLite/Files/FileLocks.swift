#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Locks on bytes of a file that belong to the open file, not to the process: two objects of one process exclude each other like two
/// processes do, and the kernel lets go when the file is closed or its process dies.
///
/// The commands are macros that Swift does not see, hence their numbers here and nowhere else.
enum FileLocks {
    #if canImport(Darwin)
    private static let get: Int32 = 92
    private static let set: Int32 = 90
    private static let setWaiting: Int32 = 91
    #else
    private static let get: Int32 = 36
    private static let set: Int32 = 37
    private static let setWaiting: Int32 = 38
    #endif

    /// Takes the exclusive lock on one byte if nobody has it.
    ///
    /// - Returns: whether it was taken.
    /// - Throws: the `errno` of anything but "somebody has it".
    static func tryLock(_ file: Int32, byte: Int64) throws(SystemCallError) -> Bool {
        var lock = Self.description(of: byte, kind: F_WRLCK)
        guard fcntl(file, Self.set, &lock) != 0 else { return true }
        let code = errno
        guard code == EAGAIN || code == EACCES else { throw SystemCallError("fcntl", code) }
        return false
    }

    /// Takes a lock on one byte that others may take too; it waits only while somebody has the byte exclusively, which nobody does for long.
    static func lockShared(_ file: Int32, byte: Int64) throws(SystemCallError) {
        var lock = Self.description(of: byte, kind: F_RDLCK)
        while fcntl(file, Self.setWaiting, &lock) != 0 {
            let code = errno
            guard code == EINTR else { throw SystemCallError("fcntl", code) }
        }
    }

    /// Takes the exclusive lock on one byte, waiting for as long as it takes.
    static func lock(_ file: Int32, byte: Int64) throws(SystemCallError) {
        var lock = Self.description(of: byte, kind: F_WRLCK)
        while fcntl(file, Self.setWaiting, &lock) != 0 {
            let code = errno
            guard code == EINTR else { throw SystemCallError("fcntl", code) }
        }
    }

    /// Lets go of one byte.
    static func unlock(_ file: Int32, byte: Int64) throws(SystemCallError) {
        var lock = Self.description(of: byte, kind: F_UNLCK)
        guard fcntl(file, Self.set, &lock) == 0 else { throw SystemCallError("fcntl", errno) }
    }

    /// Whether somebody else has a lock on the byte.
    static func isLockedElsewhere(_ file: Int32, byte: Int64) throws(SystemCallError) -> Bool {
        var lock = Self.description(of: byte, kind: F_WRLCK)
        guard fcntl(file, Self.get, &lock) == 0 else { throw SystemCallError("fcntl", errno) }
        return Int32(lock.l_type) != Int32(F_UNLCK)
    }

    private static func description(of byte: Int64, kind: some BinaryInteger) -> flock {
        var lock = flock()
        lock.l_type = Int16(kind)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = off_t(byte)
        lock.l_len = 1
        return lock
    }
}

/// A call to the operating system that failed.
struct SystemCallError: Error, CustomStringConvertible {
    /// The call's name.
    let call: String
    /// Its `errno`.
    let code: Int32

    init(_ call: String, _ code: Int32) {
        self.call = call
        self.code = code
    }

    var description: String { "\(self.call): \(String(cString: strerror(self.code)))" }
}
