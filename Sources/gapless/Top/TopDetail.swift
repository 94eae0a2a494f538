/// Everything that is known of one node, a subject a line.
struct TopDetail {
    private let row: TopSnapshot.Row

    /// What there is to tell of a row.
    init(_ row: TopSnapshot.Row) {
        self.row = row
    }

    /// The lines, none wider than `width` as long as a word fits.
    func lines(_ width: Int) -> [ScreenLine] {
        var lines = [self.heading]
        if let failure = self.row.failure { lines.append(ScreenLine("  no answer: \(failure)", .bad)) }
        guard let measures = self.row.measures else {
            if self.row.failure == nil { lines.append(ScreenLine("  its measures stand at its own address: --admin", .faint)) }
            return lines
        }
        for (subject, facts) in Self.facts(measures, of: self.row.node) where !facts.isEmpty {
            lines += Self.wrapped(subject, facts, width)
        }
        return lines
    }

    private var heading: ScreenLine {
        var line = ScreenLine(self.row.name, .strong)
        line.append("  ")
        line.append(self.row.state, self.row.style)
        if let reasons = self.row.node?.notReady {
            line.append(reasons.isEmpty ? ", ready" : ", not ready: \(reasons.joined(separator: ", "))", reasons.isEmpty ? .good : .warning)
        }
        if let over = self.row.node?.over, self.row.node?.notReady?.isEmpty != false {
            line.append(", over: \(over.joined(separator: ", "))", .warning)
        }
        if self.row.measures?.isRestarted == true { line.append(", just restarted", .warning) }
        if let address = self.row.address, address != self.row.name { line.append("  \(address)", .faint) }
        return line
    }

    private static func facts(_ measures: TopMeasures, of node: NodeDescription?) -> [(subject: String, facts: [String])] {
        func rate(_ name: String, _ value: Double?) -> String { "\(name) \(value.map { "\(TextFormat.measure($0))/s" } ?? "-")" }
        func time(_ name: String, _ value: Double?) -> String { "\(name) \(value.map(TextFormat.time) ?? "-")" }
        func number(_ name: String, _ value: Double?) -> String { "\(name) \(value.map(TextFormat.measure) ?? "-")" }
        func happened(_ counts: [String: Double]?) -> [String] {
            guard let counts else { return ["-"] }
            return counts.isEmpty ? ["none"] : counts.sorted { $0.key < $1.key }.map { number($0.key, $0.value) }
        }
        return [
            (
                "messages",
                [
                    rate("sent", measures.sent), rate("delivered", measures.delivered), rate("replayed", measures.replayed),
                    rate("acks", measures.acknowledged), rate("uplink", measures.handled),
                ]
            ),
            ("attaches", Self.attaches(measures).map(rate) + [rate("refused", measures.refused)]),
            (
                "commits",
                [
                    rate("done", measures.commits), time("p50", measures.commitMedian), time("p99", measures.commitHigh),
                    number("waiting", measures.waitingCommits), time("under way", measures.commitAge),
                    number("failed", measures.failedCommits),
                ]
            ),
            ("backlog", [number("waiting", measures.backlog), number("unacknowledged", measures.unacknowledged)]),
            (
                "store",
                [measures.storeBytes.map(TextFormat.bytes) ?? "-", number("queues", measures.storeQueues)]
            ),
            ("gaps", happened(measures.gaps)),
            ("closes", happened(measures.closes)),
            (
                "process",
                [
                    "memory \(measures.memory.map(TextFormat.bytes) ?? "-")", time("loop lag p99", measures.loopLag),
                    node?.connections.map { "connections \(TextFormat.count($0)) of \(node?.capacity.map(TextFormat.count) ?? "-")" } ?? "",
                ].filter { !$0.isEmpty }
            ),
        ]
    }

    /// The outcomes in the order in which an operator worries, and then what later nodes may tell.
    private static func attaches(_ measures: TopMeasures) -> [(String, Double?)] {
        let known = ["new", "resumed", "partial", "reset", "rollback"]
        guard let attaches = measures.attaches else { return known.map { ($0, nil) } }
        let others = attaches.keys.filter { !known.contains($0) }.sorted()
        return (known + others).map { ($0, attaches[$0]) }
    }

    /// The facts behind their subject, as many to a line as fit.
    private static func wrapped(_ subject: String, _ facts: [String], _ width: Int) -> [ScreenLine] {
        let indent = 12
        var lines: [ScreenLine] = []
        var line = ScreenLine("  \(subject)", .faint)
        line.pad(to: indent)
        for fact in facts {
            if line.width > indent, line.width + 2 + fact.count > width {
                lines.append(line)
                line = ScreenLine(String(repeating: " ", count: indent))
            }
            if line.width > indent { line.append("  ") }
            line.append(fact)
        }
        return lines + [line]
    }
}
