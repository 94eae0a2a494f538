import GaplessWebSocket
import NIOCore

/// The end of a stop, and what is left of the time until then.
///
/// What can be cancelled is cancelled a little before, so that only what ignores that is left behind.
struct HardStop: Sendable {
    /// When whatever is left is left behind.
    let moment: NIODeadline
    /// When the last of it is cancelled.
    let cancelling: NIODeadline
    private let length: TimeAmount
    private let clock: LoopClock

    /// It begins now.
    init(_ time: Duration, _ clock: LoopClock) {
        self.length = TimeAmount(time)
        self.clock = clock
        self.moment = clock.now() + self.length
        self.cancelling = self.moment - min(.seconds(1), .nanoseconds(self.length.nanoseconds / 20))
    }

    /// So long from now, or a part of the whole, or the last moment to cancel something: whatever comes first.
    func cancelling(after time: TimeAmount, share: Int64) -> NIODeadline {
        min(self.clock.now() + min(time, .nanoseconds(self.length.nanoseconds / share)), self.cancelling)
    }

    /// The time, or what is left of it.
    func bounding(_ time: TimeAmount) -> TimeAmount {
        max(.nanoseconds(0), min(time, self.moment - self.clock.now()))
    }
}
