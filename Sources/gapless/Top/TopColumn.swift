/// A column of the table of nodes, beside their names.
struct TopColumn {
    let heading: String
    /// In characters, without the space before it.
    let width: Int
    /// The columns with low numbers stay when a terminal is narrow.
    let rank: Int
    /// What stands in the row of a node.
    let cell: (TopSnapshot.Row) -> ScreenLine.Span
    /// What stands in the row of all of them.
    let total: ([TopSnapshot.Row]) -> String

    /// All of them, from left to right.
    static var all: [TopColumn] {
        [
            TopColumn(heading: "STATE", width: 9, rank: 0, cell: { .init(text: $0.state, style: $0.style) }, total: { _ in "" }),
            .number("CLIENTS", 7, rank: 1) { $0.node?.attached.map { Double($0) } },
            TopColumn(heading: "LOAD", width: 4, rank: 7, cell: { .init(text: $0.load, style: .plain) }, total: { _ in "" }),
            .number("SENT/S", 7, rank: 2) { $0.measures?.sent },
            .number("DELIV/S", 7, rank: 3) { $0.measures?.delivered },
            .number("ACKS/S", 7, rank: 5) { $0.measures?.acknowledged },
            .number("REPL/S", 7, rank: 6) { $0.measures?.replayed },
            .number("ATT/S", 6, rank: 10) { $0.measures?.attaches?.values.reduce(0, +) },
            .number("CLOSE/S", 7, rank: 13) { $0.measures?.closeRate },
            .number("GAPS/S", 6, rank: 14) { $0.measures?.gapRate },
            .time("P50", rank: 12) { $0.measures?.commitMedian },
            .time("P99", rank: 4) { $0.measures?.commitHigh },
            .number("WAITS", 6, rank: 11) { $0.measures?.waitingCommits },
            .number("BACKLOG", 7, rank: 8) { $0.measures?.backlog },
            TopColumn(
                heading: "STORE",
                width: 10,
                rank: 9,
                cell: { .init(text: $0.measures?.storeBytes.map(TextFormat.bytes) ?? "-", style: .plain) },
                // They share one store.
                total: { $0.compactMap { $0.measures?.storeBytes }.max().map(TextFormat.bytes) ?? "-" }
            ),
        ]
    }

    /// Those that fit beside a name of some characters, from left to right.
    static func fitting(_ width: Int) -> [TopColumn] {
        var left = width
        var ranks: Set<Int> = []
        for column in Self.all.sorted(by: { $0.rank < $1.rank }) {
            guard left > column.width else { break }
            left -= column.width + 1
            ranks.insert(column.rank)
        }
        return Self.all.filter { ranks.contains($0.rank) }
    }

    private static func number(_ heading: String, _ width: Int, rank: Int, _ value: @escaping (TopSnapshot.Row) -> Double?) -> TopColumn {
        TopColumn(
            heading: heading,
            width: width,
            rank: rank,
            cell: { .init(text: value($0).map(TextFormat.measure) ?? "-", style: .plain) },
            total: { rows in
                // The clients of a node that is silent are counted where they are now.
                let values = rows.filter { $0.state != "silent" }.compactMap(value)
                return values.isEmpty ? "-" : TextFormat.measure(values.reduce(0, +))
            }
        )
    }

    private static func time(_ heading: String, rank: Int, _ value: @escaping (TopSnapshot.Row) -> Double?) -> TopColumn {
        TopColumn(
            heading: heading,
            width: 7,
            rank: rank,
            cell: { .init(text: value($0).map(TextFormat.time) ?? "-", style: .plain) },
            total: { $0.compactMap(value).max().map(TextFormat.time) ?? "-" }
        )
    }
}

extension TopSnapshot.Row {
    /// How its state stands out.
    var style: TextStyle { self.node?.style ?? .bad }

    /// How much of what it can take it has taken.
    fileprivate var load: String {
        guard let connections = self.node?.connections, let capacity = self.node?.capacity, capacity > 0 else { return "-" }
        return "\(Int(min(999, 100 * Double(connections) / Double(capacity))))%"
    }
}
