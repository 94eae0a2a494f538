/// The metrics of one node at one moment, out of Prometheus' text format 0.0.4.
///
/// It is bounded whatever a server sends, and lines that it does not understand are left out: metrics of later nodes do no harm.
struct PrometheusReading: Hashable, Sendable {
    /// A value and what it is the value of.
    struct Sample: Hashable, Sendable {
        let labels: [String: String]
        let value: Double
    }

    /// The most values that are kept.
    static let maxSamples = 20_000
    /// The most characters of a line that is looked at.
    static let maxLine = 4_096

    private var samples: [String: [Sample]] = [:]

    /// No metrics.
    init() {}

    /// Reads a text.
    init(_ text: String) {
        var count = 0
        for line in text.utf8.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            guard count < Self.maxSamples else { return }
            guard line.count <= Self.maxLine, line.first != UInt8(ascii: "#"), let (name, sample) = Self.sample(Substring(line)) else {
                continue
            }
            self.samples[name, default: []].append(sample)
            count += 1
        }
    }

    /// Whether it holds no metrics at all: the node did not tell any.
    var isEmpty: Bool { self.samples.isEmpty }

    /// The values of a metric.
    func samples(_ name: String) -> [Sample] {
        self.samples[name] ?? []
    }

    /// The sum over all labels of a metric; nil when it is not there.
    func sum(_ name: String) -> Double? {
        let values = self.samples(name).map(\.value)
        return values.isEmpty ? nil : values.reduce(0, +)
    }

    /// A metric by one of its labels.
    func sums(_ name: String, by label: String) -> [String: Double] {
        self.samples(name).reduce(into: [:]) { sums, sample in
            if let key = sample.labels[label] { sums[key, default: 0] += sample.value }
        }
    }

    /// A histogram, over all other labels; nil when it is not there.
    func histogram(_ name: String) -> Histogram? {
        var buckets: [Double: Double] = [:]
        for sample in self.samples(name + "_bucket") {
            guard let text = sample.labels["le"], let bound = Self.number(text[...]), !bound.isNaN else { continue }
            buckets[bound, default: 0] += sample.value
        }
        return buckets.isEmpty
            ? nil : Histogram(buckets.sorted { $0.key < $1.key }.map { Histogram.Bucket(bound: $0.key, count: $0.value) })
    }

    /// How values are distributed: for each bound how many are not above it.
    struct Histogram: Hashable, Sendable {
        struct Bucket: Hashable, Sendable {
            let bound: Double
            let count: Double
        }

        let buckets: [Bucket]

        /// Takes buckets in order of their bounds.
        init(_ buckets: [Bucket]) {
            self.buckets = buckets
        }

        /// How many values there are.
        var count: Double { self.buckets.last?.count ?? 0 }

        /// What came since an earlier look; everything when that one had other buckets or the counts began anew.
        func since(_ earlier: Histogram?) -> Histogram {
            guard let earlier, earlier.buckets.map(\.bound) == self.buckets.map(\.bound) else { return self }
            let pairs = zip(self.buckets, earlier.buckets)
            guard pairs.allSatisfy({ $0.count >= $1.count }) else { return self }
            return Histogram(pairs.map { Bucket(bound: $0.bound, count: $0.count - $1.count) })
        }

        /// The value that `share` of the values are not above, as well as the buckets tell: in proportion within one, and the highest bound for
        /// what is above it. Nil when there are no values.
        func quantile(_ share: Double) -> Double? {
            guard self.count > 0 else { return nil }
            let rank = share * self.count
            var (below, count) = (0.0, 0.0)
            for bucket in self.buckets {
                if bucket.count >= rank, bucket.count > count {
                    guard bucket.bound.isFinite else { return below }
                    return below + (bucket.bound - below) * max(0, (rank - count) / (bucket.count - count))
                }
                (below, count) = (bucket.bound.isFinite ? bucket.bound : below, max(count, bucket.count))
            }
            return below
        }
    }

    // MARK: Lines

    /// `name{label="value",…} value [time]`.
    private static func sample(_ line: Substring) -> (String, Sample)? {
        var rest = line.drop { $0 == " " || $0 == "\t" }
        let name = rest.prefix { $0.isNameCharacter }
        guard !name.isEmpty else { return nil }
        rest = rest[name.endIndex...].drop { $0 == " " || $0 == "\t" }
        var labels: [String: String] = [:]
        if rest.first == "{" {
            guard let end = Self.labels(&rest, into: &labels) else { return nil }
            rest = end
        }
        rest = rest.drop { $0 == " " || $0 == "\t" }
        guard let value = Self.number(rest.prefix { $0 != " " && $0 != "\t" }) else { return nil }
        return (String(name), Sample(labels: labels, value: value))
    }

    /// Reads what stands between braces; what follows them, or nil when they are not as they should be.
    private static func labels(_ rest: inout Substring, into labels: inout [String: String]) -> Substring? {
        rest = rest.dropFirst()
        while true {
            rest = rest.drop { $0 == " " || $0 == "\t" || $0 == "," }
            if rest.first == "}" { return rest.dropFirst() }
            let name = rest.prefix { $0.isNameCharacter }
            rest = rest[name.endIndex...].drop { $0 == " " }
            guard !name.isEmpty, rest.first == "=" else { return nil }
            rest = rest.dropFirst().drop { $0 == " " }
            guard rest.first == "\"" else { return nil }
            rest = rest.dropFirst()
            var value = ""
            while let character = rest.popFirst(), character != "\"" {
                guard character == "\\" else {
                    value.append(character)
                    continue
                }
                switch rest.popFirst() {
                case "n": value.append("\n")
                case let escaped?: value.append(escaped)
                case nil: return nil
                }
            }
            labels[String(name)] = value
            if rest.isEmpty { return nil }
        }
    }

    private static func number(_ text: Substring) -> Double? {
        switch text {
        case "+Inf", "Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: text.isEmpty || text.contains(where: { !"0123456789+-.eE".contains($0) }) ? nil : Double(text)
        }
    }
}

extension Character {
    fileprivate var isNameCharacter: Bool {
        switch self {
        case "a"..."z", "A"..."Z", "0"..."9", "_", ":": true
        default: false
        }
    }
}
