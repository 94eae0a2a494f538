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
        return SystemFile.text("/proc/self/statm").flatMap(Self.residentPages).map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) }
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
