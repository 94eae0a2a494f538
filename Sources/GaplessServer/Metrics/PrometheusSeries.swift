import Metrics
import Synchronization

/// The kinds of metrics.
enum PrometheusKind: Hashable, Sendable {
    case counter
    case gauge
    case histogram(PrometheusBuckets)

    /// The word in the text.
    var type: String {
        switch self {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }

    /// How a name ends by convention.
    var suffix: String {
        switch self {
        case .counter: "_total"
        case .gauge, .histogram(.sizes): ""
        case .histogram(.times), .histogram(.ages): "_seconds"
        }
    }

    /// How many lines of text a series takes.
    var lines: Int {
        switch self {
        case .counter, .gauge: 1
        case .histogram(let buckets): buckets.bounds.count + 3
        }
    }

    /// Every name in the text of a metric.
    func names(of name: String) -> [String] {
        switch self {
        case .counter, .gauge: [name]
        case .histogram: [name, "\(name)_bucket", "\(name)_sum", "\(name)_count"]
        }
    }
}

/// The values of one metric with one combination of dimensions.
///
/// Recording is a matter of atomics alone: no lock, no allocation.
protocol PrometheusSeries: AnyObject, Sendable {
    var kind: PrometheusKind { get }

    /// Writes the values of now.
    func write(_ name: String, labels: String, into text: inout PrometheusText)
}

/// What only grows.
final class PrometheusCounter: PrometheusSeries, CounterHandler, FloatingPointCounterHandler {
    private let whole = Atomic<UInt64>(0)
    private let rest = AtomicDouble()

    var kind: PrometheusKind { .counter }

    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        self.whole.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        self.rest.add(amount)
    }

    func reset() {
        self.whole.store(0, ordering: .relaxed)
        self.rest.set(0)
    }

    func write(_ name: String, labels: String, into text: inout PrometheusText) {
        let (whole, rest) = (self.whole.load(ordering: .relaxed), self.rest.value)
        text.write(name, labels: labels, rest == 0 ? String(whole) : PrometheusText.number(Double(whole) + rest))
    }
}

/// What goes up and down: the value of last time.
final class PrometheusGauge: PrometheusSeries, RecorderHandler, MeterHandler {
    private let value = AtomicDouble()

    var kind: PrometheusKind { .gauge }

    func record(_ value: Int64) { self.value.set(Double(value)) }
    func record(_ value: Double) { self.value.set(value) }
    func set(_ value: Int64) { self.value.set(Double(value)) }
    func set(_ value: Double) { self.value.set(value) }
    func increment(by amount: Double) { self.value.add(amount) }
    func decrement(by amount: Double) { self.value.add(-amount) }

    func write(_ name: String, labels: String, into text: inout PrometheusText) {
        text.write(name, labels: labels, PrometheusText.number(self.value.value))
    }
}

/// Where goes what there is no room for.
final class PrometheusNowhere: CounterHandler, FloatingPointCounterHandler, RecorderHandler, MeterHandler, TimerHandler {
    func increment(by: Int64) {}
    func increment(by: Double) {}
    func decrement(by: Double) {}
    func record(_: Int64) {}
    func record(_: Double) {}
    func set(_: Int64) {}
    func set(_: Double) {}
    func recordNanoseconds(_: Int64) {}
    func reset() {}
}

/// A number with a point that many threads change.
struct AtomicDouble: ~Copyable, Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: self.bits.load(ordering: .relaxed)) }

    func set(_ value: Double) {
        self.bits.store(value.bitPattern, ordering: .relaxed)
    }

    func add(_ amount: Double) {
        var old = self.bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, original) = self.bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = original
        }
    }
}
