public import GaplessCore
import Synchronization

/// A time of day that moves only when a test moves it: for messages that expire, tokens that end, clocks that are set back.
///
/// A server believes it at once, however far it is moved; the machine's clock has to hold for a minute after a jump before it counts.
public final class ManualClock: Sendable {
    private let time: Mutex<Timestamp>

    /// A clock that stands at a moment; by default the first of January 2026.
    public init(_ start: Timestamp = Timestamp(milliseconds: 1_767_225_600_000)) {
        self.time = Mutex(start)
    }

    /// The moment at which it stands.
    public var now: Timestamp { self.time.withLock { $0 } }

    /// Moves it forward; a negative duration moves it back.
    public func advance(by duration: Duration) {
        let milliseconds = Int64(duration / .milliseconds(1))
        self.time.withLock { time in
            let moved = Int64(time.milliseconds) + milliseconds
            time = Timestamp(milliseconds: UInt64(max(0, moved)))
        }
    }
}
