#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A clock that all processes of a machine read alike, and that nobody sets: `CLOCK_MONOTONIC`.
enum MonotonicClock {
    /// Nanoseconds since some moment before the machine's processes began.
    static var nanoseconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec)
    }
}
