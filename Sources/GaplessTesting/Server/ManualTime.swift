package import GaplessCore
package import GaplessWebSocket
package import NIOCore
import Synchronization

/// A time that stands still until a test moves it, for all that servers and clients wait for.
///
/// Timers go off one after another in the order of their moments, each at exactly its own. The wall clock moves with it.
package final class ManualTime: Sendable {
    private struct Timer {
        let moment: NIODeadline
        let eventLoop: any EventLoop
        let body: @Sendable () -> Void
    }

    private struct State {
        var now = NIODeadline.uptimeNanoseconds(3_600_000_000_000)
        var timers: [UInt64: Timer] = [:]
        var lastTimer: UInt64 = 0
        /// How far the wall clock is ahead of what has passed.
        var wallClockError: Duration = .zero
        /// When time began to pass by itself, on the machine's clock; nil while it stands still.
        var released: NIODeadline?
        /// Those that are set from then on.
        var running: [UInt64: Scheduled<Void>] = [:]
    }

    private static let start = State().now
    private let state = Mutex(State())

    package init() {}

    /// The moment at which it stands.
    package var now: NIODeadline {
        self.state.withLock { Self.now($0) }
    }

    /// The time of day: the first of January 2026 and what has passed, unless it jumped.
    package var wallClock: Timestamp {
        self.state.withLock { state in
            let passed: Duration = .nanoseconds((Self.now(state) - Self.start).nanoseconds)
            return Timestamp(milliseconds: 1_767_225_600_000).advanced(by: passed + state.wallClockError)
        }
    }

    /// Sets the wall clock forward, or back with a negative duration, while no time passes.
    package func jumpWallClock(by jump: Duration) {
        self.state.withLock { $0.wallClockError += jump }
    }

    /// For those who wait by it.
    package var clock: LoopClock {
        LoopClock(now: { self.now }) { moment, eventLoop, body in self.setTimer(at: moment, on: eventLoop, body) }
    }

    /// Moves it forward; when this returns, every timer that was due until then has gone off, those that were set meanwhile included.
    package func advance(by duration: Duration) async {
        let end = self.now + .nanoseconds(duration.nanoseconds)
        while let (id, eventLoop) = self.nextTimer(until: end) {
            // It may be called off until the last moment, by its loop.
            try? await eventLoop.submit { self.take(id)?.body() }.get()
            // A loop that is shut down runs nothing any more.
            _ = self.take(id)
        }
        self.state.withLock { $0.now = max($0.now, end) }
    }

    /// Lets time pass by itself from now on, as at the end of a test.
    package func release() {
        let ids = self.state.withLock { state -> [UInt64] in
            guard state.released == nil else { return [] }
            state.released = .now()
            return Array(state.timers.keys)
        }
        for id in ids {
            if let timer = self.take(id) { self.run(timer, as: id) }
        }
    }

    // MARK: Timers

    private func setTimer(at moment: NIODeadline, on eventLoop: any EventLoop, _ body: @escaping @Sendable () -> Void) -> LoopTimer {
        let timer = Timer(moment: moment, eventLoop: eventLoop, body: body)
        enum Way { case later, soon, running }
        let (id, way) = self.state.withLock { state -> (UInt64, Way) in
            state.lastTimer += 1
            if state.released != nil { return (state.lastTimer, .running) }
            state.timers[state.lastTimer] = timer
            return (state.lastTimer, moment <= state.now ? .soon : .later)
        }
        switch way {
        case .later: break
        case .soon: eventLoop.execute { self.take(id)?.body() }
        case .running: self.run(timer, as: id)
        }
        return LoopTimer {
            _ = self.take(id)
            self.state.withLock { $0.running.removeValue(forKey: id) }?.cancel()
        }
    }

    /// Hands a timer to its event loop, now that time passes by itself.
    private func run(_ timer: Timer, as id: UInt64) {
        let wait = max(.nanoseconds(0), timer.moment - self.now)
        let task = timer.eventLoop.scheduleTask(in: wait) {
            self.state.withLock { _ = $0.running.removeValue(forKey: id) }
            timer.body()
        }
        self.state.withLock { $0.running[id] = task }
    }

    /// The next timer that is due until a moment; time moves on to it.
    private func nextTimer(until end: NIODeadline) -> (id: UInt64, eventLoop: any EventLoop)? {
        self.state.withLock { state in
            let due = state.timers.filter { $0.value.moment <= end }
            guard let next = due.min(by: { ($0.value.moment, $0.key) < ($1.value.moment, $1.key) }) else { return nil }
            state.now = max(state.now, next.value.moment)
            return (next.key, next.value.eventLoop)
        }
    }

    private func take(_ id: UInt64) -> Timer? {
        self.state.withLock { $0.timers.removeValue(forKey: id) }
    }

    private static func now(_ state: State) -> NIODeadline {
        guard let released = state.released else { return state.now }
        return state.now + (.now() - released)
    }
}
