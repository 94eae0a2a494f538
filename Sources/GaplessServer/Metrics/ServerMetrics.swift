import GaplessCore
import GaplessStore
import Metrics

/// What a node counts and measures: made once, so that to record is all that is left to do.
///
/// One object, however many connections hold on to it.
final class ServerMetrics: Sendable {
    /// What `GET /metrics` shows: the backend of the process if it is one, else the node's own.
    let prometheus: PrometheusMetrics
    let sent: Counter
    let acknowledged: Counter
    let delivered: Counter
    let replayed: Counter
    let overflowed: Counter
    let expired: Counter
    let handled: Counter
    let handlersFailed: Counter
    let drains: Counter
    let hooksDropped: Counter
    let webhooks: WebhookMetrics
    private let commits: Counter
    private let commitsFailed: Counter
    private let commitTime: Timer
    private let commitOperations: Recorder
    private let commitsWaiting: Gauge
    private let commitUnderWay: Gauge
    private let storeBytes: Gauge
    private let storeQueues: Gauge
    private let storeFree: Gauge
    private let queueDepth: Recorder
    private let queueAge: Timer
    private let loopLag: Timer
    private let memory: Gauge
    private let connections: Gauge
    private let attached: Gauge
    private let unacknowledged: Gauge
    private let waiting: Gauge
    private let attachments: [AttachOutcome: Counter]
    private let attachTimes: [AttachOutcome: Timer]
    private let gaps: Named<GapReason>
    private let refused: Named<CloseCode>
    private let gaveUp: Counter
    private let closes: Named<CloseCode>
    private let moves: [MoveOutcome: Counter]
    private let ready: Gauge
    private let unready: [Readiness.Reason: Gauge]
    private let over: [LoadMeasure: Gauge]

    /// What became of the position of a client that attached.
    private enum AttachOutcome: String, CaseIterable {
        case new, resumed, partial, reset, rollback

        init(_ resume: Resume) {
            switch resume {
            case .new: self = .new
            case .resumed: self = .resumed
            case .partial: self = .partial
            case .reset(.rollback): self = .rollback
            case .reset: self = .reset
            }
        }
    }

    /// Counters for all names that are known, and one for others.
    private struct Named<Key: Hashable & Sendable>: Sendable {
        let known: [Key: Counter]
        let other: Counter

        init(_ metric: ServerMetric, _ dimension: String, _ names: [(Key, String)], _ factory: any MetricsFactory) {
            self.known = Dictionary(
                uniqueKeysWithValues: names.map { key, name in
                    (key, Counter(label: metric.rawValue, dimensions: [(dimension, name)], factory: factory))
                }
            )
            self.other = Counter(label: metric.rawValue, dimensions: [(dimension, "other")], factory: factory)
        }

        func increment(_ key: Key) {
            (self.known[key] ?? self.other).increment()
        }
    }

    /// - Parameter system: the backend of the process, which hears everything too.
    init(system: any MetricsFactory = MetricsSystem.factory) {
        let prometheus = system as? PrometheusMetrics ?? PrometheusMetrics()
        let isHeard = system is PrometheusMetrics || system is NOOPMetricsHandler
        let factory: any MetricsFactory = isHeard ? prometheus : MultiplexMetricsHandler(factories: [prometheus, system])
        func counter(_ metric: ServerMetric) -> Counter { Counter(label: metric.rawValue, factory: factory) }
        func gauge(_ metric: ServerMetric) -> Gauge { Gauge(label: metric.rawValue, factory: factory) }

        self.prometheus = prometheus
        self.sent = counter(.sent)
        self.acknowledged = counter(.acknowledged)
        self.delivered = counter(.delivered)
        self.replayed = counter(.replayed)
        self.overflowed = counter(.overflowed)
        self.expired = counter(.expired)
        self.handled = counter(.handled)
        self.handlersFailed = counter(.handlersFailed)
        self.drains = counter(.drains)
        self.hooksDropped = counter(.hooksDropped)
        self.webhooks = WebhookMetrics(factory)
        self.commits = counter(.commits)
        self.commitsFailed = counter(.commitsFailed)
        self.commitTime = Timer(label: ServerMetric.commitTime.rawValue, factory: factory)
        self.commitOperations = Recorder(label: ServerMetric.commitOperations.rawValue, factory: factory)
        self.commitsWaiting = gauge(.commitsWaiting)
        self.commitUnderWay = gauge(.commitUnderWay)
        self.storeBytes = gauge(.storeBytes)
        self.storeQueues = gauge(.storeQueues)
        self.storeFree = gauge(.storeFree)
        self.queueDepth = Recorder(label: ServerMetric.queueDepth.rawValue, factory: factory)
        self.queueAge = Timer(label: ServerMetric.queueAge.rawValue, factory: factory)
        self.loopLag = Timer(label: ServerMetric.loopLag.rawValue, factory: factory)
        self.memory = gauge(.memory)
        self.connections = gauge(.connections)
        self.attached = gauge(.attached)
        self.unacknowledged = gauge(.unacknowledged)
        self.waiting = gauge(.waiting)
        self.attachments = Self.each(AttachOutcome.allCases) {
            Counter(label: ServerMetric.attachments.rawValue, dimensions: [("outcome", $0.rawValue)], factory: factory)
        }
        self.attachTimes = Self.each(AttachOutcome.allCases) {
            Timer(label: ServerMetric.attachTime.rawValue, dimensions: [("outcome", $0.rawValue)], factory: factory)
        }
        let reasons: [GapReason] = [.expired, .overflow, .removed, .acknowledged]
        self.gaps = Named(.gaps, "reason", reasons.map { ($0, $0.description) }, factory)
        self.refused = Named(.refused, "code", CloseCode.named.map { ($0.code, $0.name) }, factory)
        self.gaveUp = Counter(label: ServerMetric.refused.rawValue, dimensions: [("code", "left")], factory: factory)
        self.closes = Named(.closed, "code", CloseCode.named.map { ($0.code, $0.name) }, factory)
        self.moves = Self.each(MoveOutcome.allCases) {
            Counter(label: ServerMetric.moves.rawValue, dimensions: [("outcome", $0.rawValue)], factory: factory)
        }
        self.ready = gauge(.ready)
        self.over = Self.each(LoadMeasure.allCases) {
            Gauge(label: ServerMetric.over.rawValue, dimensions: [("measure", $0.rawValue)], factory: factory)
        }
        self.unready = Self.each(Readiness.Reason.allCases) {
            Gauge(label: ServerMetric.unready.rawValue, dimensions: [("reason", $0.rawValue)], factory: factory)
        }
    }

