#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How many files and sockets this process may have open.
enum FileDescriptorLimit {
    /// Descriptors that connections never get: for the store, the admin listener, health checks and whatever the service itself opens.
    static let reserve = 256

    /// Raises the soft limit to the hard one.
    ///
    /// - Returns: the limit in force.
    static func raise() -> Int {
        var limit = rlimit()
        #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0 else { return 1_024 }
        var raised = limit
        raised.rlim_cur = raised.rlim_max
        if limit.rlim_cur < limit.rlim_max, setrlimit(resource, &raised) == 0 { limit = raised }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many connections fit under the limit; at least one.
    static func connections(under limit: Int) -> Int {
        max(1, limit - min(Self.reserve, limit / 4))
    }
}
