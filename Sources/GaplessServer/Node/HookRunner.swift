import Logging
import Metrics
import Synchronization

/// Tells the service what happens: one hook after another, in order, beside everything else.
final class HookRunner: Sendable {
    /// The most events that wait.
    static let maxWaiting = 10_000

    enum Event: Sendable {
        case attached(AttachedEvent)
        case detached(DetachedEvent)
        case gap(GapEvent)
        case overflow(OverflowEvent)
        case removed(RemovedEvent)
        case delivered(DeliveredEvent)
    }

    private let hooks: ServerHooks
    private let webhook: WebhookEvents?
    private let events: AsyncStream<Event>
    private let input: AsyncStream<Event>.Continuation
    private let dropped: Counter
    private let hasDropped = Mutex(false)
    private let logger: Logger

    init(_ hooks: ServerHooks, webhook: WebhookEvents? = nil, dropped: Counter, logger: Logger) {
        self.hooks = hooks
        self.webhook = webhook
        self.dropped = dropped
        self.logger = logger
        (self.events, self.input) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingOldest(Self.maxWaiting))
    }

    /// Tells an event, if somebody wants to hear it. A webhook does not wait for the hooks of this process.
    func tell(_ event: Event) {
        self.webhook?.tell(event)
        guard self.isHeard(event) else { return }
        guard case .dropped = self.input.yield(event) else { return }
        self.dropped.increment()
        let isFirst = self.hasDropped.withLock { hasDropped in
            defer { hasDropped = true }
            return !hasDropped
        }
        if isFirst { self.logger.warning("Hooks are too slow; events are dropped and counted from now on") }
    }

    func finish() {
        self.input.finish()
    }

    /// Calls the hooks until `finish()` or cancellation.
    func run() async {
        for await event in self.events {
            switch event {
            case .attached(let event): await self.hooks.attached?(event)
            case .detached(let event): await self.hooks.detached?(event)
            case .gap(let event): await self.hooks.gap?(event)
            case .overflow(let event): await self.hooks.overflow?(event)
            case .removed(let event): await self.hooks.removed?(event)
            case .delivered(let event): await self.hooks.delivered?(event)
            }
        }
    }

    private func isHeard(_ event: Event) -> Bool {
        switch event {
        case .attached: self.hooks.attached != nil
        case .detached: self.hooks.detached != nil
        case .gap: self.hooks.gap != nil
        case .overflow: self.hooks.overflow != nil
        case .removed: self.hooks.removed != nil
        case .delivered: self.hooks.delivered != nil
        }
    }
}
