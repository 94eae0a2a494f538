#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How much memory this process uses.
enum ProcessMemory {
    /// What is in use and not swapped out, in bytes; nil where the system does not tell.
    static func resident() -> Int? {
        #if os(Linux)
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = read(file, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return Self.residentPages(String(decoding: bytes[..<count], as: UTF8.self)).map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) }
        #elseif canImport(Darwin)
        var info = proc_taskinfo()
        let size = Int32(MemoryLayout<proc_taskinfo>.size)
        guard proc_pidinfo(getpid(), PROC_PIDTASKINFO, 0, &info, size) == size else { return nil }
        return Int(clamping: info.pti_resident_size)
        #else
        return nil
        #endif
    }

    /// The second number of Linux' `statm`: pages, of all and of those in memory.
    static func residentPages(_ text: String) -> Int? {
        let fields = text.split(separator: " ")
        return fields.count > 1 ? Int(fields[1]) : nil
    }
}
