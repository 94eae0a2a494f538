import GaplessCore
import NIOCore

extension NIODeadline {
    /// The moment on the event loops' clock.
    init(_ instant: Instant) {
        self = .uptimeNanoseconds(UInt64(clamping: instant.nanoseconds))
    }
}
