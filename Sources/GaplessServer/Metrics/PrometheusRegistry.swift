/// Which series there are, within bounds.
struct PrometheusRegistry {
    /// All series of one name.
    struct Family {
        /// What it was called before it was made a name for Prometheus.
        let label: String
        let kind: PrometheusKind
        /// By their dimensions as they are written.
        var series: [String: any PrometheusSeries] = [:]
    }

    /// The most bytes of a name with its dimensions.
    static let maxNameBytes = 1_024

    private let maxSeries: Int
    private let maxLines: Int
    private var lines = 0
    /// Every name in the first column of the text, since two metrics must not share one.
    private var written: Set<String> = []
    private(set) var families: [String: Family] = [:]

    init(maxSeries: Int, maxLines: Int) {
        self.maxSeries = maxSeries
        self.maxLines = maxLines
    }

    /// The series of that name and these dimensions: the one that is there, or a new one; nil when it does not fit.
    ///
    /// - Parameter make: makes the new one, of that kind. What is there already is not made again.
    mutating func add<Series: PrometheusSeries>(
        _ kind: PrometheusKind,
        label: String,
        dimensions: [(String, String)],
        _ make: () -> Series
    ) -> Series? {
        let name = PrometheusName.metric(label, kind: kind)
        let labels = PrometheusName.labels(dimensions)
        if let found = self.families[name]?.series[labels] { return found.kind == kind ? found as? Series : nil }
        guard name.utf8.count + labels.utf8.count <= Self.maxNameBytes, self.lines + kind.lines <= self.maxLines else { return nil }
        if let family = self.families[name] {
            guard family.kind == kind, family.series.count < self.maxSeries else { return nil }
        } else {
            let names = kind.names(of: name)
            guard self.written.isDisjoint(with: names) else { return nil }
            self.written.formUnion(names)
            self.families[name] = Family(label: label, kind: kind)
        }
        let new = make()
        self.lines += kind.lines
        self.families[name]?.series[labels] = new
        return new
    }

    /// Takes a series out, if it is there.
    mutating func remove(_ series: AnyObject) {
        for (name, family) in self.families {
            guard let labels = family.series.first(where: { $0.value === series })?.key else { continue }
            self.lines -= family.kind.lines
            self.families[name]?.series[labels] = nil
            if family.series.count == 1 {
                self.families[name] = nil
                self.written.subtract(family.kind.names(of: name))
            }
            return
        }
    }
}
