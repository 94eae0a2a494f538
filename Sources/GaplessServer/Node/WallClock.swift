import Foundation
import GaplessCore

/// The machine's wall clock.
enum WallClock {
    /// Now, in milliseconds since the UNIX epoch; zero before it.
    static var now: Timestamp {
        Timestamp(milliseconds: UInt64(max(0, Date().timeIntervalSince1970 * 1_000)))
    }
}
