import GaplessCore

/// The text of `top` for a terminal of some size: pure.
struct TopScreen {
    private let width: Int
    private let height: Int

    /// For so many columns and lines.
    init(width: Int, height: Int) {
        self.width = max(1, width)
        self.height = max(1, height)
    }

    /// The lines of a screen, as many as it is high, none wider than it is.
    func lines(_ snapshot: TopSnapshot, _ view: TopView, every interval: String) -> [ScreenLine] {
        let inner = view.mode == .help ? Self.help : self.list(snapshot, view, every: interval)
        let body = inner.prefix(self.height - 1).map { $0.cut(to: self.width) }
        let gap = Array(repeating: ScreenLine(), count: max(0, self.height - 1 - body.count))
        return body + gap + [self.foot(view).cut(to: self.width)]
    }

    /// All nodes and the details of those that were asked, for a file or a pipe.
    static func plain(_ snapshot: TopSnapshot, width: Int) -> [ScreenLine] {
        let screen = TopScreen(width: width, height: .max)
        var lines = screen.table(snapshot, rows: snapshot.rows[...], choice: nil)
        for row in snapshot.rows where row.address != nil { lines += [ScreenLine()] + TopDetail(row).lines(screen.width) }
        return lines.map { $0.cut(to: screen.width) }
    }

    // MARK: Parts

    private func list(_ snapshot: TopSnapshot, _ view: TopView, every interval: String) -> [ScreenLine] {
        guard let choice = view.choice(among: snapshot.rows) else {
            return [self.title(snapshot, shown: 0..<0, every: interval), ScreenLine(), ScreenLine("Waiting for the first answer.", .faint)]
        }
        let detail = TopDetail(snapshot.rows[choice]).lines(self.width)
        // Beside the nodes there are the title, the heading, the row of all, the foot, and a line before the details.
        let free = max(1, self.height - 3 - (snapshot.rows.count > 1 ? 1 : 0))
        let count = min(snapshot.rows.count, free, max(4, free - detail.count - 1))
        let first = min(max(0, choice - count / 2), snapshot.rows.count - count)
        let shown = first..<first + count
        var lines = [self.title(snapshot, shown: shown, every: interval)]
        lines += self.table(snapshot, rows: snapshot.rows[shown], choice: choice - first)
        if free - count > 2 { lines += [ScreenLine()] + detail.prefix(free - count - 1) }
        return lines
    }

    private func title(_ snapshot: TopSnapshot, shown: Range<Int>, every interval: String) -> ScreenLine {
        var line = ScreenLine("gapless top", .strong)
        let count = snapshot.rows.count { $0.node != nil }
        line.append("  \(count) \(count == 1 ? "node" : "nodes")")
        if shown.count < snapshot.rows.count { line.append(" (\(shown.lowerBound + 1) to \(shown.upperBound) shown)") }
        let isWhole = snapshot.answering == snapshot.asked
        line.append("  \(snapshot.answering) of \(snapshot.asked) addresses answer", isWhole ? .plain : .bad)
        line.append("  every \(interval)", .faint)
        return line
    }

    /// The heading, the row of all if there are several, and the rows.
    private func table(_ snapshot: TopSnapshot, rows: ArraySlice<TopSnapshot.Row>, choice: Int?) -> [ScreenLine] {
        let longest = max(4, snapshot.rows.map(\.name.count).max() ?? 0)
        let columns = TopColumn.fitting(self.width - 2 - min(longest, Self.minName))
        let taken = 2 + columns.reduce(0) { $0 + $1.width + 1 }
        let name = max(4, min(longest, self.width - taken))

        var heading = ScreenLine("  " + Self.fit("NODE", name), .strong)
        for column in columns { heading.append(Self.cell(column, column.heading), .strong) }
        var lines = [heading]
        if snapshot.rows.count > 1 {
            var line = ScreenLine("  " + Self.fit("all", name))
            for column in columns { line.append(Self.cell(column, column.total(snapshot.rows))) }
            lines.append(line)
        }
        for (place, row) in rows.enumerated() {
            var line = ScreenLine(place == choice ? ">" : " ")
            line.append(row.failure == nil ? " " : "!", .bad)
            line.append(Self.fit(row.name, name))
            for column in columns {
                let span = column.cell(row)
                line.append(Self.cell(column, span.text), span.style)
            }
            if place == choice {
                line.pad(to: self.width)
                line = line.cut(to: self.width).styled(.chosen)
            }
            lines.append(line)
        }
        return lines
    }

    /// The least that a name gets before a column is left out.
    private static let minName = 12

    /// A cell with the space before it: words on the left, numbers on the right.
    private static func cell(_ column: TopColumn, _ text: String) -> String {
        if column.heading == "STATE" { return " " + Self.fit(text, column.width) }
        return " " + String(repeating: " ", count: max(0, column.width - text.count)) + text.prefix(column.width)
    }

    /// The text at a width, with a tilde for what had no room.
    private static func fit(_ text: String, _ width: Int) -> String {
        if text.count > width { return text.prefix(width - 1) + "~" }
        return text + String(repeating: " ", count: width - text.count)
    }

    private func foot(_ view: TopView) -> ScreenLine {
        switch view.mode {
        case .question(let order, let name): ScreenLine("\(Self.question(order, name)) y/n", .warning)
        case .help: ScreenLine("any key goes back", .faint)
        case .list where !view.message.isEmpty: ScreenLine(view.message, .warning)
        case .list: ScreenLine("q quit  h help  j/k choose  c cordon  u uncordon  d drain", .faint)
        }
    }

    private static func question(_ order: NodeOrder, _ name: String) -> String {
        switch order {
        case .cordon: "Cordon \(name)?"
        case .uncordon: "Uncordon \(name)?"
        case .drain, .drainNow: "Drain \(name)? Its clients move, its process ends, nothing takes it back."
        }
    }

    private static let help: [ScreenLine] =
        [ScreenLine("gapless top", .strong), ScreenLine()]
        + [
            "q        quit",
            "j k      choose a node, as the arrows do; g and G the first and the last",
            "c        cordon: newcomers go to other nodes, clients stay",
            "u        uncordon",
            "d        drain: clients move to other nodes, then the process ends",
            "^L       draw the screen anew",
            "^Z       suspend",
            "",
            "CLIENTS  attached clients           LOAD     connections of what it can take",
            "SENT/S   messages stored            DELIV/S  messages written to connections",
            "ACKS/S   acknowledgements committed REPL/S   of those written, sent anew",
            "ATT/S    clients that attached      CLOSE/S  connections that it closed",
            "GAPS/S   gaps that clients heard of P50 P99  how long commits take",
            "WAITS    operations that wait for the next commit",
            "BACKLOG  how far attached clients are behind    STORE  payload bytes",
            "",
            "! before a name: its address does not answer. - : not known yet.",
        ].map { ScreenLine($0) }
}
