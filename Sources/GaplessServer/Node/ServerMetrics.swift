import GaplessCore
import GaplessStore
import Metrics

/// What a node counts. Dimensions come from closed sets only, never from clients.
struct ServerMetrics: Sendable {
    let sent = Counter(label: "gapless.server.messages.sent")
    let acknowledged = Counter(label: "gapless.server.acknowledgements")
    let commits = Counter(label: "gapless.server.commits")
    let commitsFailed = Counter(label: "gapless.server.commits.failed")
    let handled = Counter(label: "gapless.server.uplink.handled")
    let handlersFailed = Counter(label: "gapless.server.uplink.failed")
    let gaps = Counter(label: "gapless.server.gaps")
    let overflowed = Counter(label: "gapless.server.messages.overflowed")
    let expired = Counter(label: "gapless.server.messages.expired")
    private let connections = Gauge(label: "gapless.server.connections")
    private let attached = Gauge(label: "gapless.server.connections.attached")
    private let waiting = Gauge(label: "gapless.server.commits.waiting")
    private let commitTime = Gauge(label: "gapless.server.commits.mean_milliseconds")
    private let attachments: [String: Counter]
    private let closes: [CloseCode: Counter]
    private let otherCloses = Counter(label: "gapless.server.connections.closed", dimensions: [("code", "other")])

    init() {
        var attachments: [String: Counter] = [:]
        for resume in ["new", "resumed", "partial", "reset", "rollback"] {
            attachments[resume] = Counter(label: "gapless.server.attachments", dimensions: [("resume", resume)])
        }
        self.attachments = attachments
        var closes: [CloseCode: Counter] = [:]
        for (code, name) in CloseCode.named {
            closes[code] = Counter(label: "gapless.server.connections.closed", dimensions: [("code", name)])
        }
        self.closes = closes
    }

    func attached(_ resume: Resume) {
        let name =
            switch resume {
            case .new: "new"
            case .resumed: "resumed"
            case .partial: "partial"
            case .reset(.rollback): "rollback"
            case .reset: "reset"
            }
        self.attachments[name]?.increment()
    }

    func record(_ health: GatewayHealth, connections: Int, attached: Int) {
        self.connections.record(connections)
        self.attached.record(attached)
        self.waiting.record(health.waitingOperations)
        self.commitTime.record(health.meanDuration / .milliseconds(1))
    }

    func closed(_ code: CloseCode) {
        (self.closes[code] ?? self.otherCloses).increment()
    }

    func committed(_ operations: [CommittedOperation]) {
        self.commits.increment()
        var (sent, acknowledged) = (0, 0)
        for operation in operations {
            switch operation.receipt {
            case .append(let receipt): sent += receipt.isRepeat ? 0 : receipt.deliveries.count
            case .appendSequence(let receipt): sent += receipt.isRepeat ? 0 : receipt.stored.reduce(0) { $0 + $1.deliveries.count }
            case .acknowledge: acknowledged += 1
            case .attach, .detach, .advanceMark, .end, .remove, .expire, .heartbeat: break
            }
        }
        if sent > 0 { self.sent.increment(by: Int64(sent)) }
        if acknowledged > 0 { self.acknowledged.increment(by: Int64(acknowledged)) }
    }
}
