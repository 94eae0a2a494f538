import GaplessCore
import GaplessWebSocket
import Logging
import Metrics
import NIOCore
import Synchronization

/// Tells a webhook what happens: in order, up to 100 events a call, one call after the other, each tried until it is accepted.
///
/// Events are hints. What does not fit into the bound is dropped and counted, and the call behind the place says how many are missing there.
final class WebhookEvents: Sendable {
    /// The most events that wait.
    static let maxWaiting = 10_000
    /// The most events of one call.
    static let maxBatch = 100
    /// The wait after the first call that failed; it doubles with each.
    static let firstWait: Duration = .milliseconds(500)
    static let maxWait: Duration = .seconds(30)

    private struct Item: Sendable {
        let event: HookRunner.Event
        let time: Timestamp
        /// How many were dropped directly before it.
        let dropped: UInt64
    }

    private struct State {
        var waiting = CircularBuffer<Item>()
        /// How many were dropped since the newest that waits.
        var dropped: UInt64 = 0
        var hasDropped = false
        var isFinished = false
        /// Ends the wait for the next attempt.
        var pause: AsyncStream<Void>.Continuation?
    }

    private let caller: WebhookCaller
    private let kinds: Set<WebhookEventKind>
    private let node: NodeIdentity
    private let state = Mutex(State())
    private let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    private let (ends, end) = AsyncStream.makeStream(of: Void.self)

    init(_ caller: WebhookCaller, kinds: Set<WebhookEventKind>, node: NodeIdentity) {
        self.caller = caller
        self.kinds = kinds
        self.node = node
    }

    /// Posts an event soon, if it is one of those that are wanted.
    func tell(_ event: HookRunner.Event) {
        guard let kind = event.kind, self.kinds.contains(kind) else { return }
        let time = self.caller.shared.wallClock()
        let (isTaken, isFirstDrop) = self.state.withLock { state in
            guard !state.isFinished, state.waiting.count < Self.maxWaiting else {
                defer { state.hasDropped = true }
                state.dropped += 1
                return (false, !state.hasDropped)
            }
            state.waiting.append(Item(event: event, time: time, dropped: state.dropped))
            state.dropped = 0
            return (true, false)
        }
        guard !isTaken else {
            self.wake.yield()
            return
        }
        self.caller.shared.metrics.dropped.increment()
        if isFirstDrop { self.caller.shared.logger.warning("Event webhook is too slow; events are dropped and counted from now on") }
    }

    /// No more events come. What waits is posted, unless a call fails.
    func finish() {
        let pause = self.state.withLock { state in
            state.isFinished = true
            return state.pause.take()
        }
        pause?.finish()
        self.wake.finish()
    }

    /// Posts events until `finish()` or cancellation.
    func run() async {
        defer { self.end.finish() }
        var number: UInt64 = 0
        for await _ in self.wakes {
            while let batch = self.nextBatch() {
                number += 1
                guard await self.post(batch, number: number) else { return self.giveUp(batch) }
            }
        }
        self.giveUp([])
    }

    /// Waits until `run()` has ended, until a moment at most.
    func ended(before moment: NIODeadline) async {
        let timer = self.caller.shared.loopClock.setTimer(at: moment, on: self.caller.shared.eventLoop) { self.end.finish() }
        for await _ in self.ends {}
        timer.cancel()
    }

    // MARK: Private

    /// The events of the next call; nil when nothing waits. It ends before a place where others were dropped.
    private func nextBatch() -> [Item]? {
        self.state.withLock { state in
            var batch: [Item] = []
            while batch.count < Self.maxBatch, let next = state.waiting.first, batch.isEmpty || next.dropped == 0 {
                batch.append(next)
                state.waiting.removeFirst()
            }
            return batch.isEmpty ? nil : batch
        }
    }

