import GaplessCore
import Metrics

/// What is counted of webhooks.
struct WebhookMetrics: Sendable {
    /// Events that came too fast, or too late to be posted.
    let dropped: Counter
    private let calls: [WebhookCaller.Kind: [WebhookCaller.Outcome: Counter]]
    private let times: [WebhookCaller.Kind: Timer]

    init(_ factory: any MetricsFactory) {
        self.dropped = Counter(label: ServerMetric.webhooksDropped.rawValue, factory: factory)
        self.calls = Self.each { kind in
            Self.each { outcome in
                Counter(
                    label: ServerMetric.webhooks.rawValue,
                    dimensions: [("kind", kind.rawValue), ("outcome", outcome.rawValue)],
                    factory: factory
                )
            }
        }
        self.times = Self.each { kind in
            Timer(label: ServerMetric.webhookTime.rawValue, dimensions: [("kind", kind.rawValue)], factory: factory)
        }
    }

    private static func each<Key: CaseIterable & Hashable, Metric>(_ make: (Key) -> Metric) -> [Key: Metric] {
        Dictionary(uniqueKeysWithValues: Key.allCases.map { ($0, make($0)) })
    }

    /// A call ended.
    ///
    /// - Parameter time: how long it took; nil when that was counted before.
    func ended(_ kind: WebhookCaller.Kind, _ outcome: WebhookCaller.Outcome, after time: Duration? = nil) {
        self.calls[kind]?[outcome]?.increment()
        if let time { self.times[kind]?.recordNanoseconds(time.nanoseconds) }
    }
}
