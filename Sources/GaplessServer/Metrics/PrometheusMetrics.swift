public import Metrics
import Synchronization

/// A backend of swift-metrics that holds everything in this process and writes it as Prometheus reads it.
///
/// It is what `GET /metrics` of the admin listener shows. A server has one of its own; a program that bootstraps swift-metrics with one,
/// as `gapless serve` does, sees the metrics of all its libraries there:
///
/// ```swift
/// MetricsSystem.bootstrap(PrometheusMetrics())
/// ```
///
/// A dot in a label becomes an underscore, a counter ends in `_total` and a timer in `_seconds`: `gapless.server.commits` is
/// `gapless_server_commits_total`. Recorders that aggregate and timers are histograms with fixed buckets, 500 µs to 60 s and 1 to 4,096
/// (1 s to 7 days for the ages that a server tells).
///
/// It is bounded, so that a label that takes its values from outside fills neither memory nor Prometheus: a metric has at most
/// ``maxSeries`` combinations of dimensions, and everything together at most ``maxLines`` lines. What is above is dropped, and counted in
/// `gapless_metrics_dropped_total`. What is also dropped is a second metric of the same name and another kind, and a name that is longer than a
/// kilobyte with its dimensions.
///
/// Recording takes no lock and allocates nothing; making a metric does both.
///
/// Several servers in one process share whatever backend the process has: counters and histograms are their sums, a gauge - how many
/// connections are open, what waits for the disk - is the value of the server that measured last. Give each server a process of its own
/// where gauges matter, or bootstrap another backend: then every server has a `PrometheusMetrics` of its own beside it, and shows that.
public final class PrometheusMetrics: MetricsFactory {
    /// The most combinations of dimensions that one metric has: 64.
    public static let maxSeries = 64

    /// The most lines with a value: 2,000. A histogram takes one for each bucket, and two.
    public static let maxLines = 2_000

    /// The content type of ``text()``.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private let dropped = PrometheusCounter()
    private let nowhere = PrometheusNowhere()
    private let registry = Mutex(PrometheusRegistry(maxSeries: PrometheusMetrics.maxSeries, maxLines: PrometheusMetrics.maxLines))

    /// An empty backend.
    public init() {
        _ = self.registry.withLock { $0.add(.counter, label: ServerMetric.dropped.rawValue, dimensions: []) { self.dropped } }
    }

    /// All metrics, in text format 0.0.4: sorted, each with its help and its type.
    public func text() -> String {
        let families = self.registry.withLock { $0.families }
        var text = PrometheusText()
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text.begin(name, kind: family.kind, help: ServerMetric(rawValue: family.label)?.help ?? family.label)
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.write(name, labels: labels, into: &text)
            }
        }
        return text.text
    }

    // MARK: MetricsFactory

    /// What only grows, by whole numbers. It ends in `_total`.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        self.series(.counter, label, dimensions, PrometheusCounter()) ?? self.nowhere
    }

    /// What only grows; with a counter of the same name and dimensions it is one.
    public func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        self.series(.counter, label, dimensions, PrometheusCounter()) ?? self.nowhere
    }

    /// What goes up and down.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        self.series(.gauge, label, dimensions, PrometheusGauge()) ?? self.nowhere
    }

    /// What goes up and down, or - when it aggregates - a histogram of sizes.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate { return self.series(.histogram(.sizes), label, dimensions, PrometheusHistogram(.sizes)) ?? self.nowhere }
        return self.series(.gauge, label, dimensions, PrometheusGauge()) ?? self.nowhere
    }

    /// A histogram of times, or of ages where a server tells those. It ends in `_seconds`.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let buckets = ServerMetric(rawValue: label)?.timeBuckets ?? .times
        return self.series(.histogram(buckets), label, dimensions, PrometheusHistogram(buckets)) ?? self.nowhere
    }

    /// Takes the series out of the text, for all who record into it.
    public func destroyCounter(_ handler: any CounterHandler) { self.remove(handler) }

    /// Takes the series out of the text, for all who record into it.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { self.remove(handler) }

    /// Takes the series out of the text, for all who record into it.
    public func destroyMeter(_ handler: any MeterHandler) { self.remove(handler) }

    /// Takes the series out of the text, for all who record into it.
    public func destroyRecorder(_ handler: any RecorderHandler) { self.remove(handler) }

    /// Takes the series out of the text, for all who record into it.
    public func destroyTimer(_ handler: any TimerHandler) { self.remove(handler) }

    // MARK: Private

    /// The series of that name and these dimensions: the one that is there, or a new one; nil when there is no room.
    private func series<Series: PrometheusSeries>(
        _ kind: PrometheusKind,
        _ label: String,
        _ dimensions: [(String, String)],
        _ new: @autoclosure () -> Series
    ) -> Series? {
        let found = self.registry.withLock { $0.add(kind, label: label, dimensions: dimensions, new) }
        if found == nil { self.dropped.increment(by: Int64(1)) }
        return found
    }

    private func remove(_ handler: AnyObject) {
        self.registry.withLock { $0.remove(handler) }
    }
}