    /// Posts until it is accepted; false when that is no more to be.
    private func post(_ batch: [Item], number: UInt64) async -> Bool {
        let body = self.body(of: batch, number: number)
        let key = "\(self.node.name)/\(self.incarnation)/\(number)"
        var wait = Self.firstWait
        while true {
            let isLast = self.state.withLock { $0.isFinished }
            do {
                try await self.caller.post(body, key: key) { answer in _ = try answer.success() }
                return true
            } catch {
                guard !isLast, !Task.isCancelled else { return false }
            }
            await self.pause(for: wait)
            wait = min(wait * 2, Self.maxWait)
        }
    }

    private func pause(for time: Duration) async {
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let isFinished = self.state.withLock { state in
            if !state.isFinished { state.pause = end }
            return state.isFinished
        }
        guard !isFinished else { return }
        let clock = self.caller.shared.loopClock
        let timer = clock.setTimer(at: clock.now() + .nanoseconds(time.nanoseconds), on: self.caller.shared.eventLoop) { end.finish() }
        for await _ in ends {}
        timer.cancel()
    }

    /// Counts what nobody will be told.
    private func giveUp(_ batch: [Item]) {
        let left = self.state.withLock { state in
            state.isFinished = true
            defer { state.waiting.removeAll() }
            return state.waiting.count
        }
        let count = batch.count + left
        guard count > 0 else { return }
        self.caller.shared.metrics.dropped.increment(by: Int64(count))
        self.caller.shared.logger.warning("Server stops; the event webhook is not told of everything", metadata: ["events": "\(count)"])
    }

    private var incarnation: String { String(self.node.incarnation, radix: 16) }

    /// `{"node":…,"incarnation":…,"call":…,"dropped":…,"events":[…]}`; without `dropped` when none is missing before them.
    ///
    /// It holds the parts of the idempotency key, since only a body is signed.
    private func body(of batch: [Item], number: UInt64) -> ByteBuffer {
        var body = ByteBuffer()
        JSONWriter.writeObject(into: &body) { writer in
            writer.field("node", self.node.name.description)
            writer.field("incarnation", self.incarnation)
            writer.field("call", number)
            if let dropped = batch.first?.dropped, dropped > 0 { writer.field("dropped", dropped) }
            writer.array("events") { writer in
                for item in batch { writer.element(.object(item.event.webhookObject(at: item.time))) }
            }
        }
        return body
    }
}

extension HookRunner.Event {
    /// What it is called; nil for what no webhook is told of.
    var kind: WebhookEventKind? {
        switch self {
        case .attached: .attached
        case .detached: .detached
        case .gap: .gap
        case .overflow: .overflow
        case .removed: .removed
        case .delivered: nil
        }
    }

    private var client: ClientID {
        switch self {
        case .attached(let event): event.client
        case .detached(let event): event.client
        case .gap(let event): event.client
        case .overflow(let event): event.client
        case .removed(let event): event.client
        case .delivered(let event): event.client
        }
    }

    /// `{"event":…,"time":…,"client":…}` and what else there is to tell.
    fileprivate func webhookObject(at time: Timestamp) -> JSONObject {
        var object = JSONObject()
        object.append("event", .string(self.kind?.rawValue ?? "delivered"))
        object.append("time", .integer(time.milliseconds))
        object.append("client", .string(self.client.description))
        switch self {
        case .attached(let event):
            object.append("generation", .integer(event.generation.rawValue))
            object.append("after", .integer(event.after.rawValue))
            object.append("head", .integer(event.head.rawValue))
        case .detached(let event):
            object.append("generation", .integer(event.generation.rawValue))
        case .gap(let event):
            object.append("from", .integer(event.gap.range.first.rawValue))
            object.append("to", .integer(event.gap.range.last.rawValue))
            object.append("reason", .string(event.gap.reason.description))
        case .overflow(let event):
            object.append("from", .integer(event.discarded.first.rawValue))
            object.append("to", .integer(event.discarded.last.rawValue))
        case .removed(let event):
            object.append("reason", .string(event.reason.description))
        case .delivered(let event):
            object.append("through", .integer(event.through.rawValue))
        }
        return object
    }
}
