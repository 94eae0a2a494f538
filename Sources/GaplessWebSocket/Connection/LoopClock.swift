package import NIOCore

/// The time that sessions wait by: that of the event loops, or one that a test moves.
///
/// A shell reads the time here and sets its timers here, so that a rule about time can be tested without waiting for it.
package struct LoopClock: Sendable {
    /// The moment now, with the origin of `NIODeadline`.
    package let now: @Sendable () -> NIODeadline
    private let set: @Sendable (NIODeadline, any EventLoop, @escaping @Sendable () -> Void) -> LoopTimer

    /// - Parameters:
    ///   - now: the moment now; it never goes back.
    ///   - set: calls back on the event loop at the moment, or soon when that has passed.
    package init(
        now: @escaping @Sendable () -> NIODeadline,
        set: @escaping @Sendable (_ at: NIODeadline, _ eventLoop: any EventLoop, _ body: @escaping @Sendable () -> Void) -> LoopTimer
    ) {
        self.now = now
        self.set = set
    }

    /// The event loops' own time.
    package static let system = LoopClock(now: { .now() }) { moment, eventLoop, body in
        let task = eventLoop.scheduleTask(deadline: moment, body)
        return LoopTimer { task.cancel() }
    }

    /// Calls back on the event loop at the moment, or soon when that has passed.
    package func setTimer(at moment: NIODeadline, on eventLoop: any EventLoop, _ body: @escaping @Sendable () -> Void) -> LoopTimer {
        self.set(moment, eventLoop, body)
    }

    /// Waits; returns early when the task is cancelled.
    package func sleep(for duration: TimeAmount, on eventLoop: any EventLoop) async {
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let timer = self.setTimer(at: self.now() + duration, on: eventLoop) { end.finish() }
        for await _ in ends {}
        timer.cancel()
    }
}

/// A call that was asked for and can be called off.
package struct LoopTimer: Sendable {
    private let onCancel: @Sendable () -> Void

    package init(onCancel: @escaping @Sendable () -> Void) {
        self.onCancel = onCancel
    }

    /// Calls it off. Does nothing when it came already.
    package func cancel() {
        self.onCancel()
    }
}
