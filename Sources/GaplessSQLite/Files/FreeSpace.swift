#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How much room a file system has left.
enum FreeSpace {
    /// How many bytes this process may still write where the file is; nil when the system does not tell.
    static func bytes(at path: String) -> Int? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let (bytes, isOver) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return isOver ? Int.max : Int(clamping: bytes)
    }
}
