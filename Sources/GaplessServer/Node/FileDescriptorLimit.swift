#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How many files and sockets this process may have open.
enum FileDescriptorLimit {
    /// Descriptors that clients never get: for the store, health checks and whatever the service itself opens. Half of a
    /// small limit, since a node that serves nobody has some thirty files open.
    static func reserve(under limit: Int) -> Int {
        min(256, limit / 2)
    }

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

    /// How many connections the admin listener takes at once: 256, fewer when descriptors are scarce. They are not part of the reserve.
    static func adminConnections(under limit: Int) -> Int {
        max(4, min(256, limit / 16))
    }

    /// How many connections webhooks have: as many as they want, up to an eighth of the limit. They are not part of the reserve.
    static func calls(under limit: Int, wanted: Int) -> Int {
        min(wanted, max(1, limit / 8))
    }

    /// How many connections of clients fit under the limit; at least one.
    ///
    /// - Parameter calls: how many connections webhooks have.
    static func connections(under limit: Int, besideCalls calls: Int = 0) -> Int {
        max(1, limit - self.reserve(under: limit) - self.adminConnections(under: limit) - calls)
    }

    /// How many connections above the most are taken, so that they can be told so with 4100. They come out of the reserve.
    static func refusals(under limit: Int) -> Int {
        min(64, self.reserve(under: limit) / 8)
    }
}
