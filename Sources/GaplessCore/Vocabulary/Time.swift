/// A moment on a monotonic clock, in nanoseconds from an origin of the shell's choosing; decisions about waiting use it.
public struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the origin.
    public let nanoseconds: Int64

    /// Wraps a reading.
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// The moment that much later; the last or first one that can be told when the sum would be beyond it.
    public static func + (left: Instant, right: Duration) -> Instant {
        let (sum, overflow) = left.nanoseconds.addingReportingOverflow(right.nanoseconds)
        return Instant(nanoseconds: overflow ? (right < .zero ? .min : .max) : sum)
    }

    /// The time from `right` to `left`, cut to what 64 bits of nanoseconds hold (292 years).
    public static func - (left: Instant, right: Instant) -> Duration {
        let (difference, overflow) = left.nanoseconds.subtractingReportingOverflow(right.nanoseconds)
        return .nanoseconds(overflow ? (left < right ? .min : .max) : difference)
    }

    /// Whether the left moment comes first.
    public static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

/// A moment on the store's clock: milliseconds since the UNIX epoch, 0 through 2^53-1. Messages carry it, retention uses it.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Milliseconds since the UNIX epoch.
    public let milliseconds: UInt64

    /// - Precondition: `milliseconds` is at most 2^53-1.
    public init(milliseconds: UInt64) {
        precondition(milliseconds <= Limits.maxInteger, "a timestamp is at most 2^53-1 milliseconds")
        self.milliseconds = milliseconds
    }

    /// The moment that much later, cut to milliseconds; the latest timestamp when the sum would be beyond it.
    public static func + (left: Timestamp, right: Duration) -> Timestamp {
        let (sum, overflow) = left.milliseconds.addingReportingOverflow(UInt64(Swift.max(0, right.milliseconds)))
        return Timestamp(milliseconds: overflow ? Limits.maxInteger : Swift.min(sum, Limits.maxInteger))
    }

    /// The moment that much later, or earlier with a negative duration, cut to milliseconds and to what a timestamp can tell.
    ///
    /// The same as `+` when it goes forward. An operator of this module is not to be seen by those who import the SDKs alone; this is.
    public func advanced(by duration: Duration) -> Timestamp {
        guard duration < .zero else { return self + duration }
        let earlier = UInt64(clamping: (.zero - duration).milliseconds)
        return Timestamp(milliseconds: self.milliseconds - Swift.min(earlier, self.milliseconds))
    }

    /// How much later the other moment is; negative when it is earlier.
    public func duration(to other: Timestamp) -> Duration {
        .milliseconds(Int64(other.milliseconds) - Int64(self.milliseconds))  // Both are below 2^53.
    }

    /// Whether the left moment comes first.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// The milliseconds in decimal digits.
    public var description: String { String(self.milliseconds) }
}

extension Duration {
    /// The duration in nanoseconds, cut to what 64 bits hold (292 years).
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, isBeyond) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return isBeyond ? (seconds < 0 ? .min : .max) : sum
    }

    /// The duration in milliseconds, cut towards zero, and to what 64 bits hold.
    package var milliseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, isBeyond) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return isBeyond ? (seconds < 0 ? .min : .max) : sum
    }
}
