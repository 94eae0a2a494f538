import GaplessServer

/// What a node does, out of two readings of its metrics: rates between them, and values of the second.
///
/// What a node does not tell is nil. Rates are nil for the first reading.
struct TopMeasures: Hashable, Sendable {
    /// A second, over all labels.
    var sent: Double?
    var delivered: Double?
    var acknowledged: Double?
    var replayed: Double?
    var handled: Double?
    var commits: Double?
    /// A second, by what became of the position.
    var attaches: [String: Double]?
    var refused: Double?
    /// Seconds that half of the commits between the readings took at most, and 99 of 100.
    var commitMedian: Double?
    var commitHigh: Double?
    /// Seconds, the same of the event loops' lag.
    var loopLag: Double?

    /// As of the second reading.
    var waitingCommits: Double?
    var commitAge: Double?
    var failedCommits: Double?
    var backlog: Double?
    var unacknowledged: Double?
    var storeBytes: Double?
    var storeQueues: Double?
    var memory: Double?
    /// Since the node began, by reason and by code; what never happened is left out.
    var gaps: [String: Double]?
    var closes: [String: Double]?
    /// A second, over all reasons and codes.
    var gapRate: Double?
    var closeRate: Double?

    /// Whether the node began anew between the readings: a counter fell.
    var isRestarted = false

    /// Compares a reading with the one so many seconds before; without that one, or when it told nothing, there are no rates.
    init(_ current: PrometheusReading, since previous: (reading: PrometheusReading, seconds: Double)?) {
        func value(_ metric: ServerMetric) -> Double? { current.sum(Self.name(metric)) }
        func counters(_ reading: PrometheusReading) -> [Double?] { Self.counters.map { reading.sum(Self.counter($0)) } }

        self.waitingCommits = value(.commitsWaiting)
        self.commitAge = value(.commitUnderWay)
        self.failedCommits = current.sum(Self.counter(.commitsFailed))
        self.backlog = value(.waiting)
        self.unacknowledged = value(.unacknowledged)
        self.storeBytes = value(.storeBytes)
        self.storeQueues = value(.storeQueues)
        self.memory = value(.memory)
        self.gaps = Self.happened(current, .gaps, "reason")
        self.closes = Self.happened(current, .closed, "code")

        guard let previous, previous.seconds > 0, !previous.reading.isEmpty else { return }
        let isRestarted = zip(counters(current), counters(previous.reading)).contains { pair in
            if let now = pair.0, let before = pair.1 { now < before } else { false }
        }
        self.isRestarted = isRestarted
        let earlier = isRestarted ? PrometheusReading() : previous.reading
        func rate(_ now: Double?, _ before: Double?) -> Double? { now.map { max(0, $0 - (before ?? 0)) / previous.seconds } }
        func rate(_ metric: ServerMetric) -> Double? { rate(current.sum(Self.counter(metric)), earlier.sum(Self.counter(metric))) }

        self.sent = rate(.sent)
        self.delivered = rate(.delivered)
        self.acknowledged = rate(.acknowledged)
        self.replayed = rate(.replayed)
        self.handled = rate(.handled)
        self.commits = rate(.commits)
        self.refused = rate(.refused)
        self.gapRate = rate(.gaps)
        self.closeRate = rate(.closed)
        let (attaches, before) = (Self.by(current, .attachments, "outcome"), Self.by(earlier, .attachments, "outcome"))
        self.attaches = attaches.isEmpty ? nil : attaches.reduce(into: [:]) { $0[$1.key] = rate($1.value, before[$1.key]) }
        let commits = current.histogram(Self.name(.commitTime))?.since(earlier.histogram(Self.name(.commitTime)))
        self.commitMedian = commits?.quantile(0.5)
        self.commitHigh = commits?.quantile(0.99)
        self.loopLag = current.histogram(Self.name(.loopLag))?.since(earlier.histogram(Self.name(.loopLag))).quantile(0.99)
    }

    /// Counters by which a restart is noticed.
    private static let counters: [ServerMetric] = [
        .sent, .delivered, .acknowledged, .replayed, .handled, .commits, .commitsFailed, .attachments, .refused, .gaps, .closed,
    ]

    private static func by(_ reading: PrometheusReading, _ metric: ServerMetric, _ label: String) -> [String: Double] {
        reading.sums(Self.counter(metric), by: label)
    }

    private static func happened(_ reading: PrometheusReading, _ metric: ServerMetric, _ label: String) -> [String: Double]? {
        guard reading.sum(Self.counter(metric)) != nil else { return nil }
        return Self.by(reading, metric, label).filter { $0.value > 0 }
    }

    /// The name of a gauge or histogram in the text.
    static func name(_ metric: ServerMetric) -> String {
        String(metric.rawValue.map { $0 == "." ? "_" : $0 })
    }

    /// The name of a counter in the text.
    static func counter(_ metric: ServerMetric) -> String {
        Self.name(metric) + "_total"
    }
}