    private static func each<Key: Hashable, Metric>(_ keys: [Key], _ make: (Key) -> Metric) -> [Key: Metric] {
        Dictionary(uniqueKeysWithValues: keys.map { ($0, make($0)) })
    }

    // MARK: Connections

    /// A client got its `WELCOME`, so long after its `HELLO`.
    func attached(_ resume: Resume, after time: Duration) {
        let outcome = AttachOutcome(resume)
        self.attachments[outcome]?.increment()
        self.attachTimes[outcome]?.recordNanoseconds(time.nanoseconds)
    }

    /// A connection was closed before its client got a `WELCOME`.
    func refused(_ code: CloseCode) {
        self.refused.increment(code)
    }

    /// A client said `HELLO`, and left before it got its `WELCOME`.
    func leftUnanswered() {
        self.gaveUp.increment()
    }

    func closed(_ code: CloseCode) {
        self.closes.increment(code)
    }

    func gap(_ reason: GapReason) {
        self.gaps.increment(reason)
    }

    func ended(_ move: MoveOutcome) {
        self.moves[move]?.increment()
    }

    // MARK: The store

    /// A commit ended, well or not.
    func commitEnded(_ health: GatewayHealth) {
        self.commitTime.recordNanoseconds(health.lastDuration.nanoseconds)
        self.commitOperations.record(health.lastBatch)
    }

    func commitFailed() {
        self.commitsFailed.increment()
    }

    func committed(_ operations: [CommittedOperation]) {
        self.commits.increment()
        var (sent, acknowledged, handled, refused) = (0, 0, 0, 0)
        for operation in operations {
            switch operation.receipt {
            case .append(let receipt): sent += receipt.storedNow
            case .appendSequence(let receipt): sent += receipt.isRepeat ? 0 : receipt.stored.reduce(0) { $0 + $1.storedNow }
            case .advanceMark(.advanced(let sends)):
                sent += sends.reduce(0) { $0 + $1.storedNow }
                handled += 1
            // Its commit was in doubt, and had succeeded.
            case .advanceMark(.repeated): handled += 1
            case .advanceMark(.sendRefused): refused += 1
            case .acknowledge: acknowledged += 1
            case .expire(let receipt): self.swept(receipt)
            case .attach, .detach, .advanceMark, .end, .remove, .heartbeat, .order, .sendAway: break
            }
        }
        if sent > 0 { self.sent.increment(by: Int64(sent)) }
        if handled > 0 { self.handled.increment(by: Int64(handled)) }
        if refused > 0 { self.handlersFailed.increment(by: Int64(refused)) }
        if acknowledged > 0 { self.acknowledged.increment(by: Int64(acknowledged)) }
    }

    private func swept(_ receipt: ExpireReceipt) {
        for depth in receipt.depths { self.queueDepth.record(depth) }
        for age in receipt.ages { self.queueAge.recordNanoseconds(age.nanoseconds) }
        self.storeBytes.record(receipt.stored.bytes)
        self.storeQueues.record(receipt.stored.queues)
    }

    // MARK: What is measured each second

    /// An event loop let a task wait for so long.
    func looped(after lag: Duration) {
        self.loopLag.recordNanoseconds(lag.nanoseconds)
    }

    func record(memory bytes: Int) {
        self.memory.record(bytes)
    }

    func record(freeDisk bytes: Int) {
        self.storeFree.record(bytes)
    }

    func record(_ load: NodeLoad) {
        self.connections.record(load.connections)
        self.attached.record(load.attached)
        self.ready.record(load.readiness.isReady ? 1 : 0)
        for (reason, gauge) in self.unready { gauge.record(load.readiness.reasons.contains(reason) ? 1 : 0) }
        for (measure, gauge) in self.over { gauge.record(load.over.contains(measure) ? 1 : 0) }
    }

    func record(_ health: GatewayHealth, now: Instant) {
        self.commitsWaiting.record(health.waitingOperations)
        self.commitUnderWay.record(health.underWaySince.map { (now - $0) / .seconds(1) } ?? 0)
    }

    func record(_ backlog: SessionBacklog) {
        self.unacknowledged.record(backlog.unacknowledged)
        self.waiting.record(backlog.waiting)
    }
}

extension AppendReceipt {
    /// How many queues it was stored in by this commit.
    fileprivate var storedNow: Int {
        guard !self.isRepeat else { return 0 }
        return self.deliveries.count { if case .stored = $0.outcome { true } else { false } }
    }
}
