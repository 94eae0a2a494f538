import Metrics

@testable import GaplessServer

/// The metrics of a node as Prometheus sees them, and what is wrong with an expression over them.
struct ToldMetrics {
    private enum Kind: String {
        case counter, gauge, histogram
    }

    private struct Series {
        let metric: String
        let kind: Kind
        /// The values that a label has.
        var labels: [String: Set<String>] = [:]
    }

    private var series: [String: Series] = [:]

    /// What Prometheus adds to each.
    private static let added: Set<String> = ["instance", "job"]

    /// Those of a node that has just begun.
    init() {
        let text = ServerMetrics(system: NOOPMetricsHandler.instance).prometheus.text()
        var metric = ("", Kind.gauge)
        for line in text.split(separator: "\n") {
            if let type = line.wholeMatch(of: #/# TYPE (\w+) (\w+)/#) {
                metric = (String(type.output.1), Kind(rawValue: String(type.output.2)) ?? .gauge)
            } else if let sample = line.wholeMatch(of: #/(\w+)(\{.*\})? \S+/#) {
                let name = String(sample.output.1)
                var found = self.series[name] ?? Series(metric: metric.0, kind: metric.1)
                for label in (sample.output.2 ?? "").matches(of: #/(\w+)="([^"]*)"/#) {
                    found.labels[String(label.output.1), default: []].insert(String(label.output.2))
                }
                self.series[name] = found
            }
        }
    }

    /// The names of all metrics.
    var names: Set<String> { Set(self.series.values.map(\.metric)) }

    /// The metrics that an expression names.
    func metrics(in expression: String) -> Set<String> {
        Set(expression.matches(of: #/\bgapless_\w+/#).compactMap { self.series[String($0.output)]?.metric })
    }

    /// The labels that the result of an expression may have.
    func labels(of expression: String) -> Set<String> {
        let groups = expression.matches(of: #/by \(([^)]*)\)/#).map { Self.words($0.output.1) }
        if !groups.isEmpty { return groups.reduce(into: Set<String>()) { $0.formUnion($1) }.subtracting(["le"]) }
        let own = expression.matches(of: #/\bgapless_\w+/#).compactMap { self.series[String($0.output)]?.labels.keys }
        return own.reduce(into: Self.added) { $0.formUnion($1) }
    }

    /// What is wrong with an expression, in words.
    func faults(of expression: String) -> [String] {
        var faults: [String] = []
        var known = Self.added
        for use in expression.matches(of: #/((?:rate|increase)\()?\b(gapless_\w+)(\{[^}]*\})?/#) {
            let name = String(use.output.2)
            guard let series = self.series[name] else {
                faults.append("no node has \(name)")
                continue
            }
            known.formUnion(series.labels.keys)
            if (series.kind == .gauge) == (use.output.1 != nil) { faults.append("\(name) is a \(series.kind)") }
            for matcher in (use.output.3 ?? "").matches(of: #/(\w+)(?:=~|!~|!=|=)"([^"]*)"/#) {
                let (label, wanted) = (String(matcher.output.1), matcher.output.2)
                if Self.added.contains(label) { continue }
                guard let values = series.labels[label] else {
                    faults.append("\(name) has no \(label)")
                    continue
                }
                for value in wanted.split(separator: "|") where !values.contains(String(value)) {
                    faults.append("\(name) has no \(label) \(value)")
                }
            }
        }
        for group in expression.matches(of: #/by \(([^)]*)\)/#) {
            for label in Self.words(group.output.1).subtracting(known) { faults.append("nothing has \(label)") }
        }
        return faults
    }

    private static func words(_ text: Substring) -> Set<String> {
        Set(text.split(separator: ",").map { String($0.drop { $0 == " " }) })
    }
}
