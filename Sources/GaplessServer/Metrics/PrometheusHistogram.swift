import Metrics
import Synchronization

/// The upper bounds of a histogram's buckets.
enum PrometheusBuckets: Hashable, Sendable {
    /// For times, in seconds: 500 µs to 60 s.
    case times
    /// For counts: 1 to 4,096.
    case sizes
    /// For how old something is, in seconds: 1 s to 7 days.
    case ages

    var bounds: [Double] {
        switch self {
        case .times: Self.timeBounds
        case .sizes: Self.sizeBounds
        case .ages: Self.ageBounds
        }
    }

    private static let timeBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
    private static let ageBounds: [Double] = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 604_800]
    private static let sizeBounds: [Double] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096]
}

/// How values are distributed over fixed buckets.
final class PrometheusHistogram: PrometheusSeries, RecorderHandler, TimerHandler {
    /// A count; an object, since an array cannot hold atomics themselves.
    private final class Count: Sendable {
        let value = Atomic<UInt64>(0)
    }

    let kind: PrometheusKind
    private let bounds: [Double]
    /// One for each bound, and one for what is above.
    private let counts: [Count]
    private let sum = AtomicDouble()

    init(_ buckets: PrometheusBuckets) {
        self.kind = .histogram(buckets)
        self.bounds = buckets.bounds
        self.counts = (0...self.bounds.count).map { _ in Count() }
    }

    func record(_ value: Int64) {
        self.record(Double(value))
    }

    func record(_ value: Double) {
        guard value.isFinite else { return }
        var index = 0
        while index < self.bounds.count, value > self.bounds[index] { index += 1 }
        self.counts[index].value.wrappingAdd(1, ordering: .relaxed)
        self.sum.add(value)
    }

    func recordNanoseconds(_ duration: Int64) {
        self.record(Double(duration) / 1_000_000_000)
    }

    func write(_ name: String, labels: String, into text: inout PrometheusText) {
        let prefix = labels.isEmpty ? "" : "\(labels),"
        var count: UInt64 = 0
        for (bucket, bound) in zip(self.counts, self.bounds + [.infinity]) {
            count += bucket.value.load(ordering: .relaxed)
            text.write("\(name)_bucket", labels: "\(prefix)le=\"\(PrometheusText.number(bound))\"", String(count))
        }
        text.write("\(name)_sum", labels: labels, PrometheusText.number(self.sum.value))
        // What the buckets hold, so that both agree while others record.
        text.write("\(name)_count", labels: labels, String(count))
    }
}
