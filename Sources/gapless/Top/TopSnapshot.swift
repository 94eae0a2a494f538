/// All that `top` shows, out of the last readings of each address: pure, so that a screen of it can be compared with a stored one.
struct TopSnapshot: Sendable {
    /// A row: a node, or an address whose node nobody knows.
    struct Row: Hashable, Sendable {
        /// The node's name, or the address.
        let name: String
        /// What it does: a state of the API, or `no answer`.
        let state: String
        /// The address at which it was asked; nil for a node that others tell of.
        let address: String?
        /// What is told of it; nil for one that nobody tells of.
        let node: NodeDescription?
        /// What it measured; nil for one that was not asked, or does not answer.
        let measures: TopMeasures?
        /// Why its address does not answer; nil when it does, or has none.
        let failure: String?
    }

    /// In order of their names, and then what has none.
    let rows: [Row]
    /// How many addresses are asked.
    let asked: Int
    /// How many of them answer.
    let answering: Int

    /// Puts together what the addresses told.
    init(_ histories: [TopHistory]) {
        var rows: [String: Row] = [:]
        for (name, node) in Self.nodes(histories) {
            rows[name] = Row(name: name, state: node.state, address: nil, node: node, measures: nil, failure: nil)
        }
        for history in histories where history.latest != nil {
            let name = history.name ?? history.address
            let known = rows[name]
            if known?.measures != nil { continue }  // Two addresses of one node.
            rows[name] = Row(
                name: name,
                state: known?.node?.state ?? "no answer",
                address: history.address,
                node: known?.node,
                measures: history.failure == nil ? Self.measures(history) : nil,
                failure: history.failure
            )
        }
        self.rows = rows.values.sorted { ($0.node == nil ? 1 : 0, $0.name) < ($1.node == nil ? 1 : 0, $1.name) }
        self.asked = histories.count
        self.answering = histories.count { $0.latest?.answer != nil }
    }

    /// Each node by its own word if there is one, else by the youngest of the others'.
    private static func nodes(_ histories: [TopHistory]) -> [String: NodeDescription] {
        let told = histories.compactMap { $0.latest?.answer?.nodes }.flatMap { $0 }
        return told.reduce(into: [:]) { nodes, node in
            guard let known = nodes[node.name] else {
                nodes[node.name] = node
                return
            }
            if !known.isAsked, node.isAsked || node.age < known.age { nodes[node.name] = node }
        }
    }

    private static func measures(_ history: TopHistory) -> TopMeasures? {
        guard let current = history.answers.current, let metrics = current.answer?.metrics else { return nil }
        let previous = history.answers.previous.flatMap { reading in
            reading.answer.map { (reading: $0.metrics, seconds: (current.time - reading.time) / .seconds(1)) }
        }
        return TopMeasures(metrics, since: previous)
    }
}
