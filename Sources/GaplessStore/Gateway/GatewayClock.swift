import Foundation
package import GaplessCore
import NIOCore

/// Where the threads of a store take their time from, so that tests can bring their own.
package struct GatewayClock: Sendable {
    /// The wall clock, for the store.
    package var wallClock: @Sendable () -> Timestamp
    /// The monotonic clock of the event loops, for measuring and waiting.
    package var monotonic: @Sendable () -> Instant
    /// Lets the calling thread stand still for a short time.
    package var sleep: @Sendable (Duration) -> Void
    /// Whether jumps of the wall clock are meant and followed at once, as those of a clock that a test moves.
    package var isWallClockTrusted = false

    package init(
        wallClock: @escaping @Sendable () -> Timestamp,
        monotonic: @escaping @Sendable () -> Instant,
        sleep: @escaping @Sendable (Duration) -> Void
    ) {
        self.wallClock = wallClock
        self.monotonic = monotonic
        self.sleep = sleep
    }

    /// The machine's clocks. The monotonic one has the origin of `NIODeadline`.
    package static let system = GatewayClock(
        wallClock: { Timestamp(milliseconds: UInt64(max(0, Date().timeIntervalSince1970 * 1_000))) },
        monotonic: { Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds)) },
        sleep: { Thread.sleep(forTimeInterval: Double($0.nanoseconds) / 1_000_000_000) }
    )
}
