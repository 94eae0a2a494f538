/// Metrics as text of Prometheus' format 0.0.4.
struct PrometheusText {
    private(set) var text = ""

    /// Begins a metric.
    mutating func begin(_ name: String, kind: PrometheusKind, help: String) {
        self.text += "# HELP \(name) \(PrometheusName.escaped(help, quotes: false))\n# TYPE \(name) \(kind.type)\n"
    }

    /// Writes one value.
    mutating func write(_ name: String, labels: String, _ value: String) {
        self.text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    /// A number as it is written: whole ones without a point.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Below 2^53 it is exact.
        if value.magnitude < 9_007_199_254_740_992, value == value.rounded() { return String(Int64(value)) }
        return "\(value)"
    }
}
